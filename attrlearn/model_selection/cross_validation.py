"""Predictions of each row by a model that has not seen it."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from attrlearn.checks.attributes import class_probabilities
from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import check_table
from attrlearn.model_selection.splitters import AttributeKFold

__all__ = ["cross_val_predict_proba"]


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
        Passed to the splitter. Those of attrlearn find them in a column `group` of X themselves.
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
    known = classes if isinstance(probabilities, list) else [[0, 1]] * probabilities.shape[1]
    return list(zip(known, class_probabilities(probabilities), strict=True))


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
