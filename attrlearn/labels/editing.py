"""A labels file with other values in some cells, and every other byte as it was."""

import codecs
from collections.abc import Collection, Mapping
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from attrlearn.exceptions import and_more
from attrlearn.labels.cell_spans import Span, find_span, line_starts, replacement
from attrlearn.labels.parquet_editing import edit_parquet
from attrlearn.labels.tables import TextTable, is_parquet, parse_table

__all__ = ["Cell", "LabelsContent"]


class Cell(NamedTuple):
    """A place in a table."""

    row: int  # of the table, from 0
    column: str


class LabelsContent:
    r"""The content of a labels file, as bytes and as the cells that `read_labels` finds.

    Parameters
    ----------
    raw : bytes
    path : path
        Of the file, whose suffix tells the format. It is not read.
    na_values : collection of str
        Cells that are missing.
    image_dir : path, optional
        Folder of the images; None: that of the file.

    Examples
    --------
    >>> from pathlib import Path
    >>> content = LabelsContent(b"image;hood\r\na.jpg; NA\r\n", Path("labels.csv"), ["NA"])
    >>> content.with_cells({Cell(0, "hood"): "1"}).raw
    b'image;hood\r\na.jpg; 1\r\n'
    """

    def __init__(
        self,
        raw: bytes,
        path: Path,
        na_values: Collection[str],
        image_dir: Path | str | None = None,
    ) -> None:
        self.raw = raw
        self.path = path
        self.na_values = na_values
        self.image_dir = image_dir
        self.table: TextTable = parse_table(raw, path, na_values, image_dir)

    @cached_property
    def digest(self) -> str:
        """Hash of the bytes."""
        return blake2b(self.raw, digest_size=16).hexdigest()

    def text_of(self, cell: Cell) -> str:
        """Return what a cell holds, without blanks around it."""
        return str(self.table.columns[cell.column][cell.row]).strip()

    def as_written(self, cell: Cell) -> str:
        """Return a cell with the quotation marks that it has in the file; in parquet its text."""
        if is_parquet(self.path):
            return self.text_of(cell)
        return self._text[self._span(cell).whole()]

    def with_cells(
        self, texts: Mapping[Cell, str], *, written: Collection[Cell] = ()
    ) -> "LabelsContent":
        """Return the content with other texts in some cells.

        Parameters
        ----------
        texts : mapping of Cell to str
            What the cells shall hold. Quotation marks are kept, and added where they are needed.
        written : collection of Cell
            Those of which the text is given as `as_written` returns it.

        Raises
        ------
        ValueError
            If the format cannot hold a text there, such as a class with a blank in a list that is
            separated by blanks. It is found by reading the new content: exactly these cells differ.
        """
        if is_parquet(self.path):
            raw = edit_parquet(self.raw, self.path.name, self.table, texts)
        else:
            raw = self._bom + self._edited(texts, written).encode()
        try:
            new = LabelsContent(raw, self.path, self.na_values, self.image_dir)
        except ValueError as error:
            raise self._refusal(next(iter(texts)), texts) from error
        wrong = [
            cell
            for cell, text in texts.items()
            if cell not in written and not new._holds(cell, text)
        ]
        wrong += self._strayed(new, texts)
        if wrong:
            raise self._refusal(wrong[0], texts, len(wrong) - 1)
        return new

    @cached_property
    def _bom(self) -> bytes:
        """The byte order mark, if there is one."""
        return codecs.BOM_UTF8 if self.raw.startswith(codecs.BOM_UTF8) else b""

    @cached_property
    def _text(self) -> str:
        """The text with its line ends as they are."""
        return self.raw[len(self._bom) :].decode()

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line of the text begins."""
        return line_starts(self._text)

    def _span(self, cell: Cell) -> Span:
        """Where a cell stands in the text."""
        start = self._starts[self.table.lines[cell.row] - 1]
        position = self.table.fields.index(cell.column)
        return find_span(self._text, start, position, self.table.separator)

    def _edited(self, texts: Mapping[Cell, str], written: Collection[Cell]) -> str:
        """The text with other cells."""
        pieces, at = [], 0
        spans = {cell: self._span(cell) for cell in texts}
        for cell, span in sorted(spans.items(), key=lambda item: item[1].start):
            if cell in written:
                place, text = span.whole(), texts[cell]
            else:
                place, text = replacement(span, texts[cell], self.table.separator)
            pieces += [self._text[at : place.start], text]
            at = place.stop
        return "".join([*pieces, self._text[at:]])

    def _holds(self, cell: Cell, text: str) -> bool:
        """Whether a cell has a text, and its row is there."""
        return cell.row < len(self.table.lines) and self.text_of(cell) == text.strip()

    def _strayed(self, new: "LabelsContent", texts: Mapping[Cell, str]) -> list[Cell]:
        """Cells that are no longer what they were although they should be, or all if rows moved."""
        before, after = self.table, new.table
        if before.fields != after.fields or not np.array_equal(before.lines, after.lines):
            return list(texts)
        return [
            Cell(int(row), name)
            for name, column in before.columns.items()
            for row in np.flatnonzero(column != after.columns[name])
            if Cell(int(row), name) not in texts
        ]

    def _refusal(self, cell: Cell, texts: Mapping[Cell, str], n_more: int = 0) -> ValueError:
        """The error of a change that the format cannot hold."""
        text = texts.get(cell)
        what = "" if text is None else f"{text!r} for "
        return ValueError(
            f"{self.path.name} must be able to hold what is written. Got {what}"
            f"{self.table.place(cell.row)}, column {cell.column!r}{and_more(n_more, 'cell')}. "
            "Nothing was changed. Save it as CSV, with a header, which can hold any text."
        )
