"""Wrong labels found, and labels bought, on drawn garments and on an annotation table of your own.

First, of the known cells 5% are flipped: how many of them are among the first 5% that
`find_label_issues` lists. Then all but some labelled cells are hidden: the balanced accuracy on
other images over the number of cells that are asked, those that `suggest_labels` lists and random
ones, and how many of the former are worth the latter.

Run: python tests/benchmarks/bench_labels.py [--backbone mobilenet_v2 --weights FILE]
     [--labels FILE --image-dir DIR --categorical NAME ...]
"""

import argparse
import warnings
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from attrlearn import AttributeClassifier, ImageEmbedder, make_attribute_images, read_labels
from attrlearn.inspection import find_label_issues, suggest_labels
from attrlearn.metrics import balanced_accuracy_score
from attrlearn.model_selection import AttributeKFold, cross_val_predict_proba

SEEDS = 0, 1, 2
FLIPPED = 0.05
START, STEP, ROUNDS = 300, 150, 9  # labelled cells, and those asked at a time
HEAD = {"hidden_dim": None, "dropout": 0.5}  # that of `attrlearn label`


def flip(y: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """The table with some known cells of another class, and which these are (N, A)."""
    flipped, changed = y.copy(), np.zeros(y.shape, dtype=bool)
    known = np.argwhere(y.notna().to_numpy())
    for row, a in rng.permutation(known)[: round(FLIPPED * len(known))]:
        column = y.iloc[:, a]
        classes = [0, 1] if column.dtype == float else list(column.cat.categories)
        flipped.iat[row, a] = rng.choice([c for c in classes if c != column.iat[row]])
        changed[row, a] = True
    return flipped, changed


def find_flips(features: np.ndarray, y: pd.DataFrame, categories: pd.Series | None) -> None:
    """Print how many flips are found."""
    for seed in SEEDS:
        flipped, changed = flip(y, np.random.default_rng(seed))
        clf = AttributeClassifier(backbone=None, random_state=0)
        cv = AttributeKFold(5, shuffle=True, random_state=seed)
        proba = cross_val_predict_proba(clf, features, flipped, cv=cv, categories=categories)
        issues = find_label_issues(None, flipped, proba, min_probability=0)
        hit = changed[issues["row"], y.columns.get_indexer(issues["attribute"])]
        listed = issues["error_probability"] >= 0.5
        print(
            f"  seed {seed}: {changed.sum()} flips, of the first {changed.sum()} listed "
            f"{hit[: changed.sum()].mean():.1%} are flips; {listed.sum()} with an error probability"
            f" of 0.5 or more, {hit[listed].mean():.1%} of them flips",
            flush=True,
        )


def buy(features, y, categories, seed, *, suggests):
    """Balanced accuracy on other images after each round of questions."""
    rng = np.random.default_rng(seed)
    test = rng.permutation(len(y))[: int(0.3 * len(y))]
    hidden = y.notna().to_numpy()
    hidden[test] = False  # cells that can be asked for
    labelled = np.zeros(y.shape, dtype=bool)
    asked = rng.permutation(np.argwhere(hidden))[:START]
    curve = []
    for _ in range(ROUNDS + 1):
        labelled[tuple(asked.T)] = True
        hidden &= ~labelled
        known = y.where(labelled)
        some = np.flatnonzero(labelled.any(axis=1))
        inputs = {} if categories is None else {"categories": categories.iloc[some]}
        clf = AttributeClassifier(backbone=None, random_state=0, **HEAD)
        clf.fit(features[some], known.iloc[some], **inputs)
        curve.append(_score(clf, features[test], y.iloc[test], categories, test))
        asked = rng.permutation(np.argwhere(hidden))[:STEP]
        if suggests:
            asked = _suggest(clf, features, known, hidden, categories)
    return curve


def _score(clf, features, y, categories, rows):
    """Balanced accuracy, averaged over the attributes."""
    inputs = {} if categories is None else {"categories": categories.iloc[rows]}
    return balanced_accuracy_score(y, clf.predict(features, **inputs), classes=clf.classes_)


def _suggest(clf, features, known, hidden, categories):
    """Cells (n, 2) that are suggested, of those that can be asked for."""
    proba = cross_val_predict_proba(clf, features, known, cv=3, categories=categories)
    proba = proba if isinstance(proba, list) else list(np.stack([1 - proba.T, proba.T], axis=2))
    asked = hidden | known.notna().to_numpy()  # of the others nothing is known
    proba = [np.where(asked[:, [a]], p, np.nan) for a, p in enumerate(proba)]
    cells = suggest_labels(None, known, proba, features, n=STEP)[:STEP]
    return np.column_stack([cells["row"], known.columns.get_indexer(cells["attribute"])])


def buy_labels(features: np.ndarray, y: pd.DataFrame, categories: pd.Series | None) -> None:
    """Print the balanced accuracy over the cells that are labelled."""
    curves = {
        suggests: np.mean(
            [buy(features, y, categories, seed, suggests=suggests) for seed in SEEDS], axis=0
        )
        for suggests in (False, True)
    }
    cells = START + STEP * np.arange(ROUNDS + 1)
    best = np.maximum.accumulate(curves[True])
    print("  cells   random  suggested  cells for the same   share of all   of those asked")
    for n, at_random, suggested in zip(cells, *curves.values(), strict=True):
        same = np.interp(at_random, best, cells)
        of_asked = (same - START) / (n - START) if n > START else np.nan
        print(
            f"  {n:5d}   {at_random:.3f}      {suggested:.3f}  {same:18.0f}   {same / n:12.2f}   "
            f"{of_asked:14.2f}",
            flush=True,
        )


def main() -> None:
    """Compute features, and print both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--weights", default="DEFAULT")
    parser.add_argument("--labels")
    parser.add_argument("--image-dir")
    parser.add_argument("--categorical", nargs="+")
    parser.add_argument("--only", choices=["flips", "bought"])
    arguments = parser.parse_args()
    if arguments.labels:
        X, y = read_labels(
            arguments.labels,
            arguments.image_dir,
            categorical=arguments.categorical,
            on_duplicate="merge",
            on_missing_image="drop",
        )
        size = 224
    else:
        size = 128
        X, y = make_attribute_images(2000, mkdtemp(), size=size, missing_rate=0, random_state=0)
    embedder = ImageEmbedder(arguments.backbone, weights=arguments.weights, image_size=size)
    features = embedder.fit_transform(X[["image"]])
    categories = X.get("category")
    print(f"{len(y)} images, {y.notna().to_numpy().sum()} labelled cells")
    if arguments.only != "bought":
        find_flips(features, y, categories)
    if arguments.only != "flips":
        buy_labels(features, y, categories)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
