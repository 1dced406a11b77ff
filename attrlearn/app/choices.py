"""What images can be filtered by: an attribute that is there, or a class."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attrlearn.decisions.prediction_table import binary_attributes

__all__ = ["Choice", "choices", "matches"]


class Choice(NamedTuple):
    """An attribute and the class of it that is looked for, 1 for a binary one that is there.

    Examples
    --------
    >>> str(Choice("hood", 1, "hood")), str(Choice("length", "midi", "length: midi"))
    ('hood', 'length: midi')
    """

    attribute: Any
    value: Any
    text: str

    def __str__(self) -> str:
        return self.text


def choices(clf: Any) -> list[Choice]:
    """Return all that images can be filtered by, in the order of the attributes."""
    binary = set(binary_attributes(clf))
    found = []
    for name, weights in clf.class_weight_.items():
        if name in binary:
            found.append(Choice(name, 1, str(name)))
        else:
            found += [Choice(name, value, f"{name}: {value}") for value in weights]
    return found


def matches(table: pd.DataFrame, wanted: Iterable[Choice]) -> np.ndarray:
    """Tell which rows of a table of predictions have all that is wanted.

    Parameters
    ----------
    table : DataFrame of N rows
        One column per attribute, NA where nothing is predicted.
    wanted : iterable of Choice

    Returns
    -------
    ndarray of bool, shape (N,)

    Examples
    --------
    >>> table = pd.DataFrame({"hood": [1, 0, pd.NA], "length": ["midi", "midi", "long"]})
    >>> hood, midi = Choice("hood", 1, "hood"), Choice("length", "midi", "length: midi")
    >>> [matches(table, wanted).tolist() for wanted in ([], [midi], [hood, midi])]
    [[True, True, True], [True, True, False], [True, False, False]]
    """
    matching = np.ones(len(table), dtype=bool)
    for attribute, value, _ in wanted:
        matching &= (table[attribute].astype(object) == value).fillna(False).to_numpy(dtype=bool)
    return matching
