"""Thresholds of binary attributes, chosen on labelled cells."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["Rule", "Tuned", "check_rule", "is_tuned", "tune_threshold"]

Rule = float | str | Callable[[np.ndarray, np.ndarray], float]

MIN_CELLS = 5  # labelled cells of each class, below which a threshold would be chosen by chance
_TARGET = re.compile(r"(precision|recall) ?>= ?(\d*\.?\d+)")


@dataclass(frozen=True)
class Tuned:
    """A threshold, or why there is none.

    Attributes
    ----------
    threshold : float
        NaN if none could be chosen.
    reason : str
        Of a threshold that is NaN, the cells that lack or the best that can be reached.
    """

    threshold: float
    reason: str = ""


def is_tuned(rule: Rule) -> bool:
    """Whether a rule needs labelled cells: all but a number do."""
    return isinstance(rule, str) or callable(rule)


def check_rule(rule: Any, name: Any = None) -> Rule:
    """Return a rule for a threshold, after a check that it is one.

    Parameters
    ----------
    rule : float, "f1", "balanced_accuracy", "precision>=P", "recall>=R" or callable
    name : optional
        Of the attribute that it is for.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> check_rule("recall>=0.8")
    'recall>=0.8'
    """
    target = _TARGET.fullmatch(rule) if isinstance(rule, str) else None
    if (
        callable(rule)
        or rule in ("f1", "balanced_accuracy")
        or (target and 0 < float(target[2]) <= 1)
        or (isinstance(rule, Real) and not isinstance(rule, bool) and 0 <= float(rule) <= 1)
    ):
        return rule
    place = "" if name is None else f" for attribute {name!r}"
    raise ValueError(
        'thresholds must be a number in [0, 1], "f1", "balanced_accuracy", a target such as '
        f'"precision>=0.9" or "recall>=0.8", or a callable (y, p) -> threshold. Got {rule!r}'
        f"{place}. Pass one of these, or a dict of them by attribute."
    )


def tune_threshold(
    y: np.ndarray, proba: np.ndarray, rule: Rule, sample_weight: np.ndarray | None = None
) -> Tuned:
    """Choose the threshold of a binary attribute; it is there where its probability is above.

    Parameters
    ----------
    y : ndarray of shape (n,), 0 or 1
        Labelled cells that the probabilities were not learnt from.
    proba : ndarray of shape (n,)
        Of class 1.
    rule : "f1", "balanced_accuracy", "precision>=P", "recall>=R", callable or float
        "f1" and "balanced_accuracy": the highest; of equals that nearest to 0.5. "precision>=P":
        the lowest threshold from which on up to the next the precision is P or more, so that the
        recall is highest. "recall>=R": the highest threshold with a recall of R or more. A callable
        maps `y` and `proba` to the threshold. A float is the threshold.
    sample_weight : ndarray of shape (n,), optional

    Returns
    -------
    Tuned
        Without a threshold if fewer than 5 cells of a class are labelled, or the target is out of
        reach; a callable and a float are asked whatever there is.

    Raises
    ------
    ValueError
        If a callable gives no number in [0, 1].

    Notes
    -----
    Thresholds lie half-way between neighbouring probabilities.

    Examples
    --------
    >>> y, p = np.repeat([0, 1], 5), np.array([0.1, 0.2, 0.2, 0.4, 0.8, 0.3, 0.5, 0.6, 0.7, 0.9])
    >>> round(tune_threshold(y, p, "f1").threshold, 2)
    0.25
    >>> round(tune_threshold(y, p, "precision>=0.75").threshold, 2)
    0.45
    """
    if callable(rule):
        return Tuned(_checked(rule(y, proba)))
    if not isinstance(rule, str):
        return Tuned(float(rule))
    n_positive = int((y == 1).sum())
    fewest = min((n_positive, "positives"), (len(y) - n_positive, "negatives"))
    if fewest[0] < MIN_CELLS:
        return Tuned(np.nan, f"{fewest[0]} labelled {fewest[1]}, and {MIN_CELLS} are needed")
    return _tune(rule, *_curve(y, proba, sample_weight))


def _checked(threshold: Any) -> float:
    """What a callable gave, after a check that it is a threshold."""
    if isinstance(threshold, Real) and 0 <= float(threshold) <= 1:
        return float(threshold)
    raise ValueError(
        f"thresholds must give a number in [0, 1] where it is a callable. Got {threshold!r}. "
        "Return one for any y (n,) of 0 and 1 and p (n,)."
    )


def _curve(
    y: np.ndarray, proba: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Thresholds (T,), falling; weight of positives and of negatives above each, and of all."""
    weight = np.ones(len(y)) if sample_weight is None else sample_weight.astype(float)
    order = np.argsort(-proba, kind="stable")
    p = proba[order].astype(float)
    positive = np.cumsum(weight[order] * (y[order] == 1))
    negative = np.cumsum(weight[order] * (y[order] != 1))
    last = np.flatnonzero(np.append(np.diff(p) != 0, True))  # of the cells of one probability
    below = np.append(p[last[1:]], 0.0)
    return (p[last] + below) / 2, positive[last], negative[last], positive[-1], negative[-1]


def _tune(
    rule: str,
    thresholds: np.ndarray,
    positive: np.ndarray,
    negative: np.ndarray,
    n_positive: float,
    n_negative: float,
) -> Tuned:
    """The threshold that a named rule chooses on a curve."""
    with np.errstate(invalid="ignore"):  # cells of weight 0 at the top
        precision = np.nan_to_num(positive / (positive + negative))
    recall = positive / n_positive
    if rule == "f1":
        return Tuned(_highest(2 * positive / (positive + negative + n_positive), thresholds))
    if rule == "balanced_accuracy":
        return Tuned(_highest(recall - negative / n_negative, thresholds))
    target = _TARGET.fullmatch(rule)
    assert target is not None
    of, least = target[1], float(target[2])
    reached = {"precision": precision, "recall": recall}[of] >= least
    if of == "recall":
        return Tuned(float(thresholds[reached.argmax()]))  # at the lowest it is 1
    reached &= positive > 0
    if reached.any():
        return Tuned(float(thresholds[np.flatnonzero(reached)[-1]]))
    best = precision.argmax()
    return Tuned(
        np.nan,
        f"{rule} is out of reach: at best {precision[best]:.2f}, at threshold "
        f"{thresholds[best]:.2f}",
    )


def _highest(values: np.ndarray, thresholds: np.ndarray) -> float:
    """The threshold of the highest value; of equals, up to rounding, that nearest to 0.5."""
    equal = thresholds[values >= values.max() - 1e-12]
    return float(equal[np.abs(equal - 0.5).argmin()])
