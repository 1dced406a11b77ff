"""Probabilities of each training row by a network that has not learnt from it."""

from collections.abc import Callable

import numpy as np

from attrlearn.model_selection import AttributeKFold
from attrlearn.training.examples import LoadedRows

__all__ = ["N_FOLDS", "predict_out_of_fold"]

N_FOLDS = 5


def predict_out_of_fold(
    loaded: LoadedRows,
    fit_and_predict: Callable[[LoadedRows, LoadedRows], np.ndarray],
    seed: int,
) -> np.ndarray:
    """Predict each of N rows by a network that learnt from four fifths of the others.

    Parameters
    ----------
    loaded : LoadedRows
        Rows of one group are in one fold.
    fit_and_predict : callable
        Maps rows to learn from, and n other rows, to the probabilities (n, C) of these.
    seed : int
        Of the folds.

    Returns
    -------
    ndarray of shape (N, C)

    Raises
    ------
    ValueError
        If there are not two rows, or groups.
    """
    groups = loaded.rows.groups
    n_units = len(loaded) if groups is None else len(np.unique(groups))
    if n_units < 2:
        raise ValueError(
            "Thresholds and calibration must be tuned on rows that are not learnt from. Got a "
            "single row, or group. Pass X_val and y_val."
        )
    splitter = AttributeKFold(min(N_FOLDS, n_units), shuffle=True, random_state=seed)
    table = loaded.rows.counted()
    splits = list(splitter.split(table, table, groups))
    parts = [
        fit_and_predict(loaded.take(learnt), loaded.take(rest).unchanged())
        for learnt, rest in splits
    ]
    order = np.argsort(np.concatenate([rest for _, rest in splits]))
    return np.concatenate(parts)[order]
