"""A labels file as columns of text that remember their lines."""

import csv
import io
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from attrlearn.checks.urls import is_url
from attrlearn.exceptions import and_more
from attrlearn.labels.image_lookup import find_images, has_image_suffix
from attrlearn.labels.places import Place, folder_of_images, name_and_suffix, read_content

_BINARY_CELLS = {"0", "1", "-1", "0.0", "1.0", "-1.0"}


class TextTable(NamedTuple):
    """The cells of a labels file, unread: what they mean is decided by `attrlearn.labels.cells`."""

    file: str
    columns: dict[str, np.ndarray]  # name -> (N,) object array of str
    lines: np.ndarray  # (N,) line of a text file, from 1; row of a parquet file, from 0
    line_word: str = "line"
    has_header: bool = True
    separator: str | None = None  # of a table in a text file
    fields: tuple[str, ...] = ()  # names of all columns in the order of the file, also empty ones

    def place(self, row: int) -> str:
        """Return where a row is found in the file: 'line 42'."""
        return f"{self.line_word} {self.lines[row]}"


def read_table(
    path: Place, na_values: Collection[str], image_dir: Place | None = None
) -> TextTable:
    """Read a parquet file, a table with a header, or a headerless list, all as text.

    A header that names an image in `image_dir` (None: beside the file) is taken for data.
    """
    if is_parquet(path):
        source = path if isinstance(path, Path) else io.BytesIO(read_content(path))
        return _read_parquet(source, path, folder_of_images(path, image_dir))
    return parse_table(read_content(path), path, na_values, image_dir)


def is_parquet(path: Place) -> bool:
    """Whether a labels file is parquet, by its name."""
    return name_and_suffix(path)[1] in {".parquet", ".pq"}


def parse_table(
    raw: bytes, path: Place, na_values: Collection[str], image_dir: Place | None = None
) -> TextTable:
    """Return the table that the content of a labels file holds, as `read_table` does."""
    image_dir = folder_of_images(path, image_dir)
    if is_parquet(path):
        return _read_parquet(io.BytesIO(raw), path, image_dir)
    file, suffix = name_and_suffix(path)
    lines = [line.rstrip(" \n") for line in io.StringIO(_decode(raw, file), newline=None)]
    first = next((line for line in lines if line.strip("\t,; ")), None)
    if first is None:
        raise ValueError(f"{file} must hold a table. Got an empty file.")
    marks = _BINARY_CELLS.union(na_values)
    separator = next((mark for mark in "\t,;" if mark in first.strip()), None)
    if suffix not in {".csv", ".tsv"} and (
        separator is None or (separator == "\t" and _is_data(first, marks))
    ):
        rows = [(n, _split_blanks(line)) for n, line in enumerate(lines, 1) if line.strip()]
        names = _name_attributes([fields for _, fields in rows])
        return _assemble(file, names, rows, None)
    (_, header), *rows = _csv_records(file, lines, separator or ",")
    names = [name.strip() for name in header]
    _check_header(file, names, marks, image_dir)
    return _assemble(file, names, rows, separator or ",")


