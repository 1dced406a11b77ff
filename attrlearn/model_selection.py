"""Splits and out-of-fold predictions for tables with gaps."""

from collections.abc import Iterator
from math import ceil
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold, check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from attrlearn.data.pairing import check_paired
from attrlearn.data.stratification import Strata, count_cells, count_lacking, deal, fill_gaps
from attrlearn.data.targets import check_table

__all__ = ["AttributeKFold", "AttributeShuffleSplit", "cross_val_predict_proba"]

RandomState = int | np.random.RandomState | None


class AttributeKFold(BaseEstimator):
    """K folds that share out the labelled classes of every attribute evenly.

    Each class of each attribute, of a binary one the known positives and the known negatives, is
    spread over the folds, the rarest first; a missing cell counts for nothing. So a rare attribute
    has positives in every fold, where plain folds leave some without.

    Parameters
    ----------
    n_splits : int, default=5
        At least 2.
    shuffle : bool, default=False
        Whether the rows are dealt out in random order, so that folds differ by seed.
    random_state : int, RandomState or None, default=None
        Used with ``shuffle=True``.

    See Also
    --------
    AttributeShuffleSplit : The same stratification, into train and test sets of any size.

    Notes
    -----
    Iterative stratification [1]_ over the classes of all attributes, in folds as large as those of
    ``sklearn.model_selection.KFold``. Being greedy, it can spend a row on one class that another
    needed. So rows of different folds are then swapped while that leaves fewer pairs of attribute
    and fold without a positive (of a categorical attribute: without one of its classes), or as
    many and fewer without a negative. If KFold with the same parameters still has fewer, its folds
    are taken and rows swapped from there: never more such pairs than with KFold. The number of
    swaps that are tried is bounded, so that any number of folds takes seconds.

    With `groups`, what is dealt out and swapped (for one with as many rows) is the group, large
    ones first, and KFold is not asked. No fold is then empty, and none exceeds its share N / K of
    the rows by the rows of the largest group.

    References
    ----------
    .. [1] K. Sechidis, G. Tsoumakas and I. Vlahavas, "On the Stratification of Multi-label Data",
       ECML PKDD 2011.

    Examples
    --------
    >>> y = np.array([[1, 0], [1, np.nan], [0, 1], [0, 1], [np.nan, 0], [0, 0]])
    >>> for train, test in AttributeKFold(n_splits=2).split(y, y):
    ...     print(test, np.nansum(y[test], axis=0))
    [0 3 5] [1. 1.]
    [1 2 4] [1. 1.]
    """

    __metadata_request__split: ClassVar[dict] = {"groups": True}

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: RandomState = None
    ) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each training and test set.

        Parameters
        ----------
        X : array-like of N rows
            Only their number counts, and the order of the labels if X and y have an index each.
        y : array-like or DataFrame of shape (N, A)
            With gaps: NaN, None, NA, and -1 among numbers.
        groups : array-like of shape (N,), optional
            Rows of one group stay together: the photos of one product, say.

        Yields
        ------
        train, test : ndarray
            Each row is in one test set.

        Raises
        ------
        ValueError
            If there are fewer rows, or groups, than folds, `random_state` has nothing to do, `y`
            or `groups` does not fit, or two indexes hold the same labels in different orders.
        """
        if self.random_state is not None and not self.shuffle:
            raise ValueError(
                f"random_state must be None with shuffle=False. Got {self.random_state}. "
                "Pass shuffle=True for folds that differ by seed."
            )
        check_paired({"X": X, "y": y, "groups": groups})
        strata, unit = count_cells(check_table(y, _num_samples(X)), groups)
        n_splits, n_units = self.n_splits, len(strata.n_rows)
        if not isinstance(n_splits, Integral) or not 2 <= n_splits <= n_units:
            raise ValueError(
                "n_splits must be a whole number between 2 and the number of rows or groups. Got "
                f"{n_splits} for {n_units}. Pass a number in between."
            )
        fold = self._deal(strata, grouped=groups is not None)[unit]
        for k in range(n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)

    def _deal(self, strata: Strata, *, grouped: bool) -> np.ndarray:
        """(U,) fold of each unit."""
        k = self.n_splits
        rng = check_random_state(self.random_state) if self.shuffle else None
        if grouped:
            room = np.full(k, strata.n_rows.sum() / k)
            return fill_gaps(strata, deal(strata, room, rng), k)
        plain = np.empty(len(strata.n_rows), dtype=np.int64)
        splitter = KFold(k, shuffle=self.shuffle, random_state=self.random_state)
        for i, (_, test) in enumerate(splitter.split(plain)):
            plain[test] = i
        fold = fill_gaps(strata, deal(strata, np.bincount(plain), rng), k)
        if count_lacking(strata, plain, k) < count_lacking(strata, fold, k):
            fold = fill_gaps(strata, plain, k)
        return fold


class AttributeShuffleSplit(BaseEstimator):
    """Random train and test sets that share out the labelled classes of every attribute evenly.

    Parameters
    ----------
    n_splits : int, default=10
    test_size : float, default=0.1
        Share of the rows in the test set, between 0 and 1, rounded up. Groups may change it.
    random_state : int, RandomState or None, default=None

    See Also
    --------
    AttributeKFold : The same stratification, each row in one test set.

    Notes
    -----
    Iterative stratification and swaps as in `AttributeKFold`: a class of two rows or more is in
    both sets if swaps of rows can bring it there.

    Examples
    --------
    >>> y = np.repeat([[0], [1]], [15, 5], axis=0)
    >>> ((train, test),) = AttributeShuffleSplit(1, test_size=0.2, random_state=0).split(y, y)
    >>> len(test), int(y[test].sum())
    (4, 1)
    """

    __metadata_request__split: ClassVar[dict] = {"groups": True}

    def __init__(
        self, n_splits: int = 10, *, test_size: float = 0.1, random_state: RandomState = None
    ) -> None:
        self.n_splits = n_splits
        self.test_size = test_size
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each training and test set.

        Parameters
        ----------
        X, y, groups
            As in `AttributeKFold.split`.

        Yields
        ------
        train, test : ndarray

        Raises
        ------
        ValueError
            If `test_size` is not between 0 and 1, or leaves one of the two sets empty, `y` or
            `groups` does not fit, or two indexes hold the same labels in different orders.
        """
        if not 0 < self.test_size < 1:
            raise ValueError(
                f"test_size must be a share between 0 and 1. Got {self.test_size}. "
                "Pass 0.2 for a fifth."
            )
        check_paired({"X": X, "y": y, "groups": groups})
        strata, unit = count_cells(check_table(y, _num_samples(X)), groups)
        n_test = ceil(self.test_size * len(unit))
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            side = deal(strata, np.array([len(unit) - n_test, n_test]), rng)
            side = fill_gaps(strata, side, n_parts=2)[unit]
            train, test = np.flatnonzero(side == 0), np.flatnonzero(side == 1)
            if not len(train) or not len(test):
                raise ValueError(
                    f"test_size must leave rows on both sides. Got {self.test_size} for "
                    f"{len(strata.n_rows)} rows or groups. Bring it nearer to 0.5."
                )
            yield train, test


