"""How much the cells of each row and of each class count in the loss."""

from typing import Any

import numpy as np
import pandas as pd

from attrlearn.checks.arrays import as_array
from attrlearn.checks.attributes import Attributes
from attrlearn.exceptions import AttributeWarning, warn

__all__ = ["check_sample_weight", "class_weights"]

LEAST, MOST = 1e-30, 1e30  # sums of weights that float32 adds up with room to spare


def check_sample_weight(sample_weight: Any, table: pd.DataFrame) -> np.ndarray:
    """Read the weights of rows or of cells.

    Parameters
    ----------
    sample_weight : array-like of shape (N,) or (N, A), or None
        0 or more; of a missing cell anything. A DataFrame has the attributes as columns.
    table : DataFrame of shape (N, A)
        As from `check_table`.

    Returns
    -------
    ndarray of shape (N, A), float
        0 for missing cells; 1 for the others if `sample_weight` is None.

    Raises
    ------
    ValueError
        If the shape or a weight breaks a rule.

    Examples
    --------
    >>> check_sample_weight([2, 1], pd.DataFrame({"hood": [0, 1], "zip": [None, 1]})).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    labelled = table.notna().to_numpy()
    if sample_weight is None:
        return labelled.astype(float)
    sample_weight = as_array(sample_weight, "sample_weight")
    if isinstance(sample_weight, pd.DataFrame):
        if {*sample_weight} != {*table}:
            raise ValueError(
                f"sample_weight must have the columns of y, {list(table)}. Got "
                f"{list(sample_weight)}. Rename them, or pass sample_weight.to_numpy()."
            )
        sample_weight = sample_weight[list(table)]
    if np.ndim(sample_weight) not in (1, 2):
        raise ValueError(
            "sample_weight must have one entry per row of y, or one per cell. Got a "
            f"{type(sample_weight).__name__} of {np.ndim(sample_weight)} dimensions. Leave it out "
            "to weigh all alike."
        )
    try:
        weights = pd.DataFrame(sample_weight).to_numpy(dtype=float, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise ValueError(f"sample_weight must hold numbers. Got {error}. Convert it.") from None
    weights = weights if np.ndim(sample_weight) == 2 else weights[:, 0]
    if weights.shape not in ((len(table),), table.shape):
        raise ValueError(
            f"sample_weight must have one entry per row of y, or one per cell. Got shape "
            f"{weights.shape} for y of shape {table.shape}. Select the same rows of both."
        )
    weights = np.where(labelled, weights.reshape(len(table), -1), 0.0)
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        row, a = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"sample_weight must be 0 or more, and finite. Got {weights[row, a]} at row {row}, "
            f"attribute {table.columns[a]!r}. Pass 0 to ignore a row or cell."
        )
    if labelled.any() and not weights.any():
        raise ValueError(
            "sample_weight must be more than 0 for a labelled cell. Got zero weight for all of "
            "them. Leave it out to weigh all alike."
        )
    return weights


def class_weights(
    counts: list[np.ndarray], attributes: Attributes, class_weight: str | dict | None
) -> list[np.ndarray]:
    """Weight of each class of each attribute.

    Parameters
    ----------
    counts : list of A arrays of shape (classes,)
        Labelled cells of each class, or the sum of their weights.
    attributes : Attributes
    class_weight : "balanced", dict or None
        "balanced": n / (k · count), n labelled cells and k classes among them.

    Returns
    -------
    list of A arrays of shape (classes,)
        1 for a class that no cell has, and for the classes of an attribute of which fewer than
        two are labelled: a warning names such attributes, and those in which a dict leaves fewer
        than two a weight.

    Raises
    ------
    ValueError
        If a dict names an attribute or a class that is not there, or the weights of all labelled
        cells are 0 or sum to what float32 cannot hold.

    Examples
    --------
    >>> attributes = Attributes(["hood"], [np.array([0, 1])], [True])
    >>> [(negative, positive)] = class_weights([np.array([3, 1])], attributes, "balanced")
    >>> float(positive / negative)
    3.0
    """
    _check_sum(sum(count.sum() for count in counts), "sample_weight")
    weights, single = [], []
    for name, count in zip(attributes.names, counts, strict=True):
        seen = count > 0
        weight = np.ones(len(count))
        if seen.sum() < 2:
            single.append(name)
        elif class_weight == "balanced":
            weight[seen] = count.sum() / (seen.sum() * count[seen])
        weights.append(weight)
    if single:
        warn(
            f"Fewer than two classes are labelled in {len(single)} attributes: {single}. They "
            "teach nothing, and their classes weigh 1 if balanced. Label cells of other classes, "
            "or leave the attributes out.",
            AttributeWarning,
        )
    if isinstance(class_weight, dict):
        _set_weights(weights, attributes, class_weight)
        _check_left(weights, counts, attributes)
    return weights


def _set_weights(weights: list[np.ndarray], attributes: Attributes, given: dict) -> None:
    """Write the weights of a dict {attribute: {class: weight}} into `weights`."""
    for name, by_class in given.items():
        if name not in attributes.names:
            raise ValueError(
                f"class_weight must name attributes of y. Got {name!r}. "
                f"The attributes are {attributes.names}."
            )
        if not isinstance(by_class, dict):
            raise ValueError(
                f"class_weight must map each attribute to a dict. Got {by_class!r} for attribute "
                f"{name!r}. Pass {{{name!r}: {{class: weight}}}}."
            )
        a = attributes.names.index(name)
        classes = list(attributes.classes[a])
        for value, weight in by_class.items():
            if value not in classes:
                raise ValueError(
                    f"class_weight must name classes of its attribute. Got {value!r} for attribute "
                    f"{name!r}. Its classes are {classes}."
                )
            if not (isinstance(weight, int | float | np.number) and 0 <= weight < np.inf):
                raise ValueError(
                    f"class_weight must be 0 or more, and finite. Got {weight!r} for class "
                    f"{value!r} of attribute {name!r}. Pass 0 to ignore a class."
                )
            weights[a][classes.index(value)] = weight


def _check_left(
    weights: list[np.ndarray], counts: list[np.ndarray], attributes: Attributes
) -> None:
    """Raise if no labelled class has a weight left; warn of attributes with fewer than two."""
    left = [count * weight for count, weight in zip(counts, weights, strict=True)]
    if any(count.any() for count in counts) and not any(cells.any() for cells in left):
        raise ValueError(
            "class_weight must be more than 0 for a labelled class. Got zero weight for all of "
            "them. Pass class_weight=None to weigh all alike."
        )
    _check_sum(sum(cells.sum() for cells in left), "class_weight")
    emptied = [
        name
        for name, count, cells in zip(attributes.names, counts, left, strict=True)
        if np.count_nonzero(cells) < 2 <= np.count_nonzero(count)
    ]
    if emptied:
        warn(
            f"class_weight leaves fewer than two labelled classes in {len(emptied)} attributes: "
            f"{emptied}. They teach nothing. Give another class of each a weight above 0, or leave "
            "the attributes out.",
            AttributeWarning,
        )


def _check_sum(total: float, what: str) -> None:
    """Raise unless the weights of all labelled cells sum to what float32 can hold, or to 0."""
    if total and not LEAST < total < MOST:
        raise ValueError(
            f"{what} must give the labelled cells weights whose sum float32 can hold. Got a sum of "
            f"{total:.3g}. Divide all of {what} by one number: only their ratios count."
        )
