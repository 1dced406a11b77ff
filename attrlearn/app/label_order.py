"""In which order cells are asked for: what a model is least sure of, and what it contradicts."""

from typing import NamedTuple

import numpy as np
import pandas as pd

__all__ = ["Order", "order_of"]


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
        With a column `image`.
    y : DataFrame of shape (N, A)
    proba : ndarray of shape (N, A), or list of A arrays of shape (N, classes)
        Of models that have not seen the row.
    features : ndarray of shape (N, D)

    Returns
    -------
    Order
    """
    if isinstance(proba, np.ndarray):
        proba = [np.column_stack([1 - positive, positive]) for positive in proba.T]
    missing, doubtful = [], []
    for name, of_class in zip(y, proba, strict=True):
        column = y[name]
        classes = np.array(
            column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else [0, 1],
            dtype=object,
        )
        cells = pd.DataFrame(
            {
                "row": np.arange(len(y)),
                "image": X["image"].to_numpy(),
                "attribute": name,
                "suggested": classes[of_class.argmax(axis=1)],
                "confidence": of_class.max(axis=1),
            }
        )
        gap = column.isna().to_numpy()
        missing.append(cells[gap])
        codes = np.array([list(classes).index(value) for value in column[~gap]], dtype=int)
        wrong = 1 - of_class[~gap][np.arange(len(codes)), codes]
        known = cells[~gap].assign(given=column[~gap].tolist(), error_probability=wrong)
        doubtful.append(known[wrong > 0.5])
    return Order(
        pd.concat(missing).sort_values("confidence", kind="stable"),
        pd.concat(doubtful).sort_values("error_probability", ascending=False, kind="stable"),
    )
