"""How often the labels of an attribute are wrong, by out-of-fold probabilities."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from attrlearn.decisions.calibration import logarithms

__all__ = ["LabelNoise", "fit_label_noise"]

# Standard deviations, before any cell is seen, of the logarithm of the slope, of each bias, and of
# the log-odds of the noise of a class around those of the attribute.
SLOPE_SD, BIAS_SD, CLASS_SD = 1.5, 2.0, 1.0
PRIOR_WRONG, PRIOR_RIGHT = 1.0, 50.0  # cells of the attribute: a beta distribution of its noise
START = -3.0  # log-odds of the noise


@dataclass(frozen=True)
class LabelNoise:
    """True classes behind the labels of one attribute.

    Parameters
    ----------
    slope : float
        Below 1 brings probabilities nearer to each other.
    bias : ndarray of shape (k,)
        Of the logits of the classes.
    rates : ndarray of shape (k,)
        The probability that a cell whose true class is this one holds another.

    Notes
    -----
    The probabilities p of a model become those of the true class, softmax(slope log p + bias) = q,
    and a cell of true class j holds another one with probability ``rates[j]``, each of them as
    often. So a label is i with probability r_i = (1 - rates_i) q_i + sum_j rates_j q_j / (k - 1)
    over the j other than i.

    Examples
    --------
    >>> noise = LabelNoise(1.0, np.zeros(2), np.array([0.1, 0.1]))
    >>> p = np.array([[0.5, 0.5], [0.01, 0.99]])
    >>> noise.given_labels(p, np.array([0, 0])).round(2)
    array([[0.9 , 0.1 ],
           [0.08, 0.92]])
    """

    slope: float
    bias: np.ndarray
    rates: np.ndarray

    def true_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, k) of the true classes, from those of a model."""
        return np.exp(log_softmax(self.slope * logarithms(probabilities) + self.bias, axis=1))

    def given_labels(self, probabilities: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, k) of the true classes, from those of a model and labels."""
        true = self.true_probabilities(probabilities)
        true *= _share_in_label(self.rates, known)
        return true / true.sum(axis=1, keepdims=True)


def fit_label_noise(probabilities: np.ndarray, known: np.ndarray) -> LabelNoise | None:
    """Fit slope, biases and noise of one attribute to its labelled cells.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Of models that have not learnt from these cells.
    known : ndarray of shape (n,), int
        Their labels.

    Returns
    -------
    LabelNoise or None
        None if the probabilities tell no more of the labels than the class counts do, by Schwarz's
        criterion, so that they contradict none; and if there are not two classes among the labels.

    Notes
    -----
    Maximum a posteriori: what is certain and yet contradicted by a label can be explained by noise
    alone, whereas uncertainty lowers the slope. This is the contaminated logistic regression of
    Copas [1]_ with a rate of noise per class, as in [2]_, on the logarithms of given probabilities.

    References
    ----------
    .. [1] J. B. Copas, "Binary Regression Models for Contaminated Data", Journal of the Royal
       Statistical Society B, 1988.
    .. [2] J. Bootkrajang and A. Kabán, "Label-Noise Robust Logistic Regression and Its
       Applications", ECML PKDD 2012.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(0.1, 0.1, 5000)
    >>> true = (rng.random(5000) < p).astype(int)
    >>> known = np.where(rng.random(5000) < 0.1, 1 - true, true)
    >>> fit_label_noise(np.column_stack([1 - p, p]), known).rates.round(1)
    array([0.1, 0.1])
    """
    counts = np.bincount(known, minlength=probabilities.shape[1])
    if np.count_nonzero(counts) < 2:
        return None
    logs = logarithms(probabilities)
    n, k = logs.shape
    rows = np.arange(n)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        log_slope, bias, common, own = _split(parameters, k)
        slope, rates = np.exp(log_slope), expit(common + own)
        true = np.exp(log_softmax(slope * logs + bias, axis=1))
        joint = true * _share_in_label(rates, known)
        likelihood = joint.sum(axis=1, keepdims=True)
        of_logits = true - joint / likelihood  # (n, k)
        moved = np.full((n, k), -1 / (k - 1))  # what a rate takes from a label, or gives to it
        moved[rows, known] = 1.0
        of_own = (true / likelihood * moved).sum(axis=0) * rates * (1 - rates)
        wrong = expit(common)
        value = -np.log(likelihood).sum()
        value += (log_slope / SLOPE_SD) ** 2 / 2 + (bias @ bias) / BIAS_SD**2 / 2
        value += (own @ own) / CLASS_SD**2 / 2
        value -= PRIOR_WRONG * np.log(wrong) + PRIOR_RIGHT * np.log1p(-wrong)
        of_common = of_own.sum() - PRIOR_WRONG * (1 - wrong) + PRIOR_RIGHT * wrong
        gradient = [
            (of_logits * logs).sum() * slope + log_slope / SLOPE_SD**2,
            *(of_logits.sum(axis=0) + bias / BIAS_SD**2),
            of_common,
            *(of_own + own / CLASS_SD**2),
        ]
        return float(value), np.array(gradient)

    start = np.zeros(2 + 2 * k)
    start[1 + k] = START
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    log_slope, bias, common, own = _split(found, k)
    noise = LabelNoise(float(np.exp(log_slope)), bias, expit(common + own))
    joint = noise.true_probabilities(probabilities) * _share_in_label(noise.rates, known)
    gain = np.log(joint.sum(axis=1)).sum() - np.log(counts[known] / n).sum()
    return noise if gain > (1 + k) * np.log(n) / 2 else None  # more by a slope and the k rates


def _split(parameters: np.ndarray, k: int) -> tuple[float, np.ndarray, float, np.ndarray]:
    """Logarithm of the slope, biases (k,), log-odds of the noise, and of each class above them."""
    return parameters[0], parameters[1 : 1 + k], parameters[1 + k], parameters[2 + k :]


def _share_in_label(rates: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Probability (n, k) with which each true class gives a label (n,)."""
    k = len(rates)
    share = np.repeat([rates / (k - 1)], len(known), axis=0)
    share[np.arange(len(known)), known] = (1 - rates)[known]
    return share
