"""What the text cells of a table mean: 0/1, a class, or missing."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from attrlearn.checks.text_columns import read_number
from attrlearn.exceptions import and_more
from attrlearn.labels.tables import TextTable


class Codes(NamedTuple):
    """A column as small integers, -1 where the cell is missing."""

    codes: np.ndarray  # (N,) int
    classes: list[str] | None  # what the codes stand for; None: 0 and 1 stand for themselves

    def decode(self) -> pd.Series:
        """Return floats (N,) 0, 1 and NaN, or a category column (N,) of the classes that occur."""
        if self.classes is None:
            return pd.Series(np.where(self.codes < 0, np.nan, self.codes))
        values = pd.Categorical.from_codes(self.codes, pd.Index(self.classes))
        return pd.Series(values.remove_unused_categories())


def read_classes(cells: np.ndarray, na_values: Collection[str]) -> Codes:
    """Categorical codes of text cells (N,), with numeric classes in the order of their values."""
    raw_codes, raw = pd.factorize(cells)
    texts = [text.strip() for text in raw]
    classes = sorted(set(texts).difference(na_values, [""]))
    if not np.isnan([read_number(text) for text in classes]).any():
        classes.sort(key=read_number)
    rank = {text: code for code, text in enumerate(classes)}
    return Codes(np.array([rank.get(text, -1) for text in texts])[raw_codes], classes)


def read_attributes(
    table: TextTable, names: Sequence[str], categorical: Collection[str], na_values: Collection[str]
) -> dict[str, Codes]:
    """Codes of each named column; an error names the first cell that has no meaning there."""
    columns = {name: read_classes(table.columns[name], na_values) for name in names}
    odd = {
        name: _odd_rows(column, table.has_header)
        for name, column in columns.items()
        if name not in categorical
    }
    odd = {name: rows for name, rows in odd.items() if len(rows)}
    if odd:
        raise ValueError(_describe_odd_cells(table, odd, categorical))
    return {
        name: column if name in categorical else _narrow_to_binary(column)
        for name, column in columns.items()
    }


def merge_rows(codes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (G, A) of the rows (N, A) joined by group 0..G-1, and the mask (G, A) of conflicts.

    A cell of a group is what its labelled cells agree on; it is missing where they conflict.
    """
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    codes = codes[order]
    highest = np.maximum.reduceat(codes, starts)
    lowest = np.minimum.reduceat(np.where(codes < 0, np.iinfo(codes.dtype).max, codes), starts)
    conflict = (highest >= 0) & (lowest < highest)
    return np.where(conflict, -1, highest), conflict


def _odd_rows(column: Codes, may_be_text: bool) -> np.ndarray:
    """Return the rows whose cells keep a column from being all 0, 1 and missing, or all text."""
    numbers = np.array([read_number(text) for text in column.classes or ()])
    is_text, is_binary = np.isnan(numbers), np.isin(numbers, (0, 1, -1))
    labelled = np.flatnonzero(column.codes >= 0)
    codes = column.codes[labelled]
    mostly_text = may_be_text and 2 * is_text[codes].sum() > len(codes)
    return labelled[~(is_text if mostly_text else is_binary)[codes]]


def _narrow_to_binary(column: Codes) -> Codes:
    """Return the column with codes 0 and 1 if its cells are 0, 1 and -1, else as it is."""
    values = [read_number(text) for text in column.classes or ()]
    if np.isnan(values).any():
        return column
    return Codes(np.array([*values, -1], dtype=int)[column.codes], None)  # code -1: the last


def _describe_odd_cells(
    table: TextTable, odd: dict[str, np.ndarray], categorical: Collection[str]
) -> str:
    """Word the error for cells that do not fit their columns, given as rows by column."""
    name = min(odd, key=lambda name: odd[name][0])
    row = odd[name][0]
    n_more = sum(map(len, odd.values())) - 1
    rule, cure = "only 0, 1 and missing cells", "separate a table with a header by commas or tabs"
    if table.has_header:
        rule += ", or only text,"
        cure = "leave out what is no attribute with attribute_columns"
    return (
        f"{table.file} must hold {rule} in an attribute column. Got "
        f"{table.columns[name][row].strip()!r} at {table.place(row)}, column {name!r}"
        f"{and_more(n_more, 'cell')}. For class codes pass categorical={[*categorical, *odd]}, "
        f"add other marks of a missing cell to na_values, or {cure}."
    )
