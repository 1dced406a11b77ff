"""Scores of predicted probabilities."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import metrics

from attrlearn.metrics.alignment import Alignment, Cells, Probabilities, align_probabilities
from attrlearn.metrics.averages import averaged, check_average

__all__ = ["average_precision_score", "log_loss", "one_vs_rest", "roc_auc_score"]


def average_precision_score(
    y_true: Any,
    y_proba: Probabilities,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    classes: Any = None,
) -> float | np.ndarray:
    """Average precision on the labelled cells.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_proba : array or DataFrame of shape (N, A), or list of A arrays of shape (N, classes)
        As from `AttributeClassifier.predict_proba`: from 0 to 1, and with a sum of 1 over the
        classes of an attribute. Rows of NaN, the images that could not be read, are left out. If
        both are DataFrames, columns belong together by name.
    average : {"macro", "micro", None}, default="macro"
        The mean over the attributes; the score of the labelled cells of all attributes together,
        each class of a categorical one as a cell of its own; or one score per attribute.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, for a `y_true` that may lack some of them, or that holds
        numeric codes. Other classes in `y_true` have probability 0. By default those of the
        dtype, else those of `y_true`, sorted.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]; for a categorical attribute the mean over its labelled classes, each against
        the rest. NaN for an attribute of which fewer than two classes are labelled: it is left
        out of the mean, and a warning names it. "micro" counts it, and is NaN with a warning only
        if all cells together are of one kind.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    AP is the sum of (R_i - R_{i-1}) P_i over the thresholds, with precision P_i and recall R_i at
    the i-th. In a random order it is the share of positives.

    Examples
    --------
    >>> average_precision_score([[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]])
    0.8333333333333333
    """
    check_average(average, "macro", "micro", None)
    alignment = align_probabilities(y_true, y_proba, sample_weight, classes)
    score = metrics.average_precision_score
    scores = [one_vs_rest(score, cells) for cells in alignment]
    micro = _together(score, alignment) if average == "micro" else np.nan
    return averaged(alignment.attributes, scores, average, "average precision", micro=micro)


def roc_auc_score(
    y_true: Any,
    y_proba: Probabilities,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    classes: Any = None,
) -> float | np.ndarray:
    """Area under the ROC curve on the labelled cells.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_proba : array or DataFrame of shape (N, A), or list of A arrays of shape (N, classes)
        As from `AttributeClassifier.predict_proba`: from 0 to 1, and with a sum of 1 over the
        classes of an attribute. Rows of NaN, the images that could not be read, are left out. If
        both are DataFrames, columns belong together by name.
    average : {"macro", "micro", None}, default="macro"
        The mean over the attributes; the score of the labelled cells of all attributes together,
        each class of a categorical one as a cell of its own; or one score per attribute.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, for a `y_true` that may lack some of them, or that holds
        numeric codes. Other classes in `y_true` have probability 0. By default those of the
        dtype, else those of `y_true`, sorted.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]; for a categorical attribute the mean over its labelled classes, each against
        the rest. NaN for an attribute of which fewer than two classes are labelled: it is left
        out of the mean, and a warning names it. "micro" counts it, and is NaN with a warning only
        if all cells together are of one kind.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    The probability that a cell of the class has a higher score than one of the rest, a tie
    counting half. In a random order it is 1/2.

    Examples
    --------
    >>> roc_auc_score([[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]])
    0.5
    """
    check_average(average, "macro", "micro", None)
    alignment = align_probabilities(y_true, y_proba, sample_weight, classes)
    score = metrics.roc_auc_score
    scores = [one_vs_rest(score, cells) for cells in alignment]
    micro = _together(score, alignment) if average == "micro" else np.nan
    return averaged(alignment.attributes, scores, average, "ROC AUC", micro=micro)


def log_loss(
    y_true: Any,
    y_proba: Probabilities,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    classes: Any = None,
) -> float | np.ndarray:
    """Mean negative logarithm of the probability of the true class: lower is better.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_proba : array or DataFrame of shape (N, A), or list of A arrays of shape (N, classes)
        As from `AttributeClassifier.predict_proba`: from 0 to 1, and with a sum of 1 over the
        classes of an attribute. Rows of NaN, the images that could not be read, are left out. If
        both are DataFrames, columns belong together by name.
    average : {"macro", "micro", None}, default="macro"
        The mean over the attributes, the mean over the labelled cells of all attributes, or one
        score per attribute.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, for a `y_true` that may lack some of them, or that holds
        numeric codes. Other classes in `y_true` have probability 0. By default those of the
        dtype, else those of `y_true`, sorted.

    Returns
    -------
    float or ndarray of shape (A,)
        0 or more, with the natural logarithm. NaN for an attribute without labelled cells: it is
        left out of the mean, and a warning names it.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    Probabilities are clipped to [eps, 1 - eps], with eps the machine precision of their dtype, as
    scikit-learn does: a certain error costs 15.9 in float32 and 36.0 in float64.

    Examples
    --------
    >>> log_loss([[1, 0], [0, None]], [[0.5, 0.0], [0.5, 1.0]], average=None).round(3)
    array([0.693, 0.   ])
    """
    check_average(average, "macro", "micro", None)
    alignment = align_probabilities(y_true, y_proba, sample_weight, classes)
    losses = [_cell_losses(cells) for cells in alignment]
    weights = [cells.weight for cells in alignment]
    return averaged(
        alignment.attributes,
        [_mean(loss, weight) for loss, weight in zip(losses, weights, strict=True)],
        average,
        "log loss",
        micro=_mean(np.concatenate(losses), np.concatenate(weights)),
        needs="a labelled cell",
    )


def one_vs_rest(score: Callable[..., float], cells: Cells) -> float:
    """Score class 1, or average over the labelled classes, each against the rest.

    Returns
    -------
    float
        NaN if fewer than two classes are labelled.

    Examples
    --------
    >>> proba = np.array([[0.75, 0.25], [0.5, 0.5]])
    >>> one_vs_rest(metrics.roc_auc_score, Cells(True, 2, np.array([0, 1]), proba, np.ones(2)))
    1.0
    """
    labelled = np.unique(cells.known)
    if len(labelled) < 2:
        return np.nan
    scores = [
        score(cells.known == c, cells.predicted[:, c], sample_weight=cells.weight)
        for c in ([1] if cells.is_binary else labelled)
    ]
    return float(np.mean(scores))


def _together(score: Callable[..., float], alignment: Alignment) -> float:
    """Score the classes of all attributes as one; NaN if no cell, or every cell, is positive."""
    pieces = [
        (cells.known == c, cells.predicted[:, c], cells.weight)
        for cells in alignment
        for c in ([1] if cells.is_binary else range(cells.n_classes))
    ]
    positive, proba, weight = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    if positive.all() or not positive.any():
        return np.nan
    return float(score(positive, proba, sample_weight=weight))


def _cell_losses(cells: Cells) -> np.ndarray:
    """(n,) losses."""
    eps = np.finfo(cells.predicted.dtype).eps
    proba = cells.predicted[np.arange(len(cells.known)), cells.known]
    return -np.log(np.clip(proba, eps, 1 - eps))


def _mean(values: np.ndarray, weight: np.ndarray) -> float:
    """Weighted mean; NaN of nothing."""
    return float(np.average(values, weights=weight)) if len(values) else np.nan
