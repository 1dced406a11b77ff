"""Cells of an annotation table, one per row of another table."""

from collections.abc import Iterable
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from attrlearn.checks.image_types import name_of

__all__ = ["as_objects", "cell_table", "image_names"]


def image_names(X: Any, n_rows: int) -> np.ndarray | None:
    """Return the paths or URLs (N,) of the images in X; None if it is None or holds something else.

    Raises
    ------
    ValueError
        If X has other rows than `n_rows`.

    Examples
    --------
    >>> image_names(["a.jpg", "b.jpg"], 2)
    array(['a.jpg', 'b.jpg'], dtype=object)
    """
    if X is None:
        return None
    if len(X) != n_rows:
        raise ValueError(
            f"X must have the rows of y. Got {len(X)}, where y has {n_rows}. Select the same rows "
            "of both."
        )
    images = X["image"] if isinstance(X, pd.DataFrame) and "image" in X else X
    if isinstance(images, pd.DataFrame) or np.ndim(images[:1]) != 1:
        return None
    if not all(isinstance(image, str | PathLike) for image in images):
        return None
    return np.array([name_of(image) for image in images], dtype=object)


def cell_table(
    attribute: Any, rows: np.ndarray, names: np.ndarray | None, columns: dict[str, Any]
) -> pd.DataFrame:
    """Return rows (n,), their images, if they have names, the attribute, and further columns.

    Examples
    --------
    >>> cell_table("hood", np.array([3]), None, {"confidence": [0.9]})
       row attribute  confidence
    0    3      hood         0.9
    """
    images = {} if names is None else {"image": names[rows]}
    attributes = as_objects([attribute])[np.zeros(len(rows), dtype=int)]
    return pd.DataFrame({"row": rows, **images, "attribute": attributes, **columns})


def as_objects(values: Iterable[Any]) -> np.ndarray:
    """Return values as they are, tuples too, in an array of objects.

    Examples
    --------
    >>> as_objects([("sleeve", "length"), 1])
    array([('sleeve', 'length'), 1], dtype=object)
    """
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
