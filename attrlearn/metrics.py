"""Scores of predictions against an annotation table with gaps."""

from collections.abc import Sequence
from typing import Any
from warnings import warn

import numpy as np
import pandas as pd
from sklearn import metrics

from attrlearn.data.targets import (
    MISSING,
    Attributes,
    check_attributes,
    check_table,
    encode_targets,
)

__all__ = ["attribute_report", "average_precision_score", "balanced_accuracy_score"]

Probabilities = np.ndarray | Sequence[np.ndarray]


def balanced_accuracy_score(
    y_true: Any, y_pred: Any, *, average: str | None = "macro"
) -> float | np.ndarray:
    """Balanced accuracy on the labelled cells of each attribute.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_pred : array-like or DataFrame of shape (N, A)
        Predicted classes, as from `AttributeClassifier.predict`; a missing one is wrong. If both
        are DataFrames, columns belong together by name, else by position.
    average : {"macro", None}, default="macro"
        The mean over the attributes, or one score per attribute.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]. NaN for an attribute of which fewer than two classes are labelled: it is left
        out of the mean, and a warning names it.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or `average` break a rule.

    Examples
    --------
    >>> balanced_accuracy_score([[1, 0], [0, None], [0, 1]], [[1, 0], [1, 0], [0, 0]])
    0.625
    """
    truth = check_table(y_true, len(y_true))
    if np.shape(y_pred) != truth.shape:
        raise ValueError(
            f"y_pred must be of the shape of y_true, {truth.shape}. Got {np.shape(y_pred)}. "
            "Pass one column per attribute."
        )
    if isinstance(y_true, pd.DataFrame) and isinstance(y_pred, pd.DataFrame):
        if set(y_pred) != set(y_true):
            raise ValueError(
                f"y_pred must have the columns of y_true, {list(y_true)}. Got {list(y_pred)}. "
                "Rename them, or pass y_pred.to_numpy()."
            )
        y_pred = y_pred[list(y_true)]
    predicted = pd.DataFrame(y_pred)
    scores = []
    for a in range(truth.shape[1]):
        labelled = truth.iloc[:, a].notna().to_numpy()
        known = truth.iloc[:, a][labelled].to_numpy()
        right = np.asarray(predicted.iloc[:, a][labelled].to_numpy() == known, dtype=float)
        recalls = pd.Series(right).groupby(known).mean()
        scores.append(recalls.mean() if len(recalls) > 1 else np.nan)
    return _average(scores, truth.columns, average, "balanced accuracy")


def average_precision_score(
    y_true: Any, y_proba: Probabilities, *, average: str | None = "macro"
) -> float | np.ndarray:
    """Average precision on the labelled cells of each attribute.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_proba : array of shape (N, A), or list of A arrays of shape (N, classes)
        As from `AttributeClassifier.predict_proba`. Rows of NaN, the pictures that could not be
        read, are left out.
    average : {"macro", None}, default="macro"
        The mean over the attributes, or one score per attribute.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]; for a categorical attribute the mean over its labelled classes, each against
        the rest. NaN for an attribute of which fewer than two classes are labelled: it is left
        out of the mean, and a warning names it.

    Raises
    ------
    ValueError
        If the shapes, a cell or `average` break a rule.

    Examples
    --------
    >>> average_precision_score([[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]])
    0.8333333333333333
    """
    truth, attributes, codes, columns = _align(y_true, y_proba)
    scores = []
    for a, proba in enumerate(columns):
        labelled = codes[:, a] != MISSING
        binary = attributes.is_binary[a]
        scores.append(_average_precision(codes[labelled, a], proba[labelled], binary))
    return _average(scores, truth.columns, average, "average precision")


