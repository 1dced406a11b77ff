"""The annotation table: what its columns mean, and its cells as numbers."""

from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from attrlearn.checks.arrays import as_array
from attrlearn.checks.attributes import Attributes
from attrlearn.checks.text_columns import check_missing_marks

__all__ = [
    "MISSING",
    "applicable_attributes",
    "check_attributes",
    "check_table",
    "encode_targets",
    "target_columns",
]

MISSING = -1
MIN_ROWS_TO_RULE_OUT = 20
EXACT_BELOW = 2.0**53  # from here on floats are further apart than ints


def check_attributes(
    y: Any, n_rows: int, categorical: str | Sequence[Any] = "from_dtype"
) -> tuple[pd.DataFrame, Attributes]:
    """Read what the columns of `y` mean.

    Parameters
    ----------
    y : array-like or DataFrame of shape (N, A)
        See `AttributeClassifier.fit`.
    n_rows : int
        N, the number of images.
    categorical : "from_dtype" or list of names or positions
        Attributes that are categorical whatever their dtype.

    Returns
    -------
    table : DataFrame of shape (N, A)
        Each column holds its classes, or NaN where missing.
    attributes : Attributes

    Raises
    ------
    ValueError
        If the shape, a dtype, a cell or `categorical` breaks a rule.

    Examples
    --------
    >>> table, attributes = check_attributes([[1, "long"], [None, "short"]], n_rows=2)
    >>> attributes.names, attributes.is_binary
    (['Attr1', 'Attr2'], [True, False])
    >>> attributes.classes[1]
    array(['long', 'short'], dtype=object)
    """
    table = check_table(y, n_rows)
    names = list(table.columns)
    twice = next((name for name in names if f"{name}_proba" in names), None)
    if twice is not None:
        raise ValueError(
            f"y must not hold both {twice!r} and '{twice}_proba', under which predict_table gives "
            "the probability. Rename one."
        )
    declared = _declared(names, categorical)
    classes, is_binary = [], []
    for position, name in enumerate(names):
        column = table.iloc[:, position]
        binary = column.dtype == float and position not in declared
        if binary:
            _check_binary(column, name)
        classes.append(np.array([0, 1]) if binary else _class_values(column, name))
        is_binary.append(binary)
    return table, Attributes(names, classes, is_binary)


def check_table(y: Any, n_rows: int, names: list[Any] | None = None) -> pd.DataFrame:
    """Read `y` as a DataFrame of its own, with NaN in all missing cells.

    Parameters
    ----------
    y : array-like or DataFrame of shape (N, A)
    n_rows : int
        N.
    names : list, optional
        The attributes that `y` must have; a DataFrame may have them in another order.

    Returns
    -------
    DataFrame of shape (N, A)
        Numbers as float; text and pandas categories as they are.

    Raises
    ------
    ValueError
        If the shape, a dtype, a cell or a name breaks a rule.

    Examples
    --------
    >>> check_table([[1, "long"], [-1, None]], n_rows=2)["Attr1"].tolist()
    [1.0, nan]
    """
    table = _as_table(y, n_rows)
    if names is not None:
        table = _select(table, names, by_name=isinstance(y, pd.DataFrame))
    table = pd.DataFrame({name: _clean(table[name], name) for name in table})
    check_missing_marks(table)
    return table


def encode_targets(table: pd.DataFrame, attributes: Attributes) -> np.ndarray:
    """Number the cells by their class.

    Returns
    -------
    ndarray of shape (N, A), int64
        Position in ``attributes.classes``, `MISSING` where there is none.

    Examples
    --------
    >>> encode_targets(*check_attributes([["long"], [None], ["bare"]], n_rows=3)).tolist()
    [[1], [-1], [0]]
    """
    codes = np.empty(table.shape, dtype=np.int64)
    for a, classes in enumerate(attributes.classes):
        column = table.iloc[:, a]
        if attributes.is_binary[a]:
            codes[:, a] = np.where(column.notna(), column, MISSING)
        else:  # as objects, which are told apart by value: pandas would make dates of some
            known = pd.Index(classes, dtype=object)
            found = known.get_indexer(pd.Index(column, dtype=object))
            # A class of y_val that fit does not know counts as missing.
            codes[:, a] = np.where(found < 0, MISSING, found)
    return codes


