"""A parquet file with other values in some cells, and the schema that it had."""

import io
from collections.abc import Mapping
from typing import Any

from attrlearn.checks.text_columns import read_number
from attrlearn.labels.tables import TextTable

__all__ = ["edit_parquet"]


def edit_parquet(raw: bytes, file: str, table: TextTable, texts: Mapping[Any, str]) -> bytes:
    """Return a parquet file with other texts in some cells.

    Parameters
    ----------
    raw : bytes
    file : str
        Its name, for the error.
    table : TextTable
        Its cells as they are, whose missing ones are empty.
    texts : mapping of (row, column) to str
        What the cells shall hold; '' where they are missing.

    Returns
    -------
    bytes
        Written anew by pyarrow, with the schema, its metadata and the compression that it had.

    Raises
    ------
    ValueError
        If the type of a column cannot hold a text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pq.ParquetFile(io.BytesIO(raw))
    arrow = source.read()
    for name in {column for _, column in texts}:
        index = [str(field.name) for field in arrow.schema].index(name)
        field = arrow.schema.field(index)
        values = arrow.column(index).to_pylist()
        try:
            for (row, column), text in texts.items():
                if column == name:
                    values[row] = _value(text, field.type)
            column = _array(values, field.type)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise ValueError(
                f"{file} must have columns that can hold what is written. Got the type "
                f"{field.type} in column {name!r}: {error}. Save it as CSV."
            ) from error
        arrow = arrow.set_column(index, field, column)
    out = io.BytesIO()
    compression = "snappy"
    if source.metadata.num_row_groups:
        compression = source.metadata.row_group(0).column(0).compression.lower()
    rows = source.metadata.row_group(0).num_rows if source.metadata.num_row_groups else None
    pq.write_table(
        arrow,
        out,
        compression="none" if compression == "uncompressed" else compression,
        row_group_size=rows or None,
    )
    return out.getvalue()


def _value(text: str, kind: Any) -> object:
    """What a text stands for in a column of some type of Arrow."""
    import pyarrow as pa

    if not text:
        return None
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_boolean(kind):
        return bool(read_number(text))
    if pa.types.is_integer(kind):
        return int(read_number(text))
    if pa.types.is_floating(kind):
        return read_number(text)
    return text


def _array(values: list[object], kind: Any) -> Any:
    """Values as an array of some type of Arrow."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)