def attribute_report(y_true: Any, y_proba: Probabilities) -> pd.DataFrame:
    """Figures of each attribute, as a table.

    Parameters
    ----------
    y_true, y_proba
        As in `average_precision_score`.

    Returns
    -------
    DataFrame, one row per attribute
        `labelled`: labelled cells. `prevalence`: their share of class 1, or of each class of a
        categorical attribute, as text. `chance`: the average precision of a random order, which is
        the prevalence, averaged over the labelled classes of a categorical attribute.
        `average_precision` and `balanced_accuracy`, the latter of the most probable class; NaN
        where fewer than two classes are labelled.

    Raises
    ------
    ValueError
        If the shapes or a cell break a rule.

    Examples
    --------
    >>> attribute_report([[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]]).T
    attribute             Attr1
    labelled                  3
    prevalence             0.67
    chance             0.666667
    average_precision  0.833333
    balanced_accuracy      0.25
    """
    truth, attributes, codes, columns = _align(y_true, y_proba)
    rows = []
    for a, proba in enumerate(columns):
        labelled = codes[:, a] != MISSING
        known, proba = codes[labelled, a], proba[labelled]
        counts = np.bincount(known, minlength=attributes.n_classes[a])
        shares = counts / (len(known) or np.nan)
        recalls = [(proba[known == c].argmax(axis=1) == c).mean() for c in np.flatnonzero(counts)]
        binary = attributes.is_binary[a]
        shown = shares[1:] if binary else shares
        rows.append(
            {
                "labelled": len(known),
                "prevalence": " ".join(f"{share:.2f}" for share in shown),
                "chance": shares[1] if binary else 1 / (np.count_nonzero(counts) or np.nan),
                "average_precision": _average_precision(known, proba, binary),
                "balanced_accuracy": np.mean(recalls) if len(recalls) > 1 else np.nan,
            }
        )
    return pd.DataFrame(rows, index=pd.Index(truth.columns, name="attribute"))


def _align(
    y_true: Any, y_proba: Probabilities
) -> tuple[pd.DataFrame, Attributes, np.ndarray, list[np.ndarray]]:
    """The table, its attributes, its cells as class codes, and (N, classes) of each attribute."""
    truth = check_table(y_true, len(y_true))
    by_class = isinstance(y_proba, list | tuple) and {np.ndim(proba) for proba in y_proba} == {2}
    if by_class:
        columns = [np.asarray(proba, dtype=float) for proba in y_proba]
    else:
        positive = np.atleast_2d(np.asarray(y_proba, dtype=float))
        columns = [np.column_stack([1 - proba, proba]) for proba in positive.T]
    if [len(proba) for proba in columns] != [len(truth)] * truth.shape[1]:
        raise ValueError(
            f"y_proba must have one column or array per attribute, of the {len(truth)} rows of "
            f"y_true. Got {len(columns)} of {sorted({len(proba) for proba in columns})} rows for "
            f"the attributes {list(truth.columns)}. Pass what predict_proba gave."
        )
    # Numeric codes, of which only their probabilities tell that they are classes.
    coded = [
        name
        for name, proba in zip(truth, columns, strict=True)
        if by_class and not (proba.shape[1] == 2 and truth[name].isin([0, 1, np.nan]).all())
    ]
    truth, attributes = check_attributes(truth, len(truth), coded)
    for name, classes, proba in zip(attributes.names, attributes.classes, columns, strict=True):
        if proba.shape[1] != len(classes):
            raise ValueError(
                f"y_proba must have one column per class. Got {proba.shape[1]} columns for the "
                f"{len(classes)} classes {list(classes)} of attribute {name!r}. "
                "Give the column of y_true a pandas category dtype with all classes."
            )
    codes = encode_targets(truth, attributes)
    for a, proba in enumerate(columns):
        codes[np.isnan(proba).any(axis=1), a] = MISSING
    return truth, attributes, codes, columns


def _average_precision(known: np.ndarray, proba: np.ndarray, binary: bool) -> float:
    """That of class 1, or the mean over the labelled classes; NaN if fewer than two are."""
    labelled = np.unique(known)
    if len(labelled) < 2:
        return np.nan
    classes = [1] if binary else labelled
    scores = [metrics.average_precision_score(known == c, proba[:, c]) for c in classes]
    return float(np.mean(scores))


def _average(
    scores: list[float], names: pd.Index, average: str | None, what: str
) -> float | np.ndarray:
    """The mean or the scores themselves, with a warning for those that are not defined."""
    if average not in ("macro", None):
        raise ValueError(f'average must be "macro" or None. Got {average!r}.')
    values = np.array(scores, dtype=float)
    undefined = [name for name, value in zip(names, values, strict=True) if np.isnan(value)]
    if undefined:
        warn(
            f"The {what} needs two labelled classes: left out {undefined}.",
            UserWarning,
            stacklevel=3,
        )
    if average is None:
        return values
    return float(np.nanmean(values)) if len(undefined) < len(values) else float("nan")
