"""Features that users pass, as a matrix of finite floats that is not copied where it is one."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import check_array

__all__ = ["check_feature_matrix"]

FLOATS = [np.float32, np.float64, np.float16]  # of features that stay as they are given
CELLS_AT_ONCE = 2**20  # checked at a time: they stay in the cache of a core


def check_feature_matrix(X: Any) -> tuple[np.ndarray, list[str] | None]:
    """Return X as a (N, D) matrix, finite in float32, and the names of its columns.

    Parameters
    ----------
    X : array-like or DataFrame of numeric columns; `category` and `group` are left out

    Raises
    ------
    ValueError, TypeError
        If it is sparse, or a cell is no number that float32 can hold; the text names the cell.

    Examples
    --------
    >>> check_feature_matrix([[1, 2], [3, 4]])[0].dtype
    dtype('float32')
    """
    names = None
    if issparse(X):
        raise ValueError(
            f"X must be dense with backbone=None. Got a sparse {type(X).__name__}. Pass "
            "sparse_threshold=0 to the ColumnTransformer or sparse_output=False to the "
            "OneHotEncoder that made it."
        )
    if isinstance(X, pd.DataFrame):
        X = X.drop(columns=[name for name in ("category", "group") if name in X])
        names = list(X.columns)
        for name, dtype in X.dtypes.items():
            if not pd.api.types.is_numeric_dtype(dtype) or dtype.kind == "c":
                raise ValueError(
                    "X must hold numeric columns, 'category' and 'group' with backbone=None. "
                    f"Got dtype {dtype} in column {name!r}. Drop or encode the column, or set a "
                    "backbone if it holds images. A ColumnTransformer keeps the name 'category' "
                    "with verbose_feature_names_out=False."
                )
    try:
        matrix = _as_floats(X)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{error}\nWith backbone=None X holds features: set a backbone if it holds images, "
            "and make it a DataFrame if it holds a category, a ColumnTransformer's by "
            "verbose_feature_names_out=False and set_output(transform='pandas')."
        ) from None
    wrong = _first_not_finite(matrix)
    if wrong is not None:
        row, column = wrong
        place = f"at row {row}, column {(column if names is None else names[column])!r}"
        beyond = None if np.isnan(matrix[wrong]) else _beyond_float32(X, row, column)
        if beyond is not None:
            raise ValueError(
                "X must hold numbers that float32 can hold, up to 3.4e+38. Got "
                f"{beyond} {place}. Scale the column, or drop it."
            )
        raise ValueError(
            "X must hold finite numbers, neither NaN nor inf. Got "
            f"{matrix[wrong]} {place}. Fill or drop it."
        )
    return matrix, names


def _first_not_finite(matrix: np.ndarray) -> tuple[int, int] | None:
    """Row and column of the first cell that float32 does not hold; some rows at a time."""
    n_rows = max(1, CELLS_AT_ONCE // matrix.shape[1])
    for start in range(0, len(matrix), n_rows):
        part = matrix[start : start + n_rows]
        if part.dtype == np.float64:
            with np.errstate(over="ignore"):
                part = part.astype(np.float32)
        finite = np.isfinite(part)
        if not finite.all():
            row, column = np.argwhere(~finite)[0].tolist()
            return start + row, column
    return None


def _as_floats(X: Any) -> np.ndarray:
    """(N, D) of a dtype of floats, infinite where a number is beyond float32 at least.

    X itself if it is such an array, or a DataFrame that holds one; else float32.
    """
    with np.errstate(over="ignore"):
        if isinstance(X, pd.DataFrame):
            same = len({*X.dtypes}) == 1 and X.dtypes.iloc[0] in FLOATS
            X = X.to_numpy() if same else X.to_numpy(dtype=np.float32, na_value=np.nan)
        rules: Any = {"dtype": FLOATS, "ensure_all_finite": False, "ensure_min_samples": 0}
        try:
            return check_array(X, **rules)
        except OverflowError:  # an int that no float holds
            cells = np.array(X, dtype=object)
            most = float(np.finfo(np.float32).max)
            beyond = [isinstance(cell, int) and abs(cell) > most for cell in cells.flat]
            cells[np.reshape(beyond, cells.shape)] = np.inf
            return check_array(cells, **rules)


def _beyond_float32(X: Any, row: int, column: int) -> str | None:
    """An infinite cell of the matrix as X holds it; None if it is infinite there too."""
    cell: Any = X.iat[row, column] if isinstance(X, pd.DataFrame) else np.asarray(X[row])[column]
    if isinstance(cell, int):
        return f"{Decimal(cell):.3g}"  # of more digits than an error should show
    return None if np.isinf(np.longdouble(cell)) else f"{cell}"
