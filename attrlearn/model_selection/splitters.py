"""Cross-validation splitters for annotation tables with gaps."""

from collections.abc import Iterator
from math import ceil
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from attrlearn.checks.groups import groups_in
from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import check_table
from attrlearn.model_selection.stratification import (
    Strata,
    count_cells,
    count_lacking,
    fill_gaps,
    stratify,
)

__all__ = ["AttributeKFold", "AttributeShuffleSplit"]

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
            Only their number counts, the order of the labels if X and y have an index each, and a
            column `group`.
        y : array-like or DataFrame of shape (N, A)
            With gaps: NaN, None, NA, and -1 among numbers.
        groups : array-like of shape (N,), optional
            Rows of one group stay together: the photos of one product, say. By default those in the
            column `group` of X, if it is a DataFrame with one; rows that have none there are alone.

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
        groups = groups_in(X) if groups is None else groups
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
            return fill_gaps(strata, stratify(strata, room, rng), k)
        plain = np.empty(len(strata.n_rows), dtype=np.int64)
        splitter = KFold(k, shuffle=self.shuffle, random_state=self.random_state)
        for i, (_, test) in enumerate(splitter.split(plain)):
            plain[test] = i
        fold = fill_gaps(strata, stratify(strata, np.bincount(plain), rng), k)
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
        groups = groups_in(X) if groups is None else groups
        strata, unit = count_cells(check_table(y, _num_samples(X)), groups)
        n_test = ceil(self.test_size * len(unit))
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            side = stratify(strata, np.array([len(unit) - n_test, n_test]), rng)
            side = fill_gaps(strata, side, n_parts=2)[unit]
            train, test = np.flatnonzero(side == 0), np.flatnonzero(side == 1)
            if not len(train) or not len(test):
                raise ValueError(
                    f"test_size must leave rows on both sides. Got {self.test_size} for "
                    f"{len(strata.n_rows)} rows or groups. Bring it nearer to 0.5."
                )
            yield train, test
