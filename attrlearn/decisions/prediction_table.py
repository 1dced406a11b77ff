"""What probabilities and thresholds say of the attributes of images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["binary_attributes", "decide"]


def binary_attributes(clf: Any) -> list[Any]:
    """Return the names of the attributes of a fitted classifier whose classes are 0 and 1."""
    if not isinstance(clf.classes_, list):
        return list(clf.attribute_names_)
    named = zip(clf.attribute_names_, clf.classes_, strict=True)
    return [name for name, classes in named if list(classes) == [0, 1]]


def decide(table: pd.DataFrame, thresholds: Mapping[Any, float]) -> pd.DataFrame:
    """Decide again on binary attributes in a table of predictions.

    Parameters
    ----------
    table : DataFrame
        As from `AttributeClassifier.predict_table`.
    thresholds : mapping of binary attribute to float
        The probability above which it is 1. NaN: it is left open.

    Returns
    -------
    DataFrame
        The table with 1, 0 or NA by these thresholds. NA stays where there is no probability.

    Examples
    --------
    >>> table = pd.DataFrame({"hood": [1, 0, pd.NA], "hood_proba": [0.7, 0.4, np.nan]})
    >>> decide(table, {"hood": 0.3})["hood"].tolist()
    [1, 1, <NA>]
    """
    table = table.copy()
    for name, threshold in thresholds.items():
        probabilities = table[f"{name}_proba"]
        left_open = probabilities.isna() | np.isnan(threshold)
        table[name] = (probabilities > threshold).astype("Int64").mask(left_open)
    return table
