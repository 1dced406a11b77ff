"""Labels that are probably wrong."""

from typing import Any

import numpy as np
import pandas as pd

from attrlearn.checks.targets import MISSING
from attrlearn.exceptions import AttributeWarning, warn
from attrlearn.inspection.cell_table import as_objects, cell_table, image_names
from attrlearn.inspection.label_noise import LabelNoise, fit_label_noise
from attrlearn.metrics.alignment import Cells, align_probabilities

__all__ = ["find_label_issues"]

COLUMNS = ("given", "suggested", "error_probability")


def find_label_issues(
    X: Any, y: Any, proba: Any, *, classes: Any = None, min_probability: float = 0.5
) -> pd.DataFrame:
    """Find labelled cells that are probably wrong, by out-of-fold probabilities.

    Parameters
    ----------
    X : as in `AttributeClassifier.fit`, or None
        Names the images of what is found.
    y : array-like or DataFrame of shape (N, A)
        With gaps.
    proba : ndarray of shape (N, A), or list of A arrays of shape (N, classes)
        Out of fold: as from `attrlearn.model_selection.cross_val_predict_proba`. A row of NaN, of
        an image that could not be read, is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, where `y` may lack some of them.
    min_probability : float, default=0.5
        Of an error, from 0 (all labelled cells) to 1.

    Returns
    -------
    DataFrame
        A row per cell, the most probable error first:

        - `row`: its position in X.
        - `image`: where X holds images; see `attrlearn.ImageError` for images in memory.
        - `attribute`
        - `given`: the label.
        - `suggested`: the most probable of the other classes.
        - `error_probability`: of the label being wrong.

    Warns
    -----
    AttributeWarning
        If there are attributes of which nothing can be found, as the probabilities tell no more of
        their labels than the class counts do.

    Raises
    ------
    ValueError
        If the shapes, a cell or an argument break a rule.

    See Also
    --------
    suggest_labels : Which missing cells to fill, and which to ask for.

    Notes
    -----
    As in confident learning [1]_, labels are taken for true classes that were changed with a
    probability which depends on the class alone, and out-of-fold probabilities tell the two apart.
    Here the rates of that noise are fitted per attribute, together with a recalibration of the
    probabilities [2]_, which therefore may be those of balanced class weights and of rare
    attributes: error probabilities of different attributes can be compared, and their sum is the
    number of errors to expect. What the classes are changed to is assumed to be any of the others.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty
       in Dataset Labels", Journal of Artificial Intelligence Research, 2021.
    .. [2] J. B. Copas, "Binary Regression Models for Contaminated Data", Journal of the Royal
       Statistical Society B, 1988.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> striped = rng.integers(0, 2, 500)
    >>> proba = np.where(striped == 1, 0.9, 0.1)
    >>> striped[7] = 1 - striped[7]
    >>> find_label_issues(None, pd.DataFrame({"striped": striped}), proba[:, None]).round(1)
       row attribute given suggested  error_probability
    0    7   striped     1         0                0.9
    """
    if not 0 <= min_probability <= 1:
        raise ValueError(
            f"min_probability must be from 0 to 1. Got {min_probability!r}. Pass 0.5, or 0 for all "
            "labelled cells."
        )
    alignment = align_probabilities(y, proba, classes=classes)
    names = image_names(X, len(alignment.codes))
    tables, unjudged = [], []
    for a, (attribute, cells) in enumerate(zip(alignment.attributes.names, alignment, strict=True)):
        rows = np.flatnonzero(alignment.codes[:, a] != MISSING)
        noise = fit_label_noise(cells.predicted, cells.known)
        if noise is None:
            unjudged.append(attribute)
            continue
        errors, others = _judge(noise, cells)
        found = errors >= min_probability
        values = as_objects(alignment.attributes.classes[a])
        columns = {
            "given": values[cells.known[found]],
            "suggested": values[others[found]],
            "error_probability": errors[found],
        }
        tables.append(cell_table(attribute, rows[found], names, columns))
    if unjudged:
        warn(
            "No wrong labels can be found where probabilities tell no more than the class counts: "
            f"left out {unjudged}. Label more cells of them, or train a better model.",
            AttributeWarning,
        )
    if not tables:
        return cell_table(None, np.array([], dtype=int), names, {column: [] for column in COLUMNS})
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("error_probability", ascending=False, kind="stable", ignore_index=True)


def _judge(noise: LabelNoise, cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Probability (n,) that each label is wrong, and the most probable other class (n,)."""
    true = noise.given_labels(cells.predicted, cells.known)
    rows = np.arange(len(true))
    errors = 1 - true[rows, cells.known]
    true[rows, cells.known] = -1
    return errors, true.argmax(axis=1)
