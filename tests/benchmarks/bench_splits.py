"""Time and evenness of AttributeKFold beside KFold, on random tables with a third of gaps.

Run: python tests/benchmarks/bench_splits.py
"""

from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold

from attrlearn.model_selection import AttributeKFold

SHAPES = [(1_000, 10), (10_000, 50), (100_000, 50)]  # rows, attributes


def make_table(n_rows: int, n_attributes: int, rng: np.random.Generator) -> np.ndarray:
    """(N, A) cells 0, 1 and NaN; attributes have from 10 positives to half of the rows."""
    share = np.geomspace(10 / n_rows, 0.5, n_attributes)
    y = (rng.random((n_rows, n_attributes)) < share).astype(float)
    y[rng.random(y.shape) < 1 / 3] = np.nan
    return y


def measure(splitter, y: np.ndarray, groups: np.ndarray | None) -> dict[str, float]:
    """Seconds; pairs (attribute, fold) without a positive; spread of positives over the folds."""
    start = perf_counter()
    tests = [test for _, test in splitter.split(y, y, groups)]
    seconds = perf_counter() - start
    positives = np.array([np.nansum(y[test], axis=0) for test in tests])  # (folds, A)
    return {
        "seconds": round(seconds, 2),
        "empty pairs": int((positives == 0).sum()),
        "max - min positives": round(np.ptp(positives, axis=0).mean(), 1),
        "max - min rows": np.ptp([len(test) for test in tests]),
    }


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    rows = []
    for shape in SHAPES:
        y = make_table(*shape, rng)
        groups = rng.integers(0, len(y) // 4, len(y))
        for splitter, given in [
            (KFold(5, shuffle=True, random_state=0), None),
            (AttributeKFold(5, shuffle=True, random_state=0), None),
            (GroupKFold(5), groups),
            (AttributeKFold(5, shuffle=True, random_state=0), groups),
        ]:
            name = type(splitter).__name__ + (", groups" if given is not None else "")
            table = f"{shape[0]:,} x {shape[1]}"
            rows.append({"table": table, "splitter": name, **measure(splitter, y, given)})
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
