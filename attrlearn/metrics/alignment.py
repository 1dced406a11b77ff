"""Alignment of `y_true` with `y_pred` or `y_proba`: class codes beside what was predicted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attrlearn.checks.attributes import Attributes, class_probabilities
from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import MISSING, check_attributes, check_table, encode_targets
from attrlearn.checks.weights import check_sample_weight
from attrlearn.metrics.responses import (
    check_kind,
    check_known,
    check_probabilities,
    check_whole,
    is_missing,
)

__all__ = ["Alignment", "Cells", "Probabilities", "align_predictions", "align_probabilities"]

Probabilities = np.ndarray | pd.DataFrame | Sequence[np.ndarray]


@dataclass(frozen=True)
class Cells:
    """The labelled cells of one attribute.

    Attributes
    ----------
    is_binary : bool
    n_classes : int
    known : ndarray of shape (n,)
        Class codes.
    predicted : ndarray of shape (n,) or (n, n_classes)
        Class codes, `MISSING` where none is predicted, or probabilities.
    weight : ndarray of shape (n,)
        Above 0.
    """

    is_binary: bool
    n_classes: int
    known: np.ndarray
    predicted: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Alignment:
    """All cells of `y`, one row per image; iterates over the attributes as `Cells`.

    Attributes
    ----------
    attributes : Attributes
    codes : ndarray of shape (N, A)
        Classes; `MISSING` where there is none, where its weight is 0, and where no probabilities
        were predicted.
    predicted : list of A arrays of shape (N,) or (N, classes)
    weights : ndarray of shape (N, A)
    """

    attributes: Attributes
    codes: np.ndarray
    predicted: list[np.ndarray]
    weights: np.ndarray

    def __iter__(self) -> Iterator[Cells]:
        for a, predicted in enumerate(self.predicted):
            labelled = self.codes[:, a] != MISSING
            yield Cells(
                self.attributes.is_binary[a],
                self.attributes.n_classes[a],
                self.codes[labelled, a],
                predicted[labelled],
                self.weights[labelled, a],
            )


def align_predictions(
    y_true: Any, y_pred: Any, sample_weight: Any = None, classes: Any = None
) -> Alignment:
    """Align predicted classes with `y_true`; see `attrlearn.metrics.accuracy_score`.

    Examples
    --------
    >>> [cells] = align_predictions([["long"], [None], ["bare"]], [["bare"], ["long"], ["bare"]])
    >>> cells.known.tolist(), cells.predicted.tolist()
    ([1, 0], [0, 0])
    """
    check_paired({"y_true": y_true, "y_pred": y_pred, "sample_weight": sample_weight})
    truth = _read_truth(y_true)
    if np.shape(y_pred) != truth.shape:
        raise ValueError(
            f"y_pred must be of the shape of y_true, {truth.shape}. Got {np.shape(y_pred)}. "
            "Pass one column per attribute."
        )
    # As it is: -1 is missing in a truth of numbers only, and here unless it is a class.
    guessed = pd.DataFrame(_in_order(y_pred, y_true, "y_pred")).set_axis(truth.columns, axis=1)
    for name in truth:
        check_whole(truth[name], guessed[name])
    if classes is None:
        for name in truth:
            check_kind("y_pred", guessed[name], "y_true", _true_classes(truth[name]))
        given = [_seen_classes(truth[name], guessed[name]) for name in truth]
    else:
        given = _per_attribute(classes, truth)
    for name, known in zip(truth, given, strict=True):
        check_known(guessed[name], known, declared=classes is not None)
    table, attributes = _declare(truth, given)
    predicted = [
        # As objects, which are told apart by value: 1, 1.0 and True are one class.
        pd.Index(known, dtype=object).get_indexer(pd.Index(guessed[name], dtype=object))
        for name, known in zip(truth, attributes.classes, strict=True)
    ]
    return _align(table, attributes, predicted, sample_weight)


def align_probabilities(
    y_true: Any, y_proba: Probabilities, sample_weight: Any = None, classes: Any = None
) -> Alignment:
    """Align probabilities with `y_true`; see `attrlearn.metrics.log_loss`.

    Examples
    --------
    >>> [cells] = align_probabilities([[0], [None], [1]], [[0.25], [0.75], [0.5]])
    >>> cells.known.tolist(), cells.predicted.tolist()
    ([0, 1], [[0.75, 0.25], [0.5, 0.5]])
    """
    check_paired({"y_true": y_true, **_by_name(y_proba), "sample_weight": sample_weight})
    truth = _read_truth(y_true)
    columns, by_class = _class_columns(_in_order(y_proba, y_true, "y_proba"))
    if [len(proba) for proba in columns] != [len(truth)] * truth.shape[1]:
        raise ValueError(
            f"y_proba must have one column or array per attribute, of the {len(truth)} rows of "
            f"y_true. Got {len(columns)} of {sorted({len(proba) for proba in columns})} rows for "
            f"the attributes {list(truth.columns)}. Pass what predict_proba gave."
        )
    if classes is None:
        # Numeric codes, of which only their probabilities tell that they are classes.
        coded = [
            name
            for name, proba in zip(truth, columns, strict=True)
            if by_class and not (proba.shape[1] == 2 and truth[name].isin([0, 1, np.nan]).all())
        ]
        _, attributes = check_attributes(truth, len(truth), coded)
        given = [list(known) for known in attributes.classes]
    else:
        given = _per_attribute(classes, truth)
    for name, known, proba in zip(truth, given, columns, strict=True):
        if proba.shape[1] != len(known):
            raise ValueError(
                f"y_proba must have one column per class. Got {proba.shape[1]} columns for the "
                f"{len(known)} classes {known} of attribute {name!r}. Pass classes=, the "
                "classes_ of the model, or give the column of y_true a pandas category dtype with "
                "all classes."
            )
        check_probabilities(proba, name, by_class=by_class)
    table, attributes = _declare(truth, given)
    padded = [
        np.pad(proba, [(0, 0), (0, n_classes - proba.shape[1])])  # 0 for what is not in `classes`
        for proba, n_classes in zip(columns, attributes.n_classes, strict=True)
    ]
    return _align(table, attributes, padded, sample_weight)


def _read_truth(y_true: Any) -> pd.DataFrame:
    """`y_true` as from `check_table`, of at least one row."""
    n_rows = len(y_true)
    if n_rows == 0:
        raise ValueError("y_true must have at least one row. Got 0 rows. Check what selected them.")
    return check_table(y_true, n_rows)


def _by_name(y_proba: Probabilities) -> dict[str, Any]:
    """The table of probabilities, or those of the attributes, by what the caller calls them."""
    if isinstance(y_proba, list | tuple):
        return {f"y_proba[{a}]": proba for a, proba in enumerate(y_proba)}
    return {"y_proba": y_proba}


def _align(
    table: pd.DataFrame, attributes: Attributes, predicted: list[np.ndarray], sample_weight: Any
) -> Alignment:
    """The alignment, in which a cell without weight or probabilities is a missing one."""
    weights = check_sample_weight(sample_weight, table)
    codes = encode_targets(table, attributes)
    for a, values in enumerate(predicted):
        codes[np.isnan(values.reshape(len(table), -1)).any(axis=1), a] = MISSING
    codes[weights == 0] = MISSING
    return Alignment(attributes, codes, predicted, weights)


def _in_order(values: Any, y_true: Any, what: str) -> Any:
    """The values, with the columns of `y_true` if both are DataFrames."""
    if not (isinstance(y_true, pd.DataFrame) and isinstance(values, pd.DataFrame)):
        return values
    if set(values) != set(y_true):
        raise ValueError(
            f"{what} must have the columns of y_true, {list(y_true)}. Got {list(values)}. "
            f"Rename them, or pass {what}.to_numpy()."
        )
    return values[list(y_true)]


def _class_columns(y_proba: Any) -> tuple[list[np.ndarray], bool]:
    """A arrays (N, classes), and whether they were given so."""
    if isinstance(y_proba, list | tuple) and {np.ndim(proba) for proba in y_proba} == {2}:
        return [_as_float(proba) for proba in y_proba], True
    positive = np.atleast_2d(_as_float(y_proba))
    return class_probabilities(positive), False


def _as_float(values: Any) -> np.ndarray:
    """The values in their own precision, at which `log_loss` clips them."""
    array = np.asarray(values)
    if array.dtype.kind in "OU":  # numbers written as text would be converted
        text = np.reshape([isinstance(value, str) for value in array.flat], array.shape)
        if text.any():
            row, *column = (int(i) for i in np.argwhere(text)[0])
            raise ValueError(
                f"y_proba must hold numbers. Got {str(array[row, *column])!r} at row {row}, column "
                f"{column[0] if column else 0}. Convert the table to float."
            )
    return array if array.dtype == np.float32 else array.astype(float)


def _per_attribute(classes: Any, truth: pd.DataFrame) -> list[list[Any]]:
    """The classes of each attribute from what `classes_` holds."""
    n_attributes = truth.shape[1]
    if len(classes) == n_attributes:
        if all(np.ndim(known) == 1 for known in classes):
            return [list(known) for known in classes]
        if np.array_equal(classes, np.arange(n_attributes)):
            return [[0, 1]] * n_attributes
    raise ValueError(
        f"classes must hold one array of classes per attribute, or be arange({n_attributes}) if all"
        f" are binary. Got {classes!r} for the attributes {list(truth)}. Pass the classes_ of the "
        "model."
    )


def _declare(truth: pd.DataFrame, classes: list[list[Any]]) -> tuple[pd.DataFrame, Attributes]:
    """The table and its attributes: their classes are those given, then what else it holds."""
    table = truth.copy()
    for name, known in zip(truth, classes, strict=True):
        column = truth[name]
        if column.dtype == float and list(known) == [0, 1]:
            continue  # binary
        values = list(known)
        check_kind("y_true", column, "`classes`", values)
        others = [value for value in _values(column) if value not in values]
        table[name] = pd.Categorical(column, categories=[*values, *others])
    return check_attributes(table, len(table))


def _true_classes(known: pd.Series) -> list[Any]:
    """The classes that the column declares or holds."""
    declared = isinstance(known.dtype, pd.CategoricalDtype)
    return known.cat.categories.tolist() if declared else _values(known)


def _seen_classes(known: pd.Series, guessed: pd.Series) -> list[Any]:
    """0 and 1 if nothing else is known, else the classes that are declared or occur, sorted."""
    classes = _true_classes(known)
    if classes and known.dtype == float and set(classes) <= {0, 1}:
        return [0, 1]
    classes += _values(guessed[~is_missing(guessed, classes)])
    if known.dtype == float and set(classes) <= {0, 1}:
        return [0, 1]
    seen = dict.fromkeys(classes)
    if isinstance(known.dtype, pd.CategoricalDtype):
        return list(seen)
    return sorted(seen, key=lambda value: (isinstance(value, str), value))


def _values(column: pd.Series) -> list[Any]:
    """The values that occur in the column."""
    return column.dropna().unique().tolist()
