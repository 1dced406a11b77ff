"""The score of one attribute under many weightings of the rows at once, as a bootstrap has them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from attrlearn.checks.targets import MISSING

__all__ = [
    "MEAN",
    "RESAMPLED",
    "Scored",
    "check_confidence_level",
    "check_scoring",
    "resampled_score",
]

MEAN = "(mean)"  # what the mean over the attributes is called among them

# Maps weights (N, R) of the rows, in R weightings, to R scores.
Scored = Callable[[np.ndarray], np.ndarray]
Counts = tuple[np.ndarray, np.ndarray, np.ndarray]


def resampled_score(scoring: str, codes: np.ndarray, proba: np.ndarray, is_binary: bool) -> Scored:
    """Prepare a score of one attribute.

    Parameters
    ----------
    scoring : str
        A name in `RESAMPLED`, those of `attrlearn.metrics.SCORERS` that are means over attributes.
    codes : ndarray of shape (N,)
        Classes, `MISSING` where there is none.
    proba : ndarray of shape (N, classes)
        Not read where the class is missing. The most probable class counts as predicted.
    is_binary : bool

    Returns
    -------
    callable
        It maps weights (N, R), whole numbers in float32, to the R scores (R,) that the function of
        that name gives with them as `sample_weight`, NaN where that is not defined.

    Examples
    --------
    >>> codes, proba = np.array([1, 0, -1]), np.array([[0.25, 0.75], [0.5, 0.5], [0.5, 0.5]])
    >>> resampled_score("accuracy", codes, proba, True)(np.float32([[1, 2], [1, 0], [1, 1]]))
    array([1., 1.])
    """
    return RESAMPLED[scoring](codes, proba, is_binary)


def _accuracy(codes: np.ndarray, proba: np.ndarray, is_binary: bool) -> Scored:
    """Share of the cells that are right."""

    def score(labelled: np.ndarray, predicted: np.ndarray, right: np.ndarray) -> np.ndarray:
        return _ratio(right.sum(axis=0), labelled.sum(axis=0))

    return _of_counts(codes, proba, score)


def _balanced_accuracy(codes: np.ndarray, proba: np.ndarray, is_binary: bool) -> Scored:
    """Mean recall of the classes that are there."""

    def score(labelled: np.ndarray, predicted: np.ndarray, right: np.ndarray) -> np.ndarray:
        return _mean_of_classes(_ratio(right, labelled), labelled)

    return _of_counts(codes, proba, score)


def _f1(codes: np.ndarray, proba: np.ndarray, is_binary: bool) -> Scored:
    """F1 of class 1, or the mean over the classes that are labelled or predicted."""

    def score(labelled: np.ndarray, predicted: np.ndarray, right: np.ndarray) -> np.ndarray:
        f1 = _ratio(2 * right, labelled + predicted)
        return _mean_of_classes(f1[1:] if is_binary else f1, labelled)

    return _of_counts(codes, proba, score)


def _neg_log_loss(codes: np.ndarray, proba: np.ndarray, is_binary: bool) -> Scored:
    """Mean logarithm of the probability of the true class."""
    labelled = codes != MISSING
    eps = np.finfo(proba.dtype).eps
    of_class = proba[np.arange(len(codes)), np.maximum(codes, 0)]
    gain = np.where(labelled, np.log(np.clip(of_class, eps, 1 - eps, where=labelled)), 0.0)
    terms = np.stack([gain, labelled]).astype(float)

    def score(weights: np.ndarray) -> np.ndarray:
        gains, total = terms @ weights
        return _ratio(gains, total)

    return score


def _average_precision(codes: np.ndarray, proba: np.ndarray, is_binary: bool) -> Scored:
    """Average precision, of class 1 or as the mean over the classes that are there."""
    return _of_ranks(codes, proba, is_binary, _precision_of_ranks)


def _roc_auc(codes: np.ndarray, proba: np.ndarray, is_binary: bool) -> Scored:
    """ROC AUC, of class 1 or as the mean over the classes that are there."""
    return _of_ranks(codes, proba, is_binary, _area_of_ranks)


#: Scores that `resampled_score` knows, the higher the better.
RESAMPLED: dict[str, Callable[[np.ndarray, np.ndarray, bool], Scored]] = {
    "accuracy": _accuracy,
    "average_precision": _average_precision,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "neg_log_loss": _neg_log_loss,
    "roc_auc": _roc_auc,
}


def check_scoring(scoring: Any) -> None:
    """Raise unless it is a name in `RESAMPLED`.

    Examples
    --------
    >>> check_scoring("roc_auc")
    """
    if scoring not in RESAMPLED:
        raise ValueError(
            f"scoring must be one of {sorted(RESAMPLED)}. Got {scoring!r}. Pass one of these names."
        )


def check_confidence_level(confidence_level: Any) -> None:
    """Raise unless it is a probability that an interval can have.

    Examples
    --------
    >>> check_confidence_level(0.95)
    """
    if not isinstance(confidence_level, float | np.floating) or not 0 < confidence_level < 1:
        raise ValueError(
            f"confidence_level must be between 0 and 1. Got {confidence_level!r}. Pass 0.95."
        )


def _of_counts(codes: np.ndarray, proba: np.ndarray, score: Callable[..., np.ndarray]) -> Scored:
    """A score of the sums of weights by class: labelled, predicted and right, each (classes, R)."""
    labelled = codes != MISSING
    predicted = np.where(labelled, proba.argmax(axis=1), MISSING)
    classes = np.arange(proba.shape[1])[:, None]
    of_class = [
        codes == classes,
        predicted == classes,
        (codes == classes) & (predicted == codes),
    ]
    indicators = np.concatenate(of_class).astype(np.float32)  # (3 classes, N)
    return lambda weights: score(*np.split((indicators @ weights).astype(float), 3))


def _of_ranks(
    codes: np.ndarray,
    proba: np.ndarray,
    is_binary: bool,
    score: Callable[..., np.ndarray],
) -> Scored:
    """A score of the order of the rows by the probability of each class against the rest."""
    rows = np.flatnonzero(codes != MISSING)
    counted = [1] if is_binary else np.unique(codes[rows])
    ranked = [_Ranks(rows, codes[rows] == c, proba[rows, c]) for c in counted]

    def of_weights(weights: np.ndarray) -> np.ndarray:
        total = weights[rows].sum(axis=0, dtype=float)
        scores, own = np.empty((2, len(ranked), weights.shape[1]))
        for i, ranks in enumerate(ranked):
            there, so_far, in_run = ranks.count(weights)
            own[i] = there.sum(axis=0, dtype=float)
            scores[i] = score(there, so_far, in_run, own[i], total - own[i])
        return _mean_of_classes(scores, np.stack([own[0], total - own[0]]) if is_binary else own)

    return of_weights


class _Ranks:
    """Labelled rows from the highest score of a class down, in runs of equal scores."""

    def __init__(self, rows: np.ndarray, is_own: np.ndarray, score: np.ndarray) -> None:
        order = np.argsort(-score, kind="stable")
        self.rows, own = rows[order], is_own[order]
        starts = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
        ends = np.append(starts[1:], len(order))
        run = np.repeat(np.arange(len(starts)), ends - starts)[own]
        holds = np.unique(run)  # the runs with a row of the class
        self.before, self.last = starts[holds] - 1, ends[holds] - 1
        self.own_rows = self.rows[own]
        self.first_own = np.searchsorted(run, holds)

    def count(self, weights: np.ndarray) -> Counts:
        """Sums of weights (runs, R), for the runs that hold the class.

        Of the class in the run; of all rows up to its end; and of all rows in it.
        """
        so_far = np.cumsum(weights[self.rows], axis=0)  # whole numbers, exact in float32
        of_own = weights[self.own_rows]
        there = np.add.reduceat(of_own, self.first_own, axis=0) if len(of_own) else of_own
        before = np.where(self.before[:, None] >= 0, so_far[self.before], 0)
        up_to = so_far[self.last]
        return there, up_to, up_to - before


def _precision_of_ranks(
    there: np.ndarray, so_far: np.ndarray, in_run: np.ndarray, own: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """(R,) sum of precision times the rise of recall."""
    precision = _ratio(np.cumsum(there, axis=0), so_far)
    gained = np.einsum("kr,kr->r", there, np.nan_to_num(precision))
    return np.where(rest > 0, _ratio(gained, own), np.nan)


def _area_of_ranks(
    there: np.ndarray, so_far: np.ndarray, in_run: np.ndarray, own: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """(R,) share of pairs in order, a tie counting half."""
    others_so_far = so_far - np.cumsum(there, axis=0)
    below = rest - others_so_far + 0.5 * (in_run - there)
    return _ratio(np.einsum("kr,kr->r", there, below), own * rest)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The quotient, NaN of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def _mean_of_classes(scores: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """(R,) mean over the classes that have a score; NaN if fewer than two are labelled."""
    known = ~np.isnan(scores)
    mean = _ratio(np.where(known, scores, 0).sum(axis=0), known.sum(axis=0))
    return np.where((labelled > 0).sum(axis=0) > 1, mean, np.nan)