def target_columns(table: pd.DataFrame, attributes: Attributes) -> np.ndarray:
    """Number the cells by their class among the classes of all attributes side by side.

    Returns
    -------
    ndarray of shape (N, A), int64
        `MISSING` where there is none.

    Examples
    --------
    >>> target_columns(*check_attributes([["long", 1], [None, 0]], n_rows=2)).tolist()
    [[0, 2], [-1, 1]]
    """
    codes = encode_targets(table, attributes)
    return np.where(codes == MISSING, MISSING, codes + attributes.starts)


def applicable_attributes(
    codes: np.ndarray, categories: np.ndarray, n_categories: int
) -> np.ndarray:
    """Whether the items of a category can have an attribute at all.

    Parameters
    ----------
    codes : ndarray of shape (N, A)
        As from `encode_targets` or `target_columns`.
    categories : ndarray of shape (N,), int64
        1 to `n_categories`, 0 for unknown.
    n_categories : int

    Returns
    -------
    ndarray of shape (n_categories, A), bool
        False where at least 20 rows of the category are there and none is labelled.

    Examples
    --------
    >>> applicable_attributes(np.full((20, 1), MISSING), np.ones(20, int), n_categories=2)
    array([[False],
           [ True]])
    """
    table = np.ones((n_categories, codes.shape[1]), dtype=bool)
    for category in range(1, n_categories + 1):
        labelled = codes[categories == category] != MISSING
        if len(labelled) >= MIN_ROWS_TO_RULE_OUT:
            table[category - 1] = labelled.any(axis=0)
    return table


def _as_table(y: Any, n_rows: int) -> pd.DataFrame:
    """`y` as a DataFrame, its attributes named."""
    if y is None:
        raise ValueError(
            "y must be a table of attributes: an AttributeClassifier requires y to be passed, but "
            "the target y is None. Pass one column per attribute."
        )
    if isinstance(y, pd.Series):
        raise ValueError(
            f"y must be 2-D, one column per attribute. Got a Series of {len(y)} rows. "
            "Pass y.to_frame()."
        )
    if issparse(y):
        raise ValueError(f"y must be dense. Got a sparse {type(y).__name__}. Pass y.toarray().")
    if isinstance(y, pd.DataFrame):
        table = y
    else:
        y = as_array(y, "y")
        array = y if isinstance(y, np.ndarray) else np.array(y, dtype=object)
        if array.ndim != 2:
            raise ValueError(
                f"y must be 2-D, one column per attribute. Got {array.ndim}-D, shape "
                f"{array.shape}. Make its rows equally long, or pass "
                "numpy.asarray(y).reshape(-1, 1) if there is one attribute."
            )
        names = [f"Attr{a + 1}" for a in range(array.shape[1])]
        dtype = object if array.dtype == object else None  # pandas 2 fails to infer one of 10**400
        table = pd.DataFrame(array, columns=pd.Index(names, dtype=object), dtype=dtype)
    if table.shape[1] == 0:
        raise ValueError("y must have at least one attribute. Got 0 columns. Pass labelled cells.")
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ValueError(f"y must have unique attribute names. Got {twice!r} twice. Rename one.")
    if len(table) != n_rows:
        raise ValueError(
            f"y must have one row per image. Got {len(table)} rows for {n_rows} images. "
            "Select the same rows of X and y."
        )
    return table


def _select(table: pd.DataFrame, names: list[Any], *, by_name: bool) -> pd.DataFrame:
    """The columns that a fitted model expects."""
    if by_name and set(table.columns) != set(names):
        raise ValueError(
            f"y must have the attributes of fit. Got {list(table.columns)}. Pass those of fit, "
            f"{names}."
        )
    if table.shape[1] != len(names):
        raise ValueError(
            f"y must have the {len(names)} attributes of fit. Got {table.shape[1]} columns. "
            f"Pass those of fit, {names}."
        )
    return table[names] if by_name else table.set_axis(names, axis=1)


def _declared(names: list[Any], categorical: str | Sequence[Any]) -> set[int]:
    """Positions of the attributes that the user declares categorical."""
    if isinstance(categorical, str) and categorical == "from_dtype":
        return set()
    positions = set()
    for item in [categorical] if isinstance(categorical, str) else categorical:
        if item in names:
            positions.add(names.index(item))
        elif type(item) is not bool and item in range(len(names)):
            positions.add(int(item))
        else:
            raise ValueError(
                "categorical_attributes must hold names or positions of attributes of y. "
                f"Got {item!r}. The attributes are {names}."
            )
    return positions


