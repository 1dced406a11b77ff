"""Text in the annotation table that is not meant as classes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from attrlearn.exceptions import AttributeWarning, UnknownCategoryWarning, and_more, warn

__all__ = [
    "NA_VALUES",
    "check_missing_marks",
    "is_free_text",
    "read_number",
    "warn_of_marks",
    "warn_of_text",
]

NA_VALUES = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null")

# "none" may be a class. What follows NA_VALUES is what spreadsheets, and gaps made text, look like.
MISSING_MARKS = {mark.lower() for mark in (*NA_VALUES, "", "?", "#NA", "<NA>", "NaT")}

_TRUTH = {"false": 0.0, "true": 1.0}


def read_number(text: str) -> float:
    """Return the number a text spells, with True and False as 1 and 0; NaN for other text.

    Examples
    --------
    >>> read_number("1.0"), read_number("TRUE"), read_number("long")
    (1.0, 1.0, nan)
    """
    try:
        number = float(_TRUTH.get(text.lower(), text))
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def is_free_text(n_classes: int, n_labelled: int) -> bool:
    """Whether there are so many classes that they are rather ids or titles.

    Examples
    --------
    >>> is_free_text(20, 20), is_free_text(30, 60), is_free_text(31, 60)
    (False, False, True)
    """
    return n_classes > max(20, n_labelled / 2)


def check_missing_marks(table: pd.DataFrame) -> None:
    """Raise if a text stands for a missing cell, unless the classes of the column are declared.

    Parameters
    ----------
    table : DataFrame of shape (N, A)
        As from `check_table`.

    Raises
    ------
    ValueError
        If a text column holds 'NA', 'nan', '?', an empty text or the like.

    Examples
    --------
    >>> check_missing_marks(pd.DataFrame({"neck": ["v", "n/a", "?"]}))
    Traceback (most recent call last):
    ValueError: y must hold None or NaN where a cell is missing, no text that says so.
    Got 'n/a' at row 1, attribute 'neck' (and 1 more such cell). Pass
    y.replace({'n/a': None, '?': None}), or, where that is a class, give the column a pandas
    category dtype.
    """
    marks: list[str] = []
    n_cells, place = 0, ""
    for name, column in table.items():
        if not _is_plain_text(column):
            continue
        found = [text for text in column.dropna().unique() if _means_missing(text)]
        if found:
            marked = column.isin(found).to_numpy()
            n_cells += int(marked.sum())
            place = place or f"Got {found[0]!r} at row {marked.argmax()}, attribute {name!r}"
            marks += found
    if marks:
        cure = dict.fromkeys(map(str, marks))
        raise ValueError(
            "y must hold None or NaN where a cell is missing, no text that says so. "
            f"{place}{and_more(n_cells - 1, 'cell')}. Pass y.replace({cure}), or, where that is a "
            "class, give the column a pandas category dtype."
        )


def warn_of_text(table: pd.DataFrame, categorical: str | Sequence[Any]) -> None:
    """Warn of attributes that look like free text, and of binary ones that are written as text.

    Parameters
    ----------
    table : DataFrame of shape (N, A)
        As from `check_table`.
    categorical : "from_dtype" or list of names or positions
        Attributes that are meant to be categorical, about which nothing is said.
    """
    meant = [categorical] if isinstance(categorical, str) else list(categorical)
    columns = {
        name: column
        for position, (name, column) in enumerate(table.items())
        if not (name in meant or position in meant)
    }
    wordy = [name for name, column in columns.items() if _looks_like_free_text(column)]
    if wordy:
        warn(
            f"{wordy} look like free text, with a class for every other labelled row or more. "
            "Leave them out of y, or name them in categorical_attributes if they are meant.",
            AttributeWarning,
        )
    truths = {name: _truth_values(column) for name, column in columns.items()}
    truths = {name: numbers for name, numbers in truths.items() if numbers}
    if truths:
        texts = {text: number for numbers in truths.values() for text, number in numbers.items()}
        spelled = any(text.strip().isalpha() for text in texts)
        cure = f"map({texts})" if spelled else "astype(float)"
        warn(
            f"{list(truths)} hold 0 and 1 as text, and are learnt as categorical attributes of the "
            f"classes {sorted(texts)}. Convert each by y[name].{cure} to make it binary, or name "
            "it in categorical_attributes if it is meant.",
            AttributeWarning,
        )


def warn_of_marks(known: np.ndarray) -> None:
    """Warn of known categories (K,) that say an item's category is missing."""
    marks = [value for value in known if isinstance(value, str) and _means_missing(value)]
    if marks:
        warn(
            f"{marks} are learnt as categories of their own. Replace them by None if they mark "
            "items whose category is unknown.",
            UnknownCategoryWarning,
        )


def _is_plain_text(column: pd.Series) -> bool:
    """Whether the column holds text whose classes are not declared by a category dtype."""
    return column.dtype.kind == "O" and not isinstance(column.dtype, pd.CategoricalDtype)


def _means_missing(text: str) -> bool:
    """Whether a text is a mark of a missing cell, in whatever case."""
    return text.strip().lower() in MISSING_MARKS


def _looks_like_free_text(column: pd.Series) -> bool:
    """Whether a text or category column has about as many classes as labelled cells."""
    return column.dtype.kind == "O" and is_free_text(column.nunique(), column.count())


def _truth_values(column: pd.Series) -> dict[str, int]:
    """The numbers that the texts of a column spell, if they are 0, 1 and -1 alone; else none."""
    if not _is_plain_text(column):
        return {}
    numbers = {str(text): read_number(text.strip()) for text in column.dropna().unique()}
    if not {0, 1, -1}.issuperset(numbers.values()):
        return {}
    return {text: int(number) for text, number in numbers.items()}
