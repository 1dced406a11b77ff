"""Whether more labels would help: scores over the number of labelled cells learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import check_table
from attrlearn.metrics.alignment import align_probabilities
from attrlearn.metrics.resampled_scores import (
    MEAN,
    check_confidence_level,
    check_scoring,
    resampled_score,
)
from attrlearn.model_selection import AttributeKFold

__all__ = ["LabelLearningCurve", "label_learning_curve"]

Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class LabelLearningCurve:
    """What `label_learning_curve` found.

    Attributes
    ----------
    scores : DataFrame
        A row per attribute, share, split and repeat: `attribute`, `share` (of the labelled cells of
        the training rows), `labelled` (their number), `split`, `repeat`, `score` (NaN where the
        test rows do not allow one). The mean over the attributes with a score is ``"(mean)"``, its
        `labelled` the mean number of cells of an attribute.
    summary : DataFrame, one row per attribute, and last ``"(mean)"``
        Of the largest share: `labelled` and `score`, means over splits and repeats; and against the
        share before it: `gain`, with the interval `low` to `high`, and `still_rises`, boolean with
        NA where that cannot be told.
    scoring : str
        The name of the score.
    """

    scores: pd.DataFrame
    summary: pd.DataFrame
    scoring: str


def label_learning_curve(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    train_sizes: Sequence[float] = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0),
    cv: Any = 5,
    n_repeats: int = 1,
    scoring: str = "balanced_accuracy",
    groups: Any = None,
    categories: Any = None,
    min_gain: float = 0.01,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = 0,
    n_jobs: int | None = None,
) -> LabelLearningCurve:
    """Score an estimator over the number of labelled cells that it learns from.

    Parameters
    ----------
    estimator : AttributeClassifier, or a pipeline or search that ends in one
        It is cloned. Features of a frozen backbone are computed once, and kept in its cache.
    X, y
        As in ``estimator.fit``.
    train_sizes : sequence of float, default=(1/16, 1/8, 1/4, 1/2, 1)
        Shares in (0, 1] of the labelled cells of each attribute in the training rows, rising. By
        default each is twice the one before, and what the last one gains is what the last doubling
        of the labels has brought.
    cv : int, splitter or iterable of (train, test), default=5
        An int stands for `AttributeKFold`. The test rows of a split are the same for all shares.
    n_repeats : int, default=1
        How often the cells to hide are drawn anew in each split.
    scoring : str, default="balanced_accuracy"
        A name in `attrlearn.metrics.SCORERS` other than "harmonic_f1"; the higher the better.
        Scores of predictions take the most probable class.
    groups : array-like of shape (N,), optional
        Passed to the splitter. Those of attrlearn find them in a column `group` of X themselves.
    categories : array-like of shape (N,), optional
        Passed to ``fit`` and ``predict_proba``, if X does not carry them.
    min_gain : float, default=0.01
        The gain of score that would be worth it: `still_rises` is False where the whole interval is
        below. True where all of it is above 0; NA otherwise.
    confidence_level : float, default=0.95
        In (0, 1), of the interval.
    random_state : int, RandomState or None, default=0
        What the cells to hide are drawn with.
    n_jobs : int, optional
        Fits at a time, each in a process of its own.

    Returns
    -------
    LabelLearningCurve

    Raises
    ------
    ValueError
        If an argument breaks a rule, or two indexes hold the same labels in different orders.

    See Also
    --------
    attrlearn.plots.LabelLearningCurveDisplay : The curves as a figure.

    Notes
    -----
    Cells are hidden, not rows, as labels are what costs; images without labels stay. Hidden are
    cells at random, each class of an attribute in proportion and one cell of each class left, and
    what is there at a share is there at all larger ones.

    The interval is that of the mean of the paired gains over splits and repeats, by Student's t
    with the variance of Nadeau and Bengio [1]_: ``(1 / n + n_test / n_train)`` times that of the
    gains in place of ``1 / n``, as training sets overlap. It is per attribute: of 20 attributes
    that have stopped rising one may be said to rise in 40.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the Generalization Error", Machine Learning 52,
       2003.

    Examples
    --------
    >>> from attrlearn import AttributeClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 8)).astype("float32")
    >>> y = pd.DataFrame({"hood": X[:, 0] > 0, "coin": rng.random(200) > 0.5})
    >>> clf = AttributeClassifier(None, learning_rate=0.03, max_epochs=10, random_state=0)
    >>> curve = label_learning_curve(clf, X, y, train_sizes=[0.1, 1], cv=3)
    >>> curve.summary[["labelled", "gain"]].round(2)
               labelled  gain
    attribute...
    hood          133.3  0.18
    coin          133.3  0.05
    (mean)        133.3  0.11
    """
    shares = _check_sizes(train_sizes)
    _check_arguments(scoring, n_repeats, min_gain, confidence_level)
    check_paired({"X": X, "y": y, "groups": groups, "categories": categories})
    table = _declared(check_table(y, _num_samples(X)))
    splitter = AttributeKFold(int(cv)) if isinstance(cv, Integral) else check_cv(cv)
    splits = list(splitter.split(X, y, groups))
    rng = check_random_state(random_state)
    tasks = []
    for split, (train, test) in enumerate(splits):
        for repeat in range(n_repeats):
            order = _order_of_cells(table.iloc[train], rng)
            for share in shares:
                known = _keep(table.iloc[train], order, share)
                tasks.append(((split, repeat, share), known, train, test))
    found = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_score)(
            clone(estimator), X, known, table.iloc[test], categories, (train, test), scoring
        )
        for _, known, train, test in tasks
    )
    scores = pd.concat(
        [
            _rows(key, known, values)
            for (key, known, _, _), values in zip(tasks, found, strict=True)
        ],
        ignore_index=True,
    )
    overlap = float(np.mean([len(test) / len(train) for train, test in splits]))
    summary = _summarize(scores, [*table, MEAN], shares, overlap, min_gain, confidence_level)
    return LabelLearningCurve(scores, summary, scoring)


def _check_sizes(train_sizes: Any) -> list[float]:
    """The shares as floats."""
    shares = [float(share) for share in train_sizes]
    rising = all(a < b for a, b in pairwise(shares))
    if len(shares) < 2 or not rising or not (shares[0] > 0 and shares[-1] <= 1):
        raise ValueError(
            "train_sizes must be two shares or more in (0, 1], rising. Got "
            f"{list(train_sizes)}. Pass [0.25, 0.5, 1.0]."
        )
    return shares


def _check_arguments(scoring: Any, n_repeats: Any, min_gain: Any, confidence_level: Any) -> None:
    """Raise if an argument breaks a rule."""
    check_scoring(scoring)
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats must be an int of 1 or more. Got {n_repeats!r}. Pass 1.")
    if not isinstance(min_gain, int | float | np.number) or min_gain < 0:
        raise ValueError(f"min_gain must be a number of 0 or more. Got {min_gain!r}. Pass 0.01.")
    check_confidence_level(confidence_level)


def _declared(table: pd.DataFrame) -> pd.DataFrame:
    """The table, columns of text with a dtype that keeps classes of which all cells are hidden."""
    return table.apply(
        lambda column: column if column.dtype == float else column.astype("category")
    )


def _order_of_cells(table: pd.DataFrame, rng: np.random.RandomState) -> list[np.ndarray]:
    """Of each attribute its labelled rows in the order in which they are taken.

    First one of each class, then the classes in proportion.
    """
    orders = []
    for _, column in table.items():
        codes, _ = pd.factorize(column)
        key = np.full(len(codes), np.inf)
        for c in range(codes.max() + 1):
            rows = rng.permutation(np.flatnonzero(codes == c))
            key[rows] = (np.arange(len(rows)) + rng.random_sample()) / len(rows)
            key[rows[0]] = -1
        orders.append(np.argsort(key, kind="stable")[: np.count_nonzero(codes >= 0)])
    return orders


def _keep(table: pd.DataFrame, orders: list[np.ndarray], share: float) -> pd.DataFrame:
    """The table with a share of the labelled cells of each attribute, the others missing."""
    hidden = np.ones(table.shape, bool)
    for a, order in enumerate(orders):
        n_classes = table.iloc[:, a].nunique()
        hidden[order[: max(round(share * len(order)), n_classes)], a] = False
    return table.mask(hidden)


def _fit_and_score(
    estimator: Any,
    X: Any,
    known: pd.DataFrame,
    asked: pd.DataFrame,
    categories: Any,
    split: Split,
    scoring: str,
) -> np.ndarray:
    """(A,) scores on the test rows of a model of the training rows."""
    of_train, of_test = (
        {} if categories is None else {"categories": _safe_indexing(categories, rows)}
        for rows in split
    )
    X_train, X_test = (_safe_indexing(X, rows) for rows in split)
    index = X_train.index if isinstance(X_train, pd.DataFrame) else known.index
    estimator.fit(X_train, known.set_axis(index), **of_train)
    proba = estimator.predict_proba(X_test, **of_test)
    alignment = align_probabilities(asked.reset_index(drop=True), proba, classes=estimator.classes_)
    one = np.ones((len(asked), 1), np.float32)
    return np.array(
        [
            resampled_score(scoring, alignment.codes[:, a], p, is_binary)(one)[0]
            for a, (p, is_binary) in enumerate(
                zip(alignment.predicted, alignment.attributes.is_binary, strict=True)
            )
        ]
    )


def _rows(key: tuple[int, int, float], known: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """The rows of `LabelLearningCurve.scores` of one fit."""
    split, repeat, share = key
    labelled = known.notna().sum().to_numpy()
    scored = ~np.isnan(scores)
    mean = float(scores[scored].mean()) if scored.any() else np.nan
    return pd.DataFrame(
        {
            "attribute": pd.Series([*known, MEAN], dtype=object),
            "share": share,
            "labelled": [*labelled.astype(float), float(labelled.mean())],
            "split": split,
            "repeat": repeat,
            "score": [*scores, mean],
        }
    )


def _summarize(
    scores: pd.DataFrame,
    names: list[Any],
    shares: list[float],
    overlap: float,
    min_gain: float,
    confidence_level: float,
) -> pd.DataFrame:
    """`LabelLearningCurve.summary`; `overlap` is the ratio of test to training rows."""
    rows = []
    of_attribute = dict(iter(scores.groupby("attribute", sort=False)))
    for name in names:
        own = of_attribute[name]
        by_share = own.pivot(index=["split", "repeat"], columns="share", values="score")
        gains = (by_share[shares[-1]] - by_share[shares[-2]]).dropna().to_numpy()
        low = high = np.nan
        if len(gains) > 1:
            spread = np.sqrt((1 / len(gains) + overlap) * gains.var(ddof=1))
            half = student.ppf((1 + confidence_level) / 2, len(gains) - 1) * spread
            low, high = gains.mean() - half, gains.mean() + half
        at_last = own[own["share"] == shares[-1]]
        rows.append(
            {
                "labelled": round(at_last["labelled"].mean(), 1),
                "score": at_last["score"].mean(),
                "gain": gains.mean() if len(gains) else np.nan,
                "low": low,
                "high": high,
                "still_rises": True if low > 0 else False if high < min_gain else pd.NA,
            }
        )
    summary = pd.DataFrame(rows, index=pd.Index(names, name="attribute", dtype=object))
    return summary.astype({"still_rises": "boolean"})