def _decode(raw: bytes, file: str) -> str:
    """Return the text of a UTF-8 file, without its byte order mark."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{file} must be UTF-8 text. Got the byte "
            f"0x{raw[error.start]:02x} at line {line}."
            " Save it as CSV with the encoding UTF-8."
        ) from error


def _read_parquet(source: Path | io.BytesIO, path: Place, image_dir: Place) -> TextTable:
    """Return the cells of a parquet file as text, whole numbers without '.0' and gaps as ''."""
    file, _ = name_and_suffix(path)
    try:
        frame = pd.read_parquet(source)
    except ImportError as error:
        raise ImportError(
            f"Reading {file} needs pyarrow. Run: pip install 'attrlearn[parquet]'"
        ) from error
    if frame.index.name is not None:
        frame = frame.reset_index()
    columns = {
        str(name): column.convert_dtypes().astype("string").fillna("").to_numpy(object)
        for name, column in frame.items()
    }
    if frame.empty:
        raise ValueError(f"{file} must hold rows. Got none.")
    _check_names_no_image(file, list(columns), image_dir)
    return TextTable(file, columns, np.arange(len(frame)), line_word="row")


def _is_data(line: str, marks: Collection[str]) -> bool:
    """Whether a first line is a row of a headerless list rather than a header."""
    tabbed, blank = ([cell.strip() for cell in line.split(mark)[1:]] for mark in ("\t", None))
    return any(cell in marks for cell in tabbed) or all(cell in marks for cell in blank)


def _split_blanks(line: str) -> list[str]:
    """Return the fields between runs of spaces or single tabs; two tabs enclose an empty cell."""
    return re.split(r" *\t *| +", line.strip(" ")) if "\t" in line else line.split()


def _name_attributes(rows: list[list[str]]) -> list[str]:
    """Return the column names of a headerless list, whose lines may all end in a tab."""
    width = len(rows[0]) - all(fields[-1] == "" for fields in rows)
    return ["image", *(f"Attr{i}" for i in range(1, width))]


def _csv_records(file: str, lines: list[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not blank, each with the line on which it begins."""
    reader = csv.reader(
        (line + "\n" for line in lines), delimiter=separator, skipinitialspace=True, strict=True
    )
    line = 1
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{file}, line {line}: could not be read: {error}. Check its quotation marks."
        ) from error


def _check_header(file: str, names: list[str], marks: set[str], image_dir: Place) -> None:
    """Raise where column names are data or repeat."""
    if len(names) > 1 and marks.issuperset(names[1:]):
        raise ValueError(
            f"{file} must begin with a header. Got data: {_shorten(names)}. Add a line with the "
            "column names, or separate its fields by spaces and name it .txt."
        )
    _check_names_no_image(file, names, image_dir)
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"{file} must name each column once. Got {repeated} more than once. Rename them."
        )


def _check_names_no_image(file: str, names: list[str], image_dir: Place) -> None:
    """Raise if a column is called like an image: the first image would pass for the header."""
    found: list[list[str]] = [[]] * len(names)
    if isinstance(image_dir, Path):  # no server is asked for the sake of a better error
        found = find_images(names, image_dir)
    for name, files in zip(names, found, strict=True):
        # An attribute may be called like an image without its suffix.
        is_file = os.path.normpath(name) in files or (files and name == names[0] != "image")
        if name and (is_file or is_url(name) or any(map(has_image_suffix, name.split()))):
            raise ValueError(
                f"{file} must begin with a header. Got {name!r}, which is an image, among the "
                "column names. Add a line with the column names. If it is there, rename the column."
            )


def _assemble(
    file: str, names: list[str], rows: list[tuple[int, list[str]]], separator: str | None
) -> TextTable:
    """Return the columns with a name, after a check that every row has a field for each.

    `separator` is that of a table, None for a headerless list.
    """
    has_header = separator is not None
    if not rows:
        raise ValueError(f"{file} must hold rows. Got a header only.")
    for _, fields in rows:
        if len(fields) == len(names) + 1 and fields[-1] == "" and not has_header:
            fields.pop()  # a tab at the end of the line
    ragged = [(line, fields) for line, fields in rows if len(fields) != len(names)]
    if ragged:
        line, fields = ragged[0]
        wanted, n = f"{len(names)} fields as in the header", len(fields)
        if not has_header:
            wanted, n = f"a file name and {len(names) - 1} attributes", n - 1
        raise ValueError(
            f"{file}, line {line}: expected {wanted}, got {n}: {_shorten(fields)}"
            f"{and_more(len(ragged) - 1, 'line')}."
        )
    columns = zip(names, zip(*(fields for _, fields in rows), strict=True), strict=True)
    return TextTable(
        file,
        {name: np.array(cells, dtype=object) for name, cells in columns if name},
        np.array([line for line, _ in rows]),
        has_header=has_header,
        separator=separator,
        fields=tuple(names),
    )


def _shorten(fields: list[str]) -> str:
    """Return a row as quoted text of at most 80 characters."""
    text = " ".join(fields)
    return repr(text if len(text) <= 80 else text[:77] + "...")