def cross_val_predict_proba(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = 5,
    groups: Any = None,
    categories: Any = None,
    n_jobs: int | None = None,
) -> np.ndarray | list[np.ndarray]:
    """Predict the probabilities of each row by a model that has not seen it.

    What ``sklearn.model_selection.cross_val_predict(method="predict_proba")`` is for tables
    without gaps: that one numbers the values of `y` anew before `fit`, gaps included.

    Parameters
    ----------
    estimator : AttributeClassifier, or a pipeline or search around one
    X, y
        As in ``estimator.fit``.
    cv : int, splitter or iterable of (train, test), default=5
        An int stands for `AttributeKFold`. The test sets must hold each row once.
    groups : array-like of shape (N,), optional
        Passed to the splitter.
    categories : array-like of shape (N,), optional
        Passed to ``fit`` and ``predict_proba``. A pipeline or search takes none: let X carry them.
    n_jobs : int, optional
        Folds that are fitted at a time, each in a process of its own.

    Returns
    -------
    ndarray of shape (N, A), or list of A arrays of shape (N, classes)
        As from ``predict_proba`` of a model that saw all of `y`, with its classes: one that the
        model of a fold does not know has probability 0 there.

    Raises
    ------
    ValueError
        If the test sets leave a row out or hold it twice, `categories` has another length, or two
        indexes hold the same labels in different orders.

    Examples
    --------
    >>> from attrlearn import AttributeClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(30, 4)), rng.choice([0, 1, np.nan], (30, 2))
    >>> clf = AttributeClassifier(backbone=None, max_epochs=1)
    >>> cross_val_predict_proba(clf, X, y, cv=3).shape
    (30, 2)
    """
    check_paired({"X": X, "y": y, "groups": groups, "categories": categories})
    table = check_table(y, _num_samples(X))
    if categories is not None and _num_samples(categories) != len(table):
        raise ValueError(
            "categories must have one entry per row of X. Got "
            f"{_num_samples(categories)} for {len(table)} rows. Select the same rows of both."
        )
    splitter = AttributeKFold(int(cv)) if isinstance(cv, Integral) else check_cv(cv)
    splits = list(splitter.split(X, y, groups))
    rows = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(rows), np.arange(len(table))):
        raise ValueError(
            f"cv must hold each row in one test set. Got {len(rows)} test rows, "
            f"{len(np.unique(rows))} of them different, for {len(table)} rows. "
            "Pass a number of folds."
        )
    folds = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(clone(estimator), X, y, categories, train, test)
        for train, test in splits
    )
    if all(isinstance(probabilities, np.ndarray) for _, probabilities in folds):
        return np.concatenate([probabilities for _, probabilities in folds])[np.argsort(rows)]
    by_attribute = zip(*(_by_attribute(*fold) for fold in folds), strict=True)
    tests = [test for _, test in splits]
    return [
        _align(table[name], tests, parts) for name, parts in zip(table, by_attribute, strict=True)
    ]


