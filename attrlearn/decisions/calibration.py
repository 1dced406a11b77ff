"""Rates from probabilities: class weights divided out, then temperature and bias."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.targets import MISSING

__all__ = ["Calibration", "fit_calibration", "logarithms", "undo_class_weight"]

# Standard deviations of log temperature and bias, before any cell is seen: a few cells change
# little.
TEMPERATURE_SD, BIAS_SD = 0.5, 1.0
LEAST = 1e-7  # float32 rounds probabilities nearer to 1 than this to 1


@dataclass(frozen=True)
class Calibration:
    """Maps probabilities to rates, per attribute: softmax(log p / temperature + bias).

    Parameters
    ----------
    temperature : ndarray of shape (A,)
        Above 1 brings probabilities nearer to each other.
    bias : ndarray of shape (C,)
        Of the classes of all attributes side by side.

    Notes
    -----
    Of a binary attribute this is Platt's scaling [1]_ of its logit, with 1 / T as the slope and the
    difference of two biases as the intercept; of a categorical one, temperature scaling with a bias
    per class [2]_.

    References
    ----------
    .. [1] J. Platt, "Probabilistic Outputs for Support Vector Machines and Comparisons to
       Regularized Likelihood Methods", Advances in Large Margin Classifiers, 1999.
    .. [2] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration of Modern Neural
       Networks", ICML 2017.

    Examples
    --------
    >>> attributes = Attributes(["hood"], [np.array([0, 1])], [True])
    >>> calibration = Calibration(np.array([1.0]), np.log([1.0, 0.25]))
    >>> calibration.apply(np.array([[0.5, 0.5]]), attributes)  # the odds of 1 are a quarter
    array([[0.8, 0.2]])
    """

    temperature: np.ndarray
    bias: np.ndarray

    def apply(self, probabilities: np.ndarray, attributes: Attributes) -> np.ndarray:
        """Return the rates (N, C), of the dtype of the probabilities (N, C); NaN stays NaN."""
        temperature = np.repeat(self.temperature, attributes.n_classes)
        scores = logarithms(probabilities) / temperature + self.bias
        rates = [np.exp(log_softmax(part, axis=1)) for part in attributes.split(scores)]
        return np.hstack(rates).astype(probabilities.dtype)


def undo_class_weight(class_weight: list[np.ndarray]) -> Calibration:
    """Divide the class weights of a training out again.

    A network that minimises a cross-entropy with weight w_k of class k learns probabilities
    proportional to w_k p_k, where p_k is the rate [1]_.

    References
    ----------
    .. [1] C. Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001.
    """
    weights = np.concatenate(class_weight)
    bias = -np.log(np.where(weights > 0, weights, 1.0))  # a class of weight 0 was not learnt
    return Calibration(np.ones(len(class_weight)), bias)


def fit_calibration(
    probabilities: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray,
    attributes: Attributes,
    start: Calibration,
) -> Calibration:
    """Fit temperature and bias of each attribute to labelled cells.

    Parameters
    ----------
    probabilities : ndarray of shape (N, C)
        Of the classes of all attributes side by side, of rows that were not learnt from.
    targets : ndarray of shape (N, A), int
        Column of each cell's class among all C, -1 where missing.
    sample_weight : ndarray of shape (N, A)
        Of each cell; 0 where missing.
    attributes : Attributes
    start : Calibration
        What an attribute keeps of which fewer than two classes are labelled, and what the others
        are drawn to.

    Returns
    -------
    Calibration

    Notes
    -----
    Minimises the log loss, plus that of normal priors around `start`: with a standard deviation of
    0.5 for the logarithm of the temperature and of 1 for each bias. So a few cells change little.
    """
    temperature, bias = start.temperature.copy(), start.bias.copy()
    logs = logarithms(probabilities)
    for a, (first, k) in enumerate(zip(attributes.starts, attributes.n_classes, strict=True)):
        cells = (targets[:, a] != MISSING) & (sample_weight[:, a] > 0)
        known = targets[cells, a] - first
        if len(np.unique(known)) < 2:
            continue
        columns = slice(first, first + k)
        temperature[a], bias[columns] = _fit(
            logs[cells, columns],
            known,
            sample_weight[cells, a],
            start.bias[columns],
            float(np.log(start.temperature[a])),
        )
    return Calibration(temperature, bias)


def _fit(
    logs: np.ndarray, known: np.ndarray, weight: np.ndarray, bias: np.ndarray, log_t: float
) -> tuple[float, np.ndarray]:
    """Temperature and bias (k,) of one attribute, from logs (n, k) and classes (n,)."""
    n, k = logs.shape
    one_hot = np.zeros((n, k))
    one_hot[np.arange(n), known] = 1.0

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        change, moved = parameters[0], parameters[1:]
        scaled = logs * np.exp(-log_t - change)
        log_rates = log_softmax(scaled + bias + moved, axis=1)
        error = weight[:, None] * (np.exp(log_rates) - one_hot)
        value = -(weight * log_rates[np.arange(n), known]).sum()
        value += (change / TEMPERATURE_SD) ** 2 / 2 + (moved**2).sum() / BIAS_SD**2 / 2
        of_change = -(error * scaled).sum() + change / TEMPERATURE_SD**2
        of_bias = error.sum(axis=0) + moved / BIAS_SD**2
        return value, np.append(of_change, of_bias)

    found = minimize(loss, np.zeros(1 + k), jac=True, method="L-BFGS-B", options={"ftol": 1e-12})
    return float(np.exp(log_t + found.x[0])), bias + found.x[1:]


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities, as far from 0 and 1 as float32 tells them.

    Examples
    --------
    >>> logarithms(np.array([0.5, 0.0])).round(2)
    array([ -0.69, -16.12])
    """
    return np.log(np.clip(probabilities.astype(float), LEAST, 1.0))
