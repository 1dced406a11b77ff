"""How far probabilities are from the rates that they promise."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from attrlearn.metrics.alignment import Cells, Probabilities, align_probabilities
from attrlearn.metrics.averages import averaged, check_average

__all__ = ["calibration_bins", "calibration_gap", "check_bins", "expected_calibration_error"]

STRATEGIES = ("uniform", "quantile")


def expected_calibration_error(
    y_true: Any,
    y_proba: Probabilities,
    *,
    n_bins: int = 10,
    strategy: str = "uniform",
    average: str | None = "macro",
    sample_weight: Any = None,
    classes: Any = None,
) -> float | np.ndarray:
    """Expected calibration error on the labelled cells: lower is better.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_proba : array or DataFrame of shape (N, A), or list of A arrays of shape (N, classes)
        As from `AttributeClassifier.predict_proba`: from 0 to 1, and with a sum of 1 over the
        classes of an attribute. Rows of NaN, the images that could not be read, are left out. If
        both are DataFrames, columns belong together by name.
    n_bins : int, default=10
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of equally many cells.
    average : {"macro", "micro", None}, default="macro"
        The mean over the attributes, the error of the labelled cells of all attributes together, or
        one error per attribute.
    sample_weight : array-like of shape (N,) or (N, A), optional
        Weight of each row or cell, 0 or more, not all 0; a cell of weight 0 is left out.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, for a `y_true` that may lack some of them, or that holds
        numeric codes. Other classes in `y_true` have probability 0. By default those of the
        dtype, else those of `y_true`, sorted.

    Returns
    -------
    float or ndarray of shape (A,)
        In [0, 1]. NaN for an attribute without labelled cells: it is left out of the mean, and a
        warning names it.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    The sum over the bins of ``n_b / n * abs(o_b - e_b)``: the share of the cells in the bin times
    the difference between the observed rate and the mean probability. In a binary attribute these
    are the probability and the rate of 1 [1]_, in a categorical one the probability of the most
    probable class and how often it is right [2]_. Of few cells the error is too high, even where
    the probabilities are exact: each bin deviates by chance.

    References
    ----------
    .. [1] M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities
       Using Bayesian Binning", AAAI 2015.
    .. [2] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural
       Networks", ICML 2017.

    Examples
    --------
    >>> round(expected_calibration_error([[1], [0], [None], [1]], [[0.9], [0.1], [0.8], [0.6]]), 3)
    0.2
    """
    check_average(average, "macro", "micro", None)
    check_bins(n_bins, strategy)
    alignment = align_probabilities(y_true, y_proba, sample_weight, classes)
    bins = [calibration_bins(cells, n_bins, strategy) for cells in alignment]
    micro = np.nan
    if average == "micro":
        confidence, hits = zip(*(_confidence(cells) for cells in alignment), strict=True)
        weight = np.concatenate([cells.weight for cells in alignment])
        pooled = _bin(np.concatenate(confidence), np.concatenate(hits), weight, n_bins, strategy)
        micro = calibration_gap(pooled)
    return averaged(
        alignment.attributes,
        [calibration_gap(table) for table in bins],
        average,
        "calibration error",
        micro=micro,
        needs="a labelled cell",
    )


def check_bins(n_bins: int, strategy: str) -> None:
    """Raise unless there is at least one bin, of a kind that is known.

    Examples
    --------
    >>> check_bins(10, "uniform")
    """
    if not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(f"n_bins must be an int of 1 or more. Got {n_bins!r}. Pass 10.")
    if strategy not in STRATEGIES:
        raise ValueError(
            f'strategy must be "uniform" or "quantile". Got {strategy!r}. Pass one of these.'
        )


def calibration_bins(cells: Cells, n_bins: int, strategy: str) -> pd.DataFrame:
    """Mean probability and observed rate of the cells of an attribute, in bins of the probability.

    Returns
    -------
    DataFrame, one row per bin that holds a cell
        `mean_probability`, `observed_rate` and `weight`, the sum of the weights.

    Examples
    --------
    >>> proba = np.array([[0.9, 0.1], [0.75, 0.25], [0.5, 0.5]])
    >>> calibration_bins(Cells(True, 2, np.array([0, 1, 1]), proba, np.ones(3)), 2, "quantile")
       mean_probability  observed_rate  weight
    0             0.175            0.5     2.0
    1             0.500            1.0     1.0
    """
    return _bin(*_confidence(cells), cells.weight, n_bins, strategy)


def calibration_gap(bins: pd.DataFrame) -> float:
    """Mean distance between the two over all cells; NaN of no bins.

    Examples
    --------
    >>> calibration_gap(pd.DataFrame(columns=["mean_probability", "observed_rate", "weight"]))
    nan
    """
    if bins.empty:
        return np.nan
    gaps = (bins["observed_rate"] - bins["mean_probability"]).abs()
    return float(np.average(gaps, weights=bins["weight"]))


def _confidence(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """(n,) probabilities of class 1 or of the most probable one, and whether it is that class."""
    chosen = 1 if cells.is_binary else cells.predicted.argmax(axis=1)
    probabilities = cells.predicted[np.arange(len(cells.known)), chosen]
    return probabilities.astype(float), cells.known == chosen


def _bin(
    proba: np.ndarray, hits: np.ndarray, weight: np.ndarray, n_bins: int, strategy: str
) -> pd.DataFrame:
    """The bins; see `calibration_bins`. The upper edge belongs to a bin, the lower one does not."""
    edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    if strategy == "quantile" and len(proba):  # so that a weight of 2 is that cell twice
        edges = np.quantile(proba, edges, weights=weight, method="inverted_cdf")
    where = np.searchsorted(edges, proba)
    weights, sums, rates = (
        np.bincount(where, weight * values, n_bins) for values in (np.ones(len(proba)), proba, hits)
    )
    filled = weights > 0
    return pd.DataFrame(
        {
            "mean_probability": sums[filled] / weights[filled],
            "observed_rate": rates[filled] / weights[filled],
            "weight": weights[filled],
        }
    )
