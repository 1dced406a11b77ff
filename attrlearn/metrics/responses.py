"""Checks of what was predicted: classes of the attribute, or probabilities."""

from typing import Any

import numpy as np
import pandas as pd

from attrlearn.checks.targets import MISSING

__all__ = ["check_kind", "check_known", "check_probabilities", "check_whole", "is_missing"]

RANGE_TOLERANCE = 1e-6  # a few roundings of float32
SUM_TOLERANCE = 5e-3  # bfloat16 rounds each probability by up to 1/512 of it, and so their sum


def is_missing(guessed: pd.Series, classes: list[Any]) -> pd.Series:
    """Whether no class is predicted: NaN, None, NA, and -1 unless it is a class.

    Examples
    --------
    >>> is_missing(pd.Series([1, -1, None]), [0, 1]).tolist()
    [False, True, True]
    """
    missing = guessed.isna()
    return missing if MISSING in classes else missing | guessed.isin([MISSING])


def check_whole(known: pd.Series, guessed: pd.Series) -> None:
    """Raise if fractions were predicted for whole numbers: they are probabilities.

    Examples
    --------
    >>> check_whole(pd.Series([0.0, 1.0], name="hood"), pd.Series([0.1, 1.0]))
    Traceback (most recent call last):
    ValueError: y_pred must hold classes. Got 0.1 at row 0, attribute 'hood'. Pass what predict ...
    """
    if known.dtype != float or (known.to_numpy() % 1 > 0).any():
        return
    for row, value in enumerate(guessed.tolist()):
        if isinstance(value, float) and value % 1 > 0:
            raise ValueError(
                f"y_pred must hold classes. Got {value} at row {row}, attribute {known.name!r}. "
                "Pass what predict gave; probabilities go into average_precision_score, "
                "roc_auc_score or log_loss."
            )


def check_kind(what: str, column: pd.Series, whose: str, classes: list[Any]) -> None:
    """Raise if a column holds text and the classes are numbers, or the reverse.

    Examples
    --------
    >>> check_kind("y_pred", pd.Series(["1"], name="hood"), "y_true", [0, 1])
    Traceback (most recent call last):
    ValueError: y_pred must hold classes of the kind that y_true has, [0, 1]. Got '1' at row 0, ...
    """
    kinds = {isinstance(value, str) for value in classes}
    if not kinds:
        return
    for value in column.dropna().unique().tolist():
        if isinstance(value, str) not in kinds:
            raise ValueError(
                f"{what} must hold classes of the kind that {whose} has, {classes}. Got {value!r} "
                f"at row {column.tolist().index(value)}, attribute {column.name!r}. Convert the "
                f"column to {'numbers' if isinstance(value, str) else 'text'}."
            )


def check_known(guessed: pd.Series, classes: list[Any], *, declared: bool) -> None:
    """Raise at the first prediction that is neither a class of its attribute nor missing.

    `declared` says whether the classes were passed to the score.

    Examples
    --------
    >>> check_known(pd.Series([1, -1, 2], name="hood"), [0, 1], declared=True)
    Traceback (most recent call last):
    ValueError: y_pred must hold classes of its attribute, [0, 1], or missing. Got 2 at row 2, ...
    """
    if declared:
        check_kind("y_pred", guessed, "`classes`", classes)
    known = pd.Index(classes, dtype=object)  # 1, 1.0 and True are one class
    unknown = (known.get_indexer(pd.Index(guessed, dtype=object)) < 0) & ~is_missing(
        guessed, classes
    )
    if unknown.any():
        row = int(unknown.argmax())
        cure = "Pass what predict gave, and the classes_ of the same model"
        if not declared:
            cure = (
                "If the attribute has numeric class codes, pass classes=, the classes_ of the "
                "model, or give the column of y_true a pandas category dtype with all classes"
            )
        raise ValueError(
            f"y_pred must hold classes of its attribute, {classes}, or missing. Got "
            f"{guessed.tolist()[row]!r} at row {row}, attribute {guessed.name!r}. {cure}."
        )


def check_probabilities(proba: np.ndarray, name: Any, *, by_class: bool) -> None:
    """Raise at the first row that holds no probabilities of the classes of an attribute.

    Parameters
    ----------
    proba : ndarray of shape (N, classes)
        A row with NaN is one without probabilities.
    name : hashable
        The attribute.
    by_class : bool
        Whether all columns were given, and not just that of class 1.

    Examples
    --------
    >>> check_probabilities(np.array([[0.5, 0.5], [-2.0, 3.0]]), "hood", by_class=True)
    Traceback (most recent call last):
    ValueError: y_proba must hold probabilities, from 0 to 1. Got -2.0 at row 1, attribute 'hood'...
    """
    cure = "Pass what predict_proba gave; logits go through a sigmoid or, by class, a softmax first"
    given = proba if by_class else proba[:, 1:]
    outside = (given < -RANGE_TOLERANCE) | (given > 1 + RANGE_TOLERANCE)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise ValueError(
            f"y_proba must hold probabilities, from 0 to 1. Got {given[row, column]!s} at row "
            f"{row}, attribute {name!r}. {cure}."
        )
    if not by_class:
        return
    total = proba.sum(axis=1)
    wrong = np.abs(total - 1) > SUM_TOLERANCE
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"y_proba must sum to 1 over the classes of an attribute. Got {total[row]:.6g} at row "
            f"{row}, attribute {name!r}. {cure}."
        )
