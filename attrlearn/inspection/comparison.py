"""Whether one model is better than another, beyond the luck of the rows that judged them."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from attrlearn.checks.groups import groups_in
from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import MISSING
from attrlearn.exceptions import naming_argument
from attrlearn.metrics.alignment import Alignment, Probabilities, align_probabilities
from attrlearn.metrics.resampled_scores import (
    MEAN,
    check_confidence_level,
    check_scoring,
    resampled_score,
)

__all__ = ["compare"]

MIN_UNITS = 5  # rows or groups of each of two classes, below which there is no interval
NEEDS_CLASSES = {"average_precision", "balanced_accuracy", "f1", "roc_auc"}
CELLS_AT_ONCE = 400_000  # rows x resamples, which the cache of a processor holds


def compare(
    y_true: Any,
    proba_a: Probabilities,
    proba_b: Probabilities,
    *,
    scoring: str = "balanced_accuracy",
    groups: Any = None,
    classes: Any = None,
    n_bootstrap: int = 999,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = 0,
) -> pd.DataFrame:
    """Compare two models on the same rows: differences of their scores, with intervals.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    proba_a, proba_b : array or DataFrame of shape (N, A), or list of A arrays of shape (N, classes)
        Of the two models, as from `AttributeClassifier.predict_proba` on rows that neither has
        learnt from, or from `cross_val_predict_proba` with the same folds. A cell counts if it is
        labelled and both have probabilities.
    scoring : str, default="balanced_accuracy"
        A name in `attrlearn.metrics.SCORERS` other than "harmonic_f1"; the higher the better.
        Scores of predictions take the most probable class.
    groups : array-like of shape (N,), optional
        Rows of one group depend on one another, as photos of one product do: whole groups are
        drawn. A row without a group, None or NaN, is one of its own. None: rows are drawn.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of both models, for a `y_true` that may lack some of them, or that holds
        numeric codes.
    n_bootstrap : int, default=999
        Resamples.
    confidence_level : float, default=0.95
        In (0, 1), of each interval on its own.
    random_state : int, RandomState or None, default=0
        What the resamples are drawn with.

    Returns
    -------
    DataFrame, one row per attribute, and last their mean, ``"(mean)"``
        - `score_a`, `score_b`: on the cells that count.
        - `difference`: `score_a` - `score_b`, above 0 if a is better.
        - `low`, `high`: the interval of the difference.
        - `better`: "a" or "b" if 0 is not in the interval, else NA.
        - `labelled`: number of cells that count.
        - `reason`: why an attribute has no scores, else "".

        An attribute needs five rows (with `groups`, groups) of each of two classes, for "accuracy"
        and "neg_log_loss" ten rows of any; with fewer its numbers are NaN, and the mean is that of
        the others.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    A paired bootstrap [1]_: rows, or groups, are drawn with replacement, as many as there are, and
    both models are scored on the same draw, all attributes at once. Rows that both find hard or
    easy move both scores alike and leave the difference where it is, so that the interval is much
    narrower than those of the two scores would suggest, and in the mean the attributes of a row
    stay together. `low` and `high` are percentiles of the differences. BCa intervals correct for
    bias and skewness, of which the difference of two scores on the same rows has little, at the
    price of a score for each row or group left out; the test of DeLong is for the AUC of
    independent rows alone [2]_.

    A draw in which fewer than two classes of an attribute are left has no score of it: it is left
    out for this attribute, and in the mean over attributes of that draw. Of five rows of a class
    none is drawn in 7 of 1,000.

    The interval is about other rows of this kind, and these two fitted models. It says nothing of
    what other seeds or other training rows would have given. Of 20 attributes without any
    difference one is called better on average: look at the mean first.

    A mean of the scores of the folds of a cross-validation is not the score of the predictions of
    all folds together, as here: each fold has a model of its own, whose probabilities need not be
    on one scale, which matters where all are ranked together ("roc_auc", "average_precision"); and
    a recall or a precision is a ratio of counts, which differ by fold: :doc:`/comparing_models`.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993,
       chapters 8 and 13.
    .. [2] E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the Areas under Two or
       More Correlated Receiver Operating Characteristic Curves", Biometrics 44, 1988.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, (300, 2)).astype(float)
    >>> good, poor = (np.clip(0.5 + d * (y - 0.5) + rng.normal(0, 0.2, y.shape), 0, 1)
    ...               for d in (0.6, 0.2))
    >>> compare(y, good, poor)[["score_a", "score_b", "difference", "better"]].round(2)
               score_a  score_b  difference better
    attribute...
    Attr1         0.95     0.67        0.28      a
    Attr2         0.96     0.68        0.28      a
    (mean)        0.96     0.67        0.28      a
    """
    _check_arguments(scoring, n_bootstrap, confidence_level)
    check_paired({"y_true": y_true, "proba_a": proba_a, "proba_b": proba_b, "groups": groups})
    pair = _align(y_true, proba_a, proba_b, classes)
    codes = np.where(pair[1].codes == MISSING, MISSING, pair[0].codes)
    unit = _units(groups, len(codes))
    reasons = [_reason(codes[:, a], unit, scoring, groups) for a in range(codes.shape[1])]
    scored = [a for a, reason in enumerate(reasons) if not reason]
    scores = [
        [
            resampled_score(scoring, codes[:, a], model.predicted[a], model.attributes.is_binary[a])
            for a in scored
        ]
        for model in pair
    ]
    ones = np.ones((len(codes), 1), np.float32)
    observed = np.full((2, codes.shape[1]), np.nan)
    for m, of_model in enumerate(scores):
        observed[m, scored] = [score(ones)[0] for score in of_model]
    drawn = np.full((int(n_bootstrap), codes.shape[1]), np.nan)
    start = 0
    for weights in _draw(unit, int(n_bootstrap), check_random_state(random_state)):
        rows = slice(start, start := start + weights.shape[1])
        for a, score_a, score_b in zip(scored, *scores, strict=True):
            drawn[rows, a] = score_a(weights) - score_b(weights)
    names = pd.Index([*pair[0].attributes.names, MEAN], name="attribute", dtype=object)
    return _table(names, observed, drawn, codes, reasons, confidence_level)


def _check_arguments(scoring: Any, n_bootstrap: Any, confidence_level: Any) -> None:
    """Raise if an argument breaks a rule."""
    check_scoring(scoring)
    if not isinstance(n_bootstrap, Integral) or n_bootstrap < 1:
        raise ValueError(f"n_bootstrap must be an int of 1 or more. Got {n_bootstrap!r}. Pass 999.")
    check_confidence_level(confidence_level)


def _align(y_true: Any, proba_a: Any, proba_b: Any, classes: Any) -> list[Alignment]:
    """The alignments of both models, of the same attributes and classes."""
    pair = []
    for name, proba in (("proba_a", proba_a), ("proba_b", proba_b)):
        with naming_argument(name):
            pair.append(align_probabilities(y_true, proba, classes=classes))
    known = [alignment.attributes.describe() for alignment in pair]
    if known[0] != known[1]:
        raise ValueError(
            f"proba_a and proba_b must be of the same classes. Got {known[0]} and {known[1]}. Pass "
            "classes=, the classes_ of both models."
        )
    return pair


def _units(groups: Any, n_rows: int) -> np.ndarray:
    """(N,) number of what is drawn with each row, in the order in which they come."""
    if groups is None:
        return np.arange(n_rows)
    if _num_samples(groups) != n_rows:
        raise ValueError(
            f"groups must have one entry per row of y_true. Got {_num_samples(groups)} for "
            f"{n_rows} rows. Select the same rows of both."
        )
    numbers = groups_in(pd.DataFrame({"group": np.asarray(groups, dtype=object)}))
    assert numbers is not None
    return pd.factorize(numbers)[0]


def _reason(codes: np.ndarray, unit: np.ndarray, scoring: str, groups: Any) -> str:
    """Why there is no interval for an attribute; "" if there is one."""
    what = "rows" if groups is None else "groups"
    labelled = codes != MISSING
    if scoring not in NEEDS_CLASSES:
        n = len(np.unique(unit[labelled]))
        return "" if n >= 2 * MIN_UNITS else f"fewer than {2 * MIN_UNITS} labelled {what}: {n}"
    pairs = np.unique(np.stack([codes[labelled], unit[labelled]]), axis=1)
    counts = np.unique(pairs[0], return_counts=True)[1]
    if np.count_nonzero(counts >= MIN_UNITS) >= 2:
        return ""
    second = np.sort(np.append(counts, [0, 0]))[-2]
    return f"fewer than {MIN_UNITS} labelled {what} of a second class: {second}"


def _draw(unit: np.ndarray, n_draws: int, rng: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield weights (N, R) of the rows in some of the resamples, of R in turn."""
    n_units = int(unit.max()) + 1
    at_once = max(16, CELLS_AT_ONCE // len(unit))
    plain = n_units == len(unit)
    for start in range(0, n_draws, at_once):
        n = min(at_once, n_draws - start)
        counts = np.empty((n, n_units), np.float32)
        for draw in counts:
            draw[:] = np.bincount(rng.randint(n_units, size=n_units), minlength=n_units)
        of_units = np.ascontiguousarray(counts.T)
        yield of_units if plain else of_units[unit]


def _table(
    names: pd.Index,
    observed: np.ndarray,
    drawn: np.ndarray,
    codes: np.ndarray,
    reasons: list[str],
    confidence_level: float,
) -> pd.DataFrame:
    """What `compare` returns, of scores (2, A) and differences (R, A)."""
    labelled = (codes != MISSING).sum(axis=0)
    difference = observed[0] - observed[1]
    columns = [_with_mean(values) for values in (*observed, difference)]
    differences = np.column_stack([drawn, _mean_of_known(drawn)])
    tails = (1 - confidence_level) / 2
    low, high = np.full((2, len(names)), np.nan)
    for i, values in enumerate(differences.T):
        known = values[~np.isnan(values)]
        if len(known):
            low[i], high[i] = np.quantile(known, [tails, 1 - tails])
    better = np.select([low > 0, high < 0], ["a", "b"], "")
    none = "no attribute has scores" if all(reasons) else ""
    return pd.DataFrame(
        {
            **dict(zip(("score_a", "score_b", "difference"), columns, strict=True)),
            "low": low,
            "high": high,
            "better": pd.array([known or pd.NA for known in better], dtype="string"),
            "labelled": [*labelled, labelled.sum()],
            "reason": [*reasons, none],
        },
        index=names,
    )


def _with_mean(values: np.ndarray) -> np.ndarray:
    """(A + 1,) values and the mean of those that are numbers."""
    return np.append(values, _mean_of_known(values[None]))


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """(R,) mean of the numbers in each row; NaN of none."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
