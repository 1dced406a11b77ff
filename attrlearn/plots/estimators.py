"""What an estimator says of the images of an annotation table."""

from typing import Any

import pandas as pd

from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import check_table
from attrlearn.metrics.final_estimator import attribute_names

__all__ = ["predict_attributes"]


def predict_attributes(estimator: Any, X: Any, y: Any) -> tuple[pd.DataFrame, Any, Any]:
    """Predict the probabilities of an annotation table.

    Parameters
    ----------
    estimator : AttributeClassifier, or a pipeline or search that ends in one
        Fitted.
    X : as `predict_proba` of the estimator takes it
    y : array-like or DataFrame of shape (N, A)
        With gaps; the columns of a DataFrame may be in any order.

    Returns
    -------
    y_true : DataFrame of shape (N, A)
        With the attributes in the order of the estimator.
    y_proba : ndarray of shape (N, A), or list of A arrays of shape (N, classes)
    classes : ndarray or list of A arrays

    Raises
    ------
    ValueError
        If `y` has other attributes or rows than the predictions.
    """
    check_paired({"X": X, "y": y})
    proba = estimator.predict_proba(X)
    n_rows = len(proba[0] if isinstance(proba, list) else proba)
    return check_table(y, n_rows, attribute_names(estimator)), proba, estimator.classes_
