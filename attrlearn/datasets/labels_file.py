"""A labels file, as the two tables X and y."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from attrlearn.checks.text_columns import NA_VALUES, is_free_text
from attrlearn.exceptions import LabelsFileWarning, warn
from attrlearn.labels.cells import Codes, read_attributes, read_classes
from attrlearn.labels.column_choice import as_list, choose_columns
from attrlearn.labels.duplicates import (
    drop_missing_images,
    join_duplicates,
    locate_images,
    path_column,
)
from attrlearn.labels.places import folder_of_images, path_or_url
from attrlearn.labels.tables import TextTable, read_table

__all__ = ["read_labels"]


def read_labels(
    path: str | os.PathLike[str],
    image_dir: str | os.PathLike[str] | None = None,
    *,
    image_column: str | None = None,
    category_column: str | None = None,
    group_column: str | None = None,
    attribute_columns: Sequence[str] | None = None,
    categorical: Sequence[str] | None = None,
    na_values: Sequence[str] = NA_VALUES,
    on_duplicate: Literal["raise", "first", "merge", "keep"] = "raise",
    on_missing_image: Literal["raise", "drop", "keep"] = "raise",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    r"""Read image paths and their attributes from a labels file; gaps stay gaps.

    Parameters
    ----------
    path : str or path-like
        The labels file, or its URL: a headerless list, or a table (CSV, TSV, parquet) with a
        header. See Notes.
    image_dir : str or path-like, default=None
        Folder of the images, or its URL; None is the folder of the labels file.
    image_column : str, default=None
        Column with the image files, relative to `image_dir`, or with URLs; None is the first
        column. It is read as text. A value that is no file and has no image suffix stands for the
        image of that name with one: '1163' finds '1163.jpg'.
    category_column : str, default=None
        Column with the kind of the depicted item, an input of the classifier.
    group_column : str, default=None
        Column that is the same for images that belong together, such as the photos of one product:
        splits keep them on one side. An image without a group stands alone.
    attribute_columns : sequence of str, default=None
        Columns to learn, in the order of `y`; None is all but those above. Name them where the file
        also holds ids, titles or other free text: each such column would become a categorical
        attribute with about one class per row, which is warned about.
    categorical : sequence of str, default=None
        Attributes whose cells are class codes although they look like numbers, or mix numbers and
        text. Their classes are the cells as text, exactly as in the file; -1 is a class like any
        other unless `na_values` holds '-1'.
    na_values : sequence of str, default=("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null")
        Cells that are missing, as is an empty cell. These replace the default, which leaves out
        'None', as that may be a class.
    on_duplicate : {"raise", "first", "merge", "keep"}, default="raise"
        What to do with several rows of one image: raise an error; keep the first; merge them, so
        that a cell missing in one row is filled from another and a cell in which labelled rows
        conflict becomes missing; or keep them all, for `attrlearn.inspection.audit`. "first" and
        "merge" warn, with counts.
    on_missing_image : {"raise", "drop", "keep"}, default="raise"
        What to do with a row whose image is not there: raise an error; leave the row out, with a
        warning; or keep it, which asks no server for images by URL.

    Returns
    -------
    X : DataFrame of shape (n_rows, 1 to 3)
        Column `image`, paths or URLs as str; with `category_column` also `category`, and with
        `group_column` also `group`, str or missing.
    y : DataFrame of shape (n_rows, n_attributes)
        One column per attribute, with the index of `X`, a `RangeIndex`. Binary attributes are
        float64 with 0, 1 and NaN; categorical ones have pandas' category dtype, whose classes,
        those of the rows that stay, are sorted, by value if all are numbers.

    Raises
    ------
    ValueError
        If the file, a row, a cell or an option breaks a rule, at the first such place.
    FileNotFoundError
        If the labels file, `image_dir` or an image is not there.
    ImportError
        If there are URLs, and the extra ``remote`` is not installed.
    OSError
        If the server of a URL fails.

    Notes
    -----
    A file named `.parquet` or `.pq` is parquet (which needs pyarrow), any other is UTF-8 text.

    A *headerless list* has lines like ``image_0.jpg 1 NA 0 1``, separated by spaces or tabs. Its
    attributes are called Attr1, Attr2, ..., its image column `image`. A text file is such a list if
    it is not named `.csv` or `.tsv`, and its first line has no tab, comma or semicolon; or has tabs
    and continues with 0, 1 or a missing mark after the image.

    Any other text file is a *table*: its first line names the columns and contains the separator,
    which is a tab, else a comma, else a semicolon. It must not name an image. Cells may be quoted.
    A column without a name, such as an index saved by pandas, is left out. Blank lines are skipped
    in both formats.

    An attribute column is *binary* if its cells are 0, 1, true, false (numbers like 1.0 and any
    case included), -1 or missing; -1 then is missing too. It is *categorical* if `categorical`
    names it or no cell of it is a number, true or false. Anything else is an error.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from attrlearn import read_labels
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "shirts.csv")
    ...     _ = file.write_text("image,kind,striped,sleeve\na,tee,1,short\nb,polo,NA,long\n")
    ...     X, y = read_labels(file, "shots", category_column="kind", on_missing_image="keep")
    >>> X["category"].tolist()
    ['tee', 'polo']
    >>> y
       striped sleeve
    0      1.0  short
    1      NaN   long
    """
    _check_option("on_duplicate", on_duplicate, ("raise", "first", "merge", "keep"))
    _check_option("on_missing_image", on_missing_image, ("raise", "drop", "keep"))
    na_values = as_list("na_values", na_values)
    file = path_or_url(path)
    folder = folder_of_images(file, image_dir)
    table = read_table(file, na_values, folder)
    is_checked = on_missing_image != "keep"
    if is_checked and isinstance(folder, Path) and not folder.is_dir():
        raise FileNotFoundError(f"image_dir must be an existing folder. Got {str(folder)!r}.")

    inputs = {"category": category_column, "group": group_column}
    carried = {name: column for name, column in inputs.items() if column is not None}
    image, attributes, categorical = choose_columns(
        table, image_column, carried, attribute_columns, categorical
    )
    columns = read_attributes(table, attributes, categorical, na_values)
    if attribute_columns is None:
        _warn_of_free_text(table, columns, categorical)
    for column in carried.values():
        columns[column] = read_classes(table.columns[column], na_values)

    codes = np.column_stack([column.codes for column in columns.values()])
    labels = locate_images(table, image, folder, codes, is_checked=is_checked)
    labels = join_duplicates(table, labels, on_duplicate)
    labels = drop_missing_images(table, labels, on_missing_image)

    y = pd.DataFrame(
        {
            name: Codes(labels.codes[:, i], column.classes).decode()
            for i, (name, column) in enumerate(columns.items())
        }
    )
    X = pd.DataFrame({"image": path_column(labels.images)})
    for name, column in carried.items():
        X[name] = y.pop(column).tolist()
    return X, y


def _check_option(name: str, value: str, options: tuple[str, ...]) -> None:
    """Raise unless an option has one of its values."""
    if value not in options:
        raise ValueError(f"{name} must be one of {options}. Got {value!r}.")


def _warn_of_free_text(
    table: TextTable, columns: dict[str, Codes], categorical: Sequence[str]
) -> None:
    """Warn of attributes with so many classes that they are rather ids or titles."""
    wordy = [
        name
        for name, (codes, classes) in columns.items()
        if name not in categorical and is_free_text(len(classes or ()), int((codes >= 0).sum()))
    ]
    if wordy:
        warn(
            f"{table.file}: {wordy} look like free text, with a class for every other row or more. "
            "Choose the attributes with attribute_columns.",
            LabelsFileWarning,
        )
