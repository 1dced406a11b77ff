"""In which order cells are asked for: what teaches most, and the labels that are probably wrong."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from attrlearn.inspection import find_label_issues, suggest_labels

__all__ = ["Order", "order_of"]

AT_A_TIME = 24  # cells of an attribute that are chosen together: those of the largest page


class Order(NamedTuple):
    """Cells in the order in which to ask."""

    missing: pd.DataFrame  # row, image, attribute, suggested, confidence
    doubtful: pd.DataFrame  # row, image, attribute, given, suggested, error_probability


def order_of(
    X: pd.DataFrame, y: pd.DataFrame, proba: np.ndarray | list[np.ndarray], features: np.ndarray
) -> Order:
    """Return the order of missing cells, and the labelled cells that are probably wrong.

    Parameters
    ----------
    X : DataFrame of N rows
        With a column `image` and optionally `category`.
    y : DataFrame of shape (N, A)
    proba : ndarray of shape (N, A), or list of A arrays of shape (N, classes)
        Of models that have not seen the row.
    features : ndarray of shape (N, D)

    Returns
    -------
    Order
    """
    n_cells = AT_A_TIME * y.shape[1]
    return Order(suggest_labels(X, y, proba, features, n=n_cells), find_label_issues(X, y, proba))
