"""How a labels file writes its values: 0 and 1 or False and True, and what stands for a gap."""

from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np

from attrlearn.checks.text_columns import read_number
from attrlearn.labels.tables import TextTable

__all__ = ["BinaryNotation", "binary_notation", "missing_mark"]

# What is written for 0, 1 and a gap beside each other.
_STYLES = (
    ("0", "1", "-1"),
    ("0.0", "1.0", "-1.0"),
    ("False", "True", ""),
    ("false", "true", ""),
    ("FALSE", "TRUE", ""),
    ("F", "T", ""),
)

BinaryNotation = dict[int, str]  # of the classes 0 and 1


def binary_notation(
    table: TextTable, name: str, others: Iterable[str] = (), na_values: Collection[str] = ()
) -> BinaryNotation:
    """Return how 0 and 1 are written in a column.

    Parameters
    ----------
    table : TextTable
    name : str
        Of a binary column.
    others : iterable of str
        Further binary columns, to which one is likened that holds too little itself.
    na_values : collection of str
        Cells that are missing, not written as a value.

    Returns
    -------
    dict of int to str
        The most frequent text of each class in the column; else what goes with the other class, as
        1.0 goes with 0.0; else that of the other columns; else '0' and '1'.

    Examples
    --------
    >>> from attrlearn.labels.tables import TextTable
    >>> columns = {"a": np.array(["False", ""], object), "b": np.array(["", "-1.0"], object)}
    >>> table = TextTable("t.csv", columns, np.arange(2))
    >>> binary_notation(table, "a"), binary_notation(table, "b")
    ({0: 'False', 1: 'True'}, {0: '0.0', 1: '1.0'})
    """
    counts = _counts([table.columns[name]], na_values)
    own = _complete(counts)
    if own is not None:
        return own
    of_others = [table.columns[other] for other in others if other != name]
    return _complete(_counts(of_others, na_values)) or {0: "0", 1: "1"}


def missing_mark(
    table: TextTable, name: str, others: Iterable[str] = (), na_values: Collection[str] = ()
) -> str:
    """Return what stands for a gap in a column: the most frequent mark there, else of all.

    Examples
    --------
    >>> from attrlearn.labels.tables import TextTable
    >>> columns = {"a": np.array(["1", "NA"], object), "b": np.array(["0", "1"], object)}
    >>> missing_mark(TextTable("t.csv", columns, np.arange(2)), "b", ["a"], ["NA"])
    'NA'
    """
    for columns in ([table.columns[name]], [table.columns[other] for other in others]):
        marks = Counter(
            text
            for column in columns
            for text in map(str.strip, column)
            if text in na_values or not text or read_number(text) == -1
        )
        if marks:
            return marks.most_common(1)[0][0]
    if table.has_header:
        return ""
    return next(iter(na_values), "NA")


def _counts(columns: Iterable[np.ndarray], na_values: Collection[str]) -> Counter[str]:
    """How often each text that spells 0, 1 or -1 stands in some columns."""
    texts = Counter(text for column in columns for text in map(str.strip, column))
    return Counter(
        {
            text: n
            for text, n in texts.items()
            if text not in na_values and read_number(text) in (0, 1, -1)
        }
    )


def _complete(counts: Counter[str]) -> BinaryNotation | None:
    """The text of both classes, from what is there of them; None if nothing is."""
    found: BinaryNotation = {}
    for text, _ in counts.most_common():
        number = int(read_number(text))
        if number in (0, 1):
            found.setdefault(number, text)
    for text in (*found.values(), *counts):
        for style in _STYLES:
            if text in style:
                return {0: style[0], 1: style[1]} | found
    if len(found) == 2:
        return found
    return {0: "0", 1: "1"} | found if found else None
