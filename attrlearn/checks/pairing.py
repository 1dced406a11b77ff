"""Whether tables that belong together row by row are in the same order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["check_paired"]


def check_paired(values: Mapping[str, Any]) -> None:
    """Raise if the pandas indexes of two values hold the same labels in different orders.

    Rows belong together by position, as everywhere in scikit-learn, and what has no index or other
    labels is taken as it is. But the same labels in another order are a table that was sorted or
    shuffled without the other.

    Parameters
    ----------
    values : mapping of str to array-like, DataFrame, Series or None
        What has one row each for the same things, by the name that the caller has for it. The
        error is about the first pair that is out of step.

    Raises
    ------
    ValueError
        If two are out of step; the text names the first row where they differ.

    Examples
    --------
    >>> X = pd.DataFrame({"width": [0.1, 0.2]}, index=["a.jpg", "b.jpg"])
    >>> y = pd.DataFrame({"hood": [0, 1]}, index=["b.jpg", "a.jpg"])
    >>> check_paired({"X": X, "y": y.loc[X.index]})
    >>> check_paired({"X": X, "y": y.reset_index(drop=True)})
    >>> check_paired({"X": X, "y": y})
    Traceback (most recent call last):
    ValueError: y must have its rows in the order of X. Got label 'b.jpg' at row 0, where X has ...
    """
    indexes: dict[str, pd.Index] = {}
    for name, value in values.items():
        if not isinstance(value, pd.DataFrame | pd.Series):
            continue
        if any(value.index.equals(index) for index in indexes.values()):
            continue
        for other, index in indexes.items():
            _check_order(name, value.index, other, index)
        indexes[name] = value.index


def _check_order(name: str, index: pd.Index, other: str, wanted: pd.Index) -> None:
    """Raise if `index` holds the labels of `wanted` in another order."""
    if len(index) != len(wanted):
        return
    labels, _ = pd.factorize(index.append(wanted))  # by hash: labels of any kinds, mixed too
    mine, theirs = np.split(labels, 2)
    differs = mine != theirs
    if not differs.any() or not np.array_equal(np.sort(mine), np.sort(theirs)):
        return
    row = int(differs.argmax())
    cure = f"Pass {name}.loc[{other}.index]"
    if not wanted.is_unique:  # .loc would give each row of a label once per row of it
        cure = "Give both unique labels before either is sorted"
    got, expected = (labels.astype(object)[row] for labels in (index, wanted))
    raise ValueError(
        f"{name} must have its rows in the order of {other}. Got label {got!r} at row {row}, "
        f"where {other} has {expected!r}: the same labels in another order. {cure}, or "
        f"{name}.set_axis({other}.index) if the rows do belong together by position."
    )
