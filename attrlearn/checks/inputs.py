"""What `fit` and `predict` take as X: images or features, and their categories."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import _get_feature_names

from attrlearn.checks.arrays import as_array
from attrlearn.checks.feature_matrix import check_feature_matrix
from attrlearn.checks.groups import groups_in
from attrlearn.checks.image_types import is_single
from attrlearn.checks.urls import check_url_support
from attrlearn.exceptions import UnknownCategoryWarning, warn

__all__ = [
    "Inputs",
    "check_inputs",
    "check_same_features",
    "encode_categories",
    "known_categories",
    "warn_of_unknown",
    "warn_of_unlearnt",
]

N_SHOWN = 5  # categories named in a warning


@dataclass(frozen=True)
class Inputs:
    """N rows of X.

    Attributes
    ----------
    images : sequence of N paths or images, or None
    features : ndarray of shape (N, D), float32, float64 or float16, or None
        Numbers that float32 can hold, as X holds them where it is such an array: no copy. One of
        `images` and `features` is there.
    categories : ndarray of shape (N,), object, or None
        None in it stands for an unknown category.
    groups : ndarray of shape (N,), int, or None
        As from `attrlearn.checks.groups.groups_in`.
    index : Index of length N
        Row labels of X.
    feature_names : list of str, or None
        Columns of X that hold the features, if it is a DataFrame.
    first_row : int, default=0
        Position of the first of these rows in X, for errors.
    """

    images: Sequence[Any] | None
    features: np.ndarray | None
    categories: np.ndarray | None
    groups: np.ndarray | None
    index: pd.Index
    feature_names: list[str] | None = None
    first_row: int = 0

    def __len__(self) -> int:
        return len(self.index)

    def between(self, start: int, stop: int) -> Self:
        """Return the rows from one position to another, which errors name as they are in X."""
        some = slice(start, stop)
        return replace(
            self,
            images=None if self.images is None else self.images[some],
            features=None if self.features is None else self.features[some],
            categories=None if self.categories is None else self.categories[some],
            groups=None if self.groups is None else self.groups[some],
            index=self.index[some],
            first_row=self.first_row + start,
        )

    @property
    def n_features(self) -> int:
        """D, 0 of images."""
        return 0 if self.features is None else self.features.shape[1]

    def holds_the_same_as(self, other: Self) -> bool:
        """Whether these are rows of the same images or features, with the same categories.

        Images in memory are the same if they are one object.
        """
        if len(self) != len(other):
            return False
        categories = [
            None if rows.categories is None else rows.categories.tolist() for rows in (self, other)
        ]
        if categories[0] != categories[1]:
            return False
        if self.features is not None and other.features is not None:
            return np.array_equal(self.features, other.features)
        if self.images is None or other.images is None:
            return False
        pairs = zip(self.images, other.images, strict=True)
        return all(a is b or (isinstance(a, str | PathLike) and a == b) for a, b in pairs)

    def feature_table(self) -> np.ndarray | pd.DataFrame:
        """Return the features (N, D) as scikit-learn looks at them: with their names, if any."""
        assert self.features is not None
        if self.feature_names is None:
            return self.features
        return pd.DataFrame(self.features, columns=self.feature_names, copy=False)

    def feature_attributes(self) -> dict[str, Any]:
        """Return the attributes with which a fitted estimator remembers the features, by name."""
        if self.features is None:
            return {}
        names = _get_feature_names(self.feature_table())
        known = {} if names is None else {"feature_names_in_": names}
        return {"n_features_in_": self.n_features, **known}


def check_inputs(X: Any, categories: Any = None, *, features: bool = False) -> Inputs:
    """Sort X and `categories` into images or features, and categories.

    Parameters
    ----------
    X : array-like or DataFrame of N rows
        See `AttributeClassifier.fit`.
    categories : array-like of shape (N,), optional
        Not together with a column `category` in X.
    features : bool, default=False
        Whether X holds features rather than images.

    Returns
    -------
    Inputs

    Raises
    ------
    ValueError, TypeError
        If X is of another form, empty, a single image, or of another length than `categories`.
    ImportError
        If X holds URLs and the extra ``remote`` is not installed.

    Examples
    --------
    >>> inputs = check_inputs(["a.jpg", "b.jpg"], categories=["shirt", None])
    >>> len(inputs), inputs.categories
    (2, array(['shirt', None], dtype=object))
    """
    X = as_array(X, "X")
    if isinstance(X, pd.DataFrame) and "category" in X:
        if categories is not None:
            raise ValueError(
                "categories must be given once. Got both a column 'category' in X and the argument "
                "categories. Leave one out."
            )
        categories = _one_column(X, "category")
    images = matrix = names = None
    if features:
        matrix, names = check_feature_matrix(X)
        n_rows = len(matrix)
    else:
        images = _images(X)
        n_rows = len(images)
    if n_rows == 0:
        raise ValueError("X must have at least one row. Got 0 rows. Check what selected them.")
    known = None if categories is None else _category_array(categories, n_rows)
    index = X.index if isinstance(X, pd.DataFrame | pd.Series) else pd.RangeIndex(n_rows)
    return Inputs(images, matrix, known, groups_in(X), index, names)


def known_categories(categories: np.ndarray | None) -> np.ndarray:
    """Sorted categories that occur, without the missing ones.

    Examples
    --------
    >>> known_categories(np.array(["skirt", None, "dress", "skirt"], dtype=object))
    array(['dress', 'skirt'], dtype=object)
    """
    values = [] if categories is None else {c for c in categories if c is not None}
    try:
        values = sorted(values)
    except TypeError:  # a mixture of types
        values = sorted(values, key=lambda value: (type(value).__name__, str(value)))
    known = np.empty(len(values), dtype=object)
    known[:] = values
    return known


def check_same_features(inputs: Inputs, other: Inputs) -> None:
    """Raise unless two sets of rows hold the same features, by number and name.

    Examples
    --------
    >>> two, three = (check_inputs(np.zeros((1, d)), features=True) for d in (2, 3))
    >>> check_same_features(two, three)
    Traceback (most recent call last):
    ValueError: X has 2 features, but AttributeClassifier is expecting 3 features as input...
    """
    if inputs.n_features != other.n_features:
        raise ValueError(
            f"X has {inputs.n_features} features, but AttributeClassifier is expecting "
            f"{other.n_features} features as input. Select the same columns of both."
        )
    if None not in (inputs.feature_names, other.feature_names) and (
        inputs.feature_names != other.feature_names
    ):
        raise ValueError(
            f"The features must be in the same order and have the same names. Got "
            f"{inputs.feature_names}, where X has {other.feature_names}. Pass X_val[list(X)]."
        )


def encode_categories(
    categories: np.ndarray | None, known: Iterable[Any], n_rows: int
) -> np.ndarray:
    """(N,) int64: 1 + position among the `known` categories, 0 for any other or none.

    Examples
    --------
    >>> encode_categories(np.array(["skirt", None, "hat"], object), np.array(["skirt"]), 3)
    array([1, 0, 0])
    """
    if categories is None:
        return np.zeros(n_rows, dtype=np.int64)
    code = {category: i for i, category in enumerate(known, start=1)}
    return np.fromiter((code.get(c, 0) for c in categories), np.int64, n_rows)


_CURE = (
    "Searches and cross-validation hand the argument categories to fit alone: give X a column "
    "'category', which reaches score and predict too."
)


def warn_of_unknown(
    categories: np.ndarray | None, known: np.ndarray, n_rows: int, cure: str = _CURE
) -> None:
    """Say in one warning how many rows a fitted model must take as of unknown category."""
    counts = _count(categories)
    if len(known) and not counts:
        warn(
            f"The model was fitted with categories, and {n_rows} rows have none: they count as "
            f"unknown. {cure}",
            UnknownCategoryWarning,
        )
    unseen = Counter({category: n for category, n in counts.items() if category not in {*known}})
    if unseen:
        warn(
            f"{unseen.total()} rows have categories that fit did not learn, as no labelled cell it "
            f"saw is of them, and count as unknown: {_show(unseen)}. "
            f"Known are {list(known)}.",
            UnknownCategoryWarning,
        )


def warn_of_unlearnt(categories: np.ndarray | None, learnt: Iterable[Any]) -> None:
    """Say in one warning of which categories in X no labelled cell is learnt from."""
    unlearnt = Counter({c: n for c, n in _count(categories).items() if c not in {*learnt}})
    if unlearnt:
        warn(
            f"{len(unlearnt)} categories count as unknown: no labelled cell of them is learnt "
            f"from: {_show(unlearnt)} (rows of each). Label cells of "
            "them, or pass X_val and y_val if early stopping holds them out.",
            UnknownCategoryWarning,
        )


def _count(categories: np.ndarray | None) -> Counter:
    """Rows of each category, without those that have none."""
    return Counter(c for c in ([] if categories is None else categories) if c is not None)


def _show(counts: Counter) -> str:
    """The most frequent categories with their counts, for a warning."""
    return f"{dict(counts.most_common(N_SHOWN))}{', ...' if len(counts) > N_SHOWN else ''}"


def _check_collection(X: Any) -> None:
    """Raise for a single image, and for what has no order."""
    if is_single(X):
        several = isinstance(X, np.ndarray) and X.ndim == 3 and X.shape[2] not in (3, 4)
        raise ValueError(
            f"X must be a collection of images. Got a single one, of type {type(X).__name__}. "
            f"{'Pass list(X) if it holds gray ones.' if several else 'Wrap it in a list.'}"
        )
    if isinstance(X, Mapping | Set):
        raise TypeError(
            f"X must be a collection of images in order. Got a {type(X).__name__}. Pass a list, "
            "or a DataFrame with a column 'image'."
        )


def _images(X: Any) -> Sequence[Any]:
    """X as a sequence of images, each of a type that can be read."""
    _check_collection(X)
    if isinstance(X, pd.DataFrame):
        if "image" not in X:
            raise ValueError(
                f"X must have a column 'image' with the paths. Got the columns {list(X.columns)}. "
                "Rename the column, or pass the paths alone."
            )
        X = _one_column(X, "image")
    if isinstance(X, np.ndarray):
        if X.dtype == np.uint8 and (X.ndim != 4 or X.shape[3] not in (3, 4)):
            raise ValueError(
                "X must be of shape (N, H, W, 3) as one array of images. "
                f"Got shape {X.shape}. Move the channels last."
            )
        if X.ndim == 2 and X.shape[1] == 1:
            X = X[:, 0]  # one column, as a transformer passes it on
    try:
        images = list(X)
    except TypeError:
        raise TypeError(
            f"X must be a collection of images. Got {type(X).__name__}. "
            "Pass a list of paths, a DataFrame with a column 'image', or images."
        ) from None
    for row, image in enumerate(images):
        # A missing path is a bad image like others. PIL images are not compared: that loads them.
        if not (is_single(image) or (pd.api.types.is_scalar(image) and pd.isna(image))):
            raise TypeError(
                "X must hold paths, PIL images, bytes, binary files or uint8 arrays. "
                f"Got {type(image).__name__} {image!r:.60} at row {row}. "
                "Pass backbone=None if X holds features."
            )
    check_url_support(images)
    return images


def _one_column(X: pd.DataFrame, name: str) -> pd.Series:
    """The column of that name, after a check that there is but one."""
    column = X[name]
    if isinstance(column, pd.DataFrame):
        raise ValueError(
            f"X must have one column {name!r}. Got {column.shape[1]}. Rename or drop the others."
        )
    return column


def _category_array(categories: Any, n_rows: int) -> np.ndarray:
    """(N,) object array, None where a category is missing."""
    categories = as_array(categories, "categories")
    if np.shape(categories) != (n_rows,):
        raise ValueError(
            f"categories must have one entry per row of X. Got shape {np.shape(categories)} for "
            f"{n_rows} rows. Select the same rows of both."
        )
    column = pd.Series(categories).astype(object)
    values = column.where(column.notna(), None).to_numpy()
    for row, value in enumerate(values):
        if not isinstance(value, Hashable):
            raise TypeError(
                f"categories must be text, numbers or other values that can be hashed. Got "
                f"{value!r:.60} at row {row}. Pass one value per row."
            )
    return values
