"""Time and evenness of AttributeKFold beside KFold, on random tables with a third of gaps.

Then the time by number of folds, up to one row per fold.

Run: python tests/benchmarks/bench_splits.py
"""

from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold

from attrlearn.model_selection import AttributeKFold

SHAPES = [(1_000, 10), (10_000, 50), (100_000, 50)]  # rows, attributes
MANY_FOLDS = (1_000, 77), [2, 3, 5, 10, 20, 50, 100, 200, 333, 500, 750, 1_000]


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


def compare_splitters(rng: np.random.Generator) -> pd.DataFrame:
    """Rows and groups of each shape, by splitter."""
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
    return pd.DataFrame(rows)


def compare_numbers_of_folds(rng: np.random.Generator) -> pd.DataFrame:
    """One table, and with groups of four rows on average, by number of folds."""
    shape, numbers = MANY_FOLDS
    y = make_table(*shape, rng)
    groups = rng.integers(0, len(y) // 4, len(y))
    rows = []
    for n_splits in numbers:
        options = {"n_splits": n_splits, "shuffle": True, "random_state": 0}
        for splitter, given in [
            (KFold(**options), None),
            (AttributeKFold(**options), None),
            (AttributeKFold(**options), groups),
        ]:
            if given is None or n_splits <= len(np.unique(groups)):
                name = type(splitter).__name__ + (", groups" if given is not None else "")
                rows.append({"folds": n_splits, "splitter": name, **measure(splitter, y, given)})
    return pd.DataFrame(rows)


def main() -> None:
    """Print the tables."""
    rng = np.random.default_rng(0)
    for table in (compare_splitters(rng), compare_numbers_of_folds(rng)):
        print(table.to_string(index=False), end="\n\n")


if __name__ == "__main__":
    main()