def _clean(column: pd.Series, name: Any) -> pd.Series:
    """The column as floats or as text, NaN where missing: NaN, None, NA, and -1 among numbers."""
    if column.dtype.kind == "U":  # text of pyarrow
        column = column.astype(object).where(column.notna(), np.nan)
    if column.dtype == object:
        column = _unboxed(column, name)
    kind = column.dtype.kind
    if kind not in "biufO":
        raise ValueError(
            f"y must hold numbers, text or categories. Got dtype {column.dtype} in attribute "
            f"{name!r}. Leave the column out, or convert it."
        )
    if kind == "O":  # text and categories
        return column
    numbers = column.to_numpy(dtype=float, na_value=np.nan)
    _check_exact(column, numbers, name)
    return pd.Series(np.where(numbers == MISSING, np.nan, numbers), column.index)


def _unboxed(column: pd.Series, name: Any) -> pd.Series:
    """A column of objects as it is if they are text, as floats if they are numbers."""
    labelled = column.notna().to_numpy()
    cells = column.to_numpy()[labelled]
    types = set(map(type, cells.tolist()))
    is_text = any(issubclass(kind, str) for kind in types)
    fitting = str if is_text else Real | Decimal | np.bool_
    if not all(issubclass(kind, fitting) for kind in types):
        i = next(i for i, cell in enumerate(cells) if not isinstance(cell, fitting))
        raise ValueError(
            "y must hold either text or numbers in one attribute. "
            f"Got {cells[i]!r}{' beside text' if is_text else ''} at row "
            f"{np.flatnonzero(labelled)[i]}, attribute {name!r}. Convert the column to one type."
        )
    if is_text:
        return column
    numbers = np.full(len(column), np.nan)
    with np.errstate(over="ignore"):
        numbers[labelled] = [_as_float(cell) for cell in cells]
    _check_exact(column, numbers, name)
    return pd.Series(numbers, column.index)


def _as_float(cell: Any) -> float:
    """A number as the nearest float, infinite where it is beyond all."""
    try:
        return float(cell)
    except OverflowError:
        return np.inf if cell > 0 else -np.inf


def _check_exact(column: pd.Series, numbers: np.ndarray, name: Any) -> None:
    """Raise at an int that a float may not tell from its neighbours: two classes would be one."""
    if column.dtype.kind in "iuO" and (beyond := np.abs(numbers) >= EXACT_BELOW).any():
        row = int(beyond.argmax())
        raise ValueError(
            f"y must hold numbers below 2**53 in size. Got {column.iloc[row]} at row {row}, "
            f"attribute {name!r}. If it is a code, pass it as text: y.astype({{{name!r}: str}})."
        )


def _class_values(column: pd.Series, name: Any) -> np.ndarray:
    """Classes of a categorical attribute: those of the dtype, else the observed ones, sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = column.cat.categories.to_numpy()
        if values.dtype.kind in "mM":  # numpy would make ints of nanoseconds
            values = column.cat.categories.astype(object).to_numpy()
    else:
        values = np.asarray(sorted(column.dropna().unique()))
        if values.dtype.kind == "f" and all(map(float.is_integer, values.tolist())):
            values = values.astype(np.int64)
    if len(values) == 0:
        raise ValueError(
            f"y must hold at least one class in a categorical attribute. Got only missing cells in "
            f"attribute {name!r}. Give the column a pandas category dtype with its classes, or "
            "leave it out."
        )
    return values.astype(object) if values.dtype.kind not in "iub" else values


def _check_binary(column: pd.Series, name: Any) -> None:
    """Raise at the first cell that is not 0, 1 or missing."""
    numbers = column.to_numpy()
    wrong = (numbers != 0) & (numbers != 1) & ~np.isnan(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        encoded = (
            " If it comes from cross_val_predict(method='predict_proba'), which numbers classes "
            "and gaps anew, use attrlearn.model_selection.cross_val_predict_proba."
        )
        raise ValueError(
            "y must hold only 0, 1 or missing in a binary attribute. "
            f"Got {numbers[row]} at row {row}, attribute {name!r}. "
            f"For numeric class codes pass categorical_attributes=[{name!r}]."
            f"{encoded if numbers[row] == 2 else ''}"
        )
