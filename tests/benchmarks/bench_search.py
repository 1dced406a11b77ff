"""Time AttributeSearchCV beside scikit-learn's GridSearchCV, on the same kept features.

Run: python tests/benchmarks/bench_search.py --images DIR --labels CSV --weights PTH

12 candidates (learning rates and dropouts), 5 folds, 20 epochs, without the refit, on features that
the cache holds. The two alternate; the table holds medians, and whether both found the same best.
"""

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV

from attrlearn import AttributeClassifier
from attrlearn.model_selection import AttributeKFold, AttributeSearchCV

GRID = {"learning_rate": [3e-4, 1e-3, 3e-3], "dropout": [0.3, 0.5, 0.7, 0.8]}
HEADS = {"committee (default)": {}, "linear": {"hidden_dim": None}}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    table = pd.read_csv(options.labels).iloc[: options.n]
    X = [str(Path(options.images) / name) for name in table.iloc[:, 0]]
    y = table.iloc[:, 1:]
    with tempfile.TemporaryDirectory() as cache:
        clf = AttributeClassifier(
            "mobilenet_v2", weights=options.weights, cache_dir=cache, random_state=0
        )
        clf.fit(X, y)
        rows = [compare(name, clf, head, X, y, options.repeats) for name, head in HEADS.items()]
    print(pd.DataFrame(rows).round(2).to_string(index=False))


def compare(
    name: str, clf: AttributeClassifier, head: dict, X: list[str], y: pd.DataFrame, repeats: int
) -> dict[str, object]:
    """Seconds of both searches, their ratio, and how far their scores differ."""
    clf.set_params(hidden_dim=AttributeClassifier().hidden_dim).set_params(**head)
    cv = AttributeKFold(5, shuffle=True, random_state=0)
    seconds: dict[str, list[float]] = {"grid": [], "side by side": []}
    searches = {}
    for _ in range(repeats):
        for kind, search in [("grid", GridSearchCV), ("side by side", AttributeSearchCV)]:
            started = perf_counter()
            searches[kind] = search(clf, GRID, cv=cv, refit=False).fit(X, y)
            seconds[kind].append(perf_counter() - started)
    grid, together = (np.median(values) for values in seconds.values())
    scores = [search.cv_results_["mean_test_score"] for search in searches.values()]
    return {
        "head": name,
        "GridSearchCV s": grid,
        "AttributeSearchCV s": together,
        "times": grid / together,
        "same best": np.argmax(scores[0]) == np.argmax(scores[1]),
        "largest difference of scores": np.abs(scores[0] - scores[1]).max(),
    }


if __name__ == "__main__":
    main()