def _fit_and_predict(
    estimator: Any, X: Any, y: Any, categories: Any, train: np.ndarray, test: np.ndarray
) -> tuple[Any, Any]:
    """Classes and probabilities of one fold."""
    of_train, of_test = (
        {} if categories is None else {"categories": _safe_indexing(categories, rows)}
        for rows in (train, test)
    )
    estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **of_train)
    return estimator.classes_, estimator.predict_proba(_safe_indexing(X, test), **of_test)


def _by_attribute(classes: Any, probabilities: Any) -> list[tuple[Any, np.ndarray]]:
    """Classes (k,) and their probabilities (N, k) of each attribute."""
    if isinstance(probabilities, list):
        return list(zip(classes, probabilities, strict=True))
    return [([0, 1], np.column_stack([1 - positive, positive])) for positive in probabilities.T]


def _align(column: pd.Series, tests: list[np.ndarray], parts: Any) -> np.ndarray:
    """(N, k) probabilities of one attribute, its classes those of a model of the whole column."""
    observed = set(column.dropna())
    complete = all(observed <= set(known) for known, _ in parts)  # always, with a category dtype
    classes = list(parts[0][0]) if complete else sorted(observed)
    out = np.zeros((len(column), len(classes)), dtype=parts[0][1].dtype)
    for test, (known, probabilities) in zip(tests, parts, strict=True):
        place = pd.Index(classes).get_indexer(pd.Index(known))
        out[np.ix_(test, place[place >= 0])] = probabilities[:, place >= 0]
    return out
