"""What to label next, and what a model can fill in."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import entr
from sklearn.decomposition import PCA

from attrlearn.checks.feature_matrix import check_feature_matrix
from attrlearn.checks.targets import MISSING, applicable_attributes
from attrlearn.inspection.cell_table import as_objects, cell_table, image_names
from attrlearn.inspection.label_noise import fit_label_noise
from attrlearn.metrics.alignment import Cells, align_probabilities

__all__ = ["suggest_labels"]

POOL = 0.2  # of the missing cells of an attribute, the most uncertain: what is asked comes of them
AT_LEAST = 5  # times as many as are asked
N_COMPONENTS, N_SAMPLED = 100, 2_000  # principal components of features, and rows they are found on
BY_PROBABILITY = 0.5  # weight of the probabilities beside points of unit length
TINY = 1e-12


def suggest_labels(
    X: Any, y: Any, proba: Any, features: Any = None, *, n: int = 100, classes: Any = None
) -> pd.DataFrame:
    """Order the missing cells by what labelling them would teach, and say what a model fills in.

    Parameters
    ----------
    X : as in `AttributeClassifier.fit`, or None
        Names the images, and may hold their categories.
    y : array-like or DataFrame of shape (N, A)
        With gaps.
    proba : ndarray of shape (N, A), or list of A arrays of shape (N, classes)
        As from `attrlearn.model_selection.cross_val_predict_proba`: of models that did not see the
        cells. Cells in a row of NaN, of an image that could not be read, are left out.
    features : array-like of shape (N, D), optional
        Of the images, as from `attrlearn.ImageEmbedder`: what is asked at a time shall differ in
        them. Without, it differs in the probabilities of all attributes.
    n : int, default=100
        Cells that are asked before a model is fitted anew. The first `n` rows are chosen together.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, where `y` may lack some of them.

    Returns
    -------
    DataFrame
        A row per missing cell. First the `n` to ask, of each attribute in turn; then the others,
        the most uncertain first; last those of categories to which the attribute seems not to apply
        (at least 20 rows, none labelled), if X has a column `category`.

        - `row`: its position in X.
        - `image`: where X holds paths or URLs.
        - `attribute`
        - `suggested`: the most probable class.
        - `confidence`: its probability, as a rate: of cells with 0.9, nine of ten are right. NaN
          for an attribute without labelled cells.

    Raises
    ------
    ValueError
        If the shapes, a cell or an argument break a rule.

    See Also
    --------
    find_label_issues : Which labelled cells are probably wrong.

    Notes
    -----
    The probabilities of each attribute are recalibrated on its labelled cells as in
    `find_label_issues`: then they are rates, whatever class weights they come from, and wrong
    labels do not count as uncertainty.

    Per attribute, the fifth of the missing cells whose rates have the highest entropy is taken (or
    five times what is asked, if that is more), and of it a set that is spread out:
    beginning with the most uncertain, each next cell is the one farthest from those before [1]_, by
    the first 100 principal components of the standardised features, at unit length, and the square
    roots of the rates. Uncertainty alone asks for much of the same, and across attributes for those
    that cannot be learnt.

    References
    ----------
    .. [1] O. Sener and S. Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
       Approach", ICLR 2018.

    Examples
    --------
    >>> y = pd.DataFrame({"striped": [1, 0, 1, 0, None, None, None]})
    >>> proba = np.array([[0.9], [0.1], [0.8], [0.2], [0.95], [0.5], [0.3]])
    >>> suggest_labels(None, y, proba, n=1)[["row", "attribute"]]
       row attribute
    0    5   striped
    1    6   striped
    2    4   striped
    """
    if n < 1:
        raise ValueError(f"n must be a number of cells, 1 or more. Got {n!r}. Pass 100.")
    alignment = align_probabilities(y, proba, classes=classes)
    n_rows = len(alignment.codes)
    names = image_names(X, n_rows)
    space = _space(features, alignment.predicted, n_rows)
    predicted = np.column_stack([~np.isnan(p[:, 0]) for p in alignment.predicted])
    missing = (alignment.codes == MISSING) & predicted
    applies = _applies(X, alignment.codes)
    quotas = _quotas(n, (missing & applies).sum(axis=0))
    tables = []
    for a, (attribute, cells) in enumerate(zip(alignment.attributes.names, alignment, strict=True)):
        rows = np.flatnonzero(missing[:, a])
        noise = fit_label_noise(cells.predicted, cells.known)
        probabilities = alignment.predicted[a][rows]
        if noise is not None:
            probabilities = noise.true_probabilities(probabilities)
        certainty = -entr(probabilities).sum(axis=1) / np.log(cells.n_classes)
        turn = np.full(len(rows), np.inf)
        if quotas[a]:
            some = np.flatnonzero(applies[rows, a])
            chosen = _choose(probabilities[some], certainty[some], space, rows[some], quotas[a])
            turn[some[chosen]] = np.arange(quotas[a])
        if noise is None:  # the probabilities tell nothing
            probabilities = _shares(cells, len(rows))
        suggested, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        columns = {
            "suggested": as_objects(alignment.attributes.classes[a])[suggested],
            "confidence": confidence,
            "turn": turn,
            "last": ~applies[rows, a],
            "certainty": certainty,
        }
        tables.append(cell_table(attribute, rows, names, columns))
    table = pd.concat(tables, ignore_index=True)
    order = ["turn", "last", "certainty"]
    return table.sort_values(order, kind="stable", ignore_index=True).drop(columns=order)


def _space(features: Any, predicted: list[np.ndarray], n_rows: int) -> np.ndarray:
    """What cells shall differ in: points (N, D) of unit length."""
    if features is None:
        points = np.sqrt(np.hstack(predicted))
    else:
        points, _ = check_feature_matrix(features)
        if len(points) != n_rows:
            raise ValueError(
                f"features must have the rows of y. Got {len(points)}, where y has {n_rows}. "
                "Select the same rows of both."
            )
        points = _principal_components(points)
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), TINY)


def _principal_components(features: np.ndarray) -> np.ndarray:
    """(N, at most 100) float32 of the standardised features, found on some of the rows."""
    step = max(1, len(features) // N_SAMPLED)
    sample = features[::step].astype(float)
    mean, scale = sample.mean(axis=0), np.maximum(sample.std(axis=0), TINY)
    n = min(N_COMPONENTS, *sample.shape)
    pca = PCA(n, svd_solver="randomized", random_state=0).fit((sample - mean) / scale)
    weights = (pca.components_ / scale).T.astype(np.float32)  # (D, n)
    centred = (mean @ weights).astype(np.float32)
    parts = [features[i : i + N_SAMPLED] for i in range(0, len(features), N_SAMPLED)]
    return np.concatenate([part.astype(np.float32) @ weights - centred for part in parts])


def _applies(X: Any, codes: np.ndarray) -> np.ndarray:
    """Whether an attribute applies to the category of a row, (N, A)."""
    if not (isinstance(X, pd.DataFrame) and "category" in X):
        return np.ones(codes.shape, dtype=bool)
    numbers, categories = pd.factorize(X["category"])  # -1 for unknown
    table = applicable_attributes(codes, numbers + 1, len(categories))
    return np.vstack([table, np.ones(codes.shape[1], dtype=bool)])[numbers]


def _quotas(n: int, available: np.ndarray) -> np.ndarray:
    """How many of n cells each attribute gets (A,): the same number, as far as it has them.

    Examples
    --------
    >>> _quotas(10, np.array([2, 9, 9]))
    array([2, 4, 4])
    """
    quotas = np.zeros_like(available)
    while n > 0 and (open_ := np.flatnonzero(quotas < available)).size:
        each = max(1, n // len(open_))
        some = open_[:n]
        added = np.minimum(available[some] - quotas[some], each)
        quotas[some] += added
        n -= int(added.sum())
    return quotas


def _choose(
    probabilities: np.ndarray, certainty: np.ndarray, space: np.ndarray, rows: np.ndarray, n: int
) -> np.ndarray:
    """The n of m cells to ask together, in order: uncertain, and unlike each other."""
    size = max(int(POOL * len(certainty)), AT_LEAST * n)
    pool = np.argsort(certainty, kind="stable")[:size]
    by_probability = BY_PROBABILITY * np.sqrt(probabilities[pool])
    return pool[_spread(np.hstack([space[rows[pool]], by_probability]), n)]


def _spread(points: np.ndarray, n: int) -> list[int]:
    """Choose n of (m, D) points, beginning with the first: each the farthest from those before."""
    chosen = [0]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < n:
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        nearest[chosen] = -1.0  # so that points that coincide with them come before them again
        chosen.append(int(nearest.argmax()))
    return chosen


def _shares(cells: Cells, n: int) -> np.ndarray:
    """Shares of the classes among the labelled cells, n times; NaN of none."""
    counts = np.bincount(cells.known, minlength=cells.n_classes)
    return np.tile(counts / counts.sum() if counts.sum() else np.full(len(counts), np.nan), (n, 1))
