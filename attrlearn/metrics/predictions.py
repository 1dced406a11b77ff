"""Scores of predicted classes."""

from typing import Any

import numpy as np

from attrlearn.metrics.alignment import align_predictions
from attrlearn.metrics.averages import averaged, check_average
from attrlearn.metrics.class_counts import ClassCounts, count_classes, micro_accuracy, micro_f1

__all__ = ["accuracy_score", "balanced_accuracy_score", "f1_score", "harmonic_f1_score"]


def accuracy_score(
    y_true: Any,
    y_pred: Any,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    classes: Any = None,
) -> float | np.ndarray:
    """Share of the labelled cells that are predicted right.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_pred : array-like or DataFrame of shape (N, A)
        Predicted classes, as from `AttributeClassifier.predict`. A missing one (NaN, None, NA, and
        -1 unless it is a class) is wrong. If both are DataFrames, columns belong together by
        name; all else does by position.
    average : {"macro", "micro", None}, default="macro"
        The mean over the attributes, the share among the labelled cells of all attributes, or one
        score per attribute.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, which say what is binary and what is not: nothing else may be
        predicted. By default an attribute of which `y_true` holds 0 and 1 alone is binary, and the
        classes of another are those of the dtype and all that occur.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]. NaN for an attribute without labelled cells: it is left out of the mean, and a
        warning names it.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    scikit-learn's score of the same name asks whether all attributes of a row are right.

    Examples
    --------
    >>> y_true, y_pred = [[1, 0], [0, None], [0, 1], [0, 1]], [[1, 0], [1, 0], [0, 0], [0, 1]]
    >>> accuracy_score(y_true, y_pred, average=None)
    array([0.75      , 0.66666667])
    >>> accuracy_score(y_true, y_pred, average="micro")
    0.7142857142857143
    """
    check_average(average, "macro", "micro", None)
    alignment = align_predictions(y_true, y_pred, sample_weight, classes)
    counts = [count_classes(cells) for cells in alignment]
    return averaged(
        alignment.attributes,
        [ClassCounts.accuracy(t) for t in counts],
        average,
        "accuracy",
        micro=micro_accuracy(counts),
        needs="a labelled cell",
    )


def balanced_accuracy_score(
    y_true: Any,
    y_pred: Any,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    classes: Any = None,
) -> float | np.ndarray:
    """Balanced accuracy on the labelled cells of each attribute: the mean recall of its classes.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_pred : array-like or DataFrame of shape (N, A)
        Predicted classes, as from `AttributeClassifier.predict`. A missing one (NaN, None, NA, and
        -1 unless it is a class) is wrong. If both are DataFrames, columns belong together by
        name; all else does by position.
    average : {"macro", None}, default="macro"
        The mean over the attributes, or one score per attribute.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, which say what is binary and what is not: nothing else may be
        predicted. By default an attribute of which `y_true` holds 0 and 1 alone is binary, and the
        classes of another are those of the dtype and all that occur.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]. NaN for an attribute of which fewer than two classes are labelled: it is left
        out of the mean, and a warning names it.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Examples
    --------
    >>> balanced_accuracy_score([[1, 0], [0, None], [0, 1]], [[1, 0], [1, 0], [0, 0]])
    0.625
    """
    check_average(average, "macro", None)
    alignment = align_predictions(y_true, y_pred, sample_weight, classes)
    scores = [count_classes(cells).balanced_accuracy() for cells in alignment]
    return averaged(alignment.attributes, scores, average, "balanced accuracy")


def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    classes: Any = None,
) -> float | np.ndarray:
    """F1 on the labelled cells: of class 1, or of each class of a categorical attribute.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_pred : array-like or DataFrame of shape (N, A)
        Predicted classes, as from `AttributeClassifier.predict`. A missing one (NaN, None, NA, and
        -1 unless it is a class) is none of them. If both are DataFrames, columns belong together by
        name; all else does by position.
    average : {"macro", "micro", None}, default="macro"
        The mean over the attributes; the F1 of the labelled cells of all attributes together, each
        class of a categorical one as a cell of its own; or one score per attribute.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, which say what is binary and what is not: nothing else may be
        predicted. By default an attribute of which `y_true` holds 0 and 1 alone is binary, and the
        classes of another are those of the dtype and all that occur.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]; for a categorical attribute the mean over the classes that are labelled or
        predicted. NaN for an attribute of which fewer than two classes are labelled: it is left
        out of the mean, and a warning names it. "micro" counts it, and is NaN with a warning only
        if nothing at all is or is predicted to be positive.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    With TP, FP and FN the true positives, false positives and false negatives of a class, F1 is
    2 TP / (2 TP + FP + FN). "micro" adds each of the three up first.

    Examples
    --------
    >>> y_true, y_pred = [[1, 0], [0, None], [0, 1], [0, 1]], [[1, 0], [1, 0], [0, 1], [0, 1]]
    >>> f1_score(y_true, y_pred, average=None)
    array([0.66666667, 1.        ])
    >>> f1_score(y_true, y_pred, average="micro")
    0.8571428571428571
    """
    check_average(average, "macro", "micro", None)
    alignment = align_predictions(y_true, y_pred, sample_weight, classes)
    counts = [count_classes(cells) for cells in alignment]
    scores = [ClassCounts.f1(t) for t in counts]
    return averaged(alignment.attributes, scores, average, "F1", micro=micro_f1(counts))


def harmonic_f1_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, classes: Any = None
) -> float:
    """Harmonic mean of the micro and the macro average of `f1_score`.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_pred : array-like or DataFrame of shape (N, A)
        Predicted classes, as from `AttributeClassifier.predict`. A missing one (NaN, None, NA, and
        -1 unless it is a class) is none of them. If both are DataFrames, columns belong together by
        name; all else does by position.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, which say what is binary and what is not: nothing else may be
        predicted. By default an attribute of which `y_true` holds 0 and 1 alone is binary, and the
        classes of another are those of the dtype and all that occur.

    Returns
    -------
    float
        In [0, 1]. An attribute of which fewer than two classes are labelled is left out of the
        macro average, and a warning names it; NaN if that leaves none.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    2 · micro · macro / (micro + macro), and 0 if both are 0: high only if both the frequent
    attributes, which make the micro average, and the rare ones are predicted well.

    Examples
    --------
    >>> y_true, y_pred = [[1, 0], [0, None], [0, 1], [0, 1]], [[1, 0], [1, 0], [0, 1], [0, 1]]
    >>> harmonic_f1_score(y_true, y_pred)
    0.8450704225352113
    """
    alignment = align_predictions(y_true, y_pred, sample_weight, classes)
    counts = [count_classes(cells) for cells in alignment]
    micro = micro_f1(counts)
    macro = float(
        averaged(alignment.attributes, [ClassCounts.f1(t) for t in counts], "macro", "F1")
    )
    return 2 * micro * macro / (micro + macro) if micro + macro != 0 else 0.0
