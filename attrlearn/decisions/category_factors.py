"""What a category rules out: classes that none of its labelled cells has are improbable in it."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from attrlearn.checks.attributes import Attributes

__all__ = ["category_factors", "factors_of_unseen", "fit_concentration", "weigh_classes"]

# Of the concentration: from categories that share nothing, whose n cells still leave a class that
# is not among them 1 / (1 + n), to categories that are all alike.
LEAST, MOST = 1.0, 1e4


def category_factors(
    counts: np.ndarray, categories: np.ndarray, attributes: Attributes
) -> dict[Any, pd.DataFrame]:
    """Return what the probabilities of a categorical attribute are multiplied by in each category.

    Parameters
    ----------
    counts : ndarray of shape (categories, C)
        Labelled cells of each category that have each class, those of all attributes side by side.
    categories : ndarray of shape (categories,)
    attributes : Attributes

    Returns
    -------
    dict
        ``{attribute: DataFrame of shape (categories, classes)}``, from `factors_of_unseen`, of the
        categorical attributes. Whether a binary one is there says its threshold.
    """
    parts = attributes.split(counts)
    return {
        name: pd.DataFrame(factors_of_unseen(part), categories, classes)
        for name, classes, part, is_binary in zip(
            attributes.names, attributes.classes, parts, attributes.is_binary, strict=True
        )
        if not is_binary
    }


def factors_of_unseen(counts: np.ndarray) -> np.ndarray:
    """Return how much less probable a class is in a category that was not seen with it.

    Parameters
    ----------
    counts : ndarray of shape (K, k)
        Labelled cells of each category and class of one attribute.

    Returns
    -------
    ndarray of shape (K, k)
        ``m / (m + n)`` for a class that other categories have and none of the n labelled cells of
        this one, with m as from `fit_concentration`; 1 for all others. More than 0.

    Notes
    -----
    If the class shares of a category come from a Dirichlet distribution around the overall shares
    ``q``, with concentration m, then after n cells without class c the expected share of c is
    ``m q / (m + n)``: the factor is what the cells of the category leave of ``q``. Classes that a
    category does have are left to the network, which learns their shares by its embedding: the same
    ratio would count them twice.

    Examples
    --------
    >>> factors_of_unseen(np.array([[5, 4, 0, 0], [0, 0, 30, 0]])).round(3)
    array([[1.   , 1.   , 0.1  , 1.   ],
           [0.032, 0.032, 1.   , 1.   ]])
    """
    n = counts.sum(axis=1, keepdims=True)
    concentration = fit_concentration(counts)
    unseen = (counts == 0) & counts.any(axis=0)
    return np.where(unseen, concentration / (concentration + n), 1.0)


def fit_concentration(counts: np.ndarray) -> float:
    """Return how alike the categories are: many cells' worth where they share all classes.

    Parameters
    ----------
    counts : ndarray of shape (K, k)
        Labelled cells of each category and class of one attribute.

    Returns
    -------
    float
        The concentration in [1, 10000] under which the counts are likeliest, if the class shares of
        each category come from a Dirichlet distribution around the overall shares.

    References
    ----------
    T. P. Minka, "Estimating a Dirichlet distribution", MIT, 2000: the precision of a
    Dirichlet-multinomial with a known mean.

    Examples
    --------
    >>> apart, alike = np.array([[20, 0], [0, 20]]), np.array([[10, 10], [10, 10]])
    >>> round(fit_concentration(apart)), round(fit_concentration(alike))
    (1, 10000)
    """
    shares = counts.sum(axis=0) / max(counts.sum(), 1)
    # One cell alone is as likely whatever the concentration is.
    counts = counts[counts.sum(axis=1) > 1][:, shares > 0]
    if len(counts) == 0:
        return MOST
    n, shares = counts.sum(axis=1), shares[shares > 0]

    def negative_log_likelihood(log_concentration: float) -> float:
        m = np.exp(log_concentration)
        of_classes = gammaln(counts + m * shares) - gammaln(m * shares)
        return float((gammaln(n + m) - gammaln(m)).sum() - of_classes.sum())

    bounds = (np.log(LEAST), np.log(MOST))
    return float(
        np.exp(minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded").x)
    )


def weigh_classes(
    probabilities: np.ndarray,
    attributes: Attributes,
    factors: dict[Any, pd.DataFrame],
    codes: np.ndarray,
) -> np.ndarray:
    """Multiply class probabilities by the factors of their category, to a sum of 1 again.

    Parameters
    ----------
    probabilities : ndarray of shape (N, C)
        The classes of all attributes side by side; those of an attribute sum to 1, or are NaN.
    attributes : Attributes
    factors : dict
        As from `category_factors`.
    codes : ndarray of shape (N,), int64
        1 + position of each row's category in the factors; 0, an unknown one, changes nothing.

    Returns
    -------
    ndarray of shape (N, C)
        Of the dtype of the probabilities; bit for bit as before where all factors are 1.

    Examples
    --------
    >>> attributes = Attributes(["neck"], [np.array(["polo", "round", "v-neck"])], [False])
    >>> factors = {"neck": pd.DataFrame([[0.1, 1, 1]], ["dress"], attributes.classes[0])}
    >>> p = np.array([[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]])
    >>> weigh_classes(p, attributes, factors, np.array([0, 1])).round(2)
    array([[0.5 , 0.2 , 0.3 ],
           [0.09, 0.36, 0.55]])
    """
    out = probabilities.copy()
    parts = attributes.split(out)  # views
    for name, part in zip(attributes.names, parts, strict=True):
        if name in factors:
            of_rows = np.vstack([np.ones(part.shape[1]), factors[name]])[codes]
            rows = (of_rows < 1).any(axis=1)
            weighed = part[rows] * of_rows[rows]
            part[rows] = weighed / weighed.sum(axis=1, keepdims=True)
    return out
