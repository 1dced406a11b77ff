"""Which class is taken for which."""

from typing import Any

import numpy as np
import pandas as pd

from attrlearn.checks.targets import MISSING
from attrlearn.metrics.alignment import align_predictions

__all__ = ["confusion_matrices"]


def confusion_matrices(y_true: Any, y_pred: Any, *, classes: Any = None) -> dict[Any, pd.DataFrame]:
    """Count the labelled cells of each attribute by true and predicted class.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_pred : array-like or DataFrame of shape (N, A)
        Predicted classes, as from `AttributeClassifier.predict`. Cells without a prediction (NaN,
        None, NA, and -1 unless it is a class) are left out. If both are DataFrames, columns belong
        together by name; all else does by position.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model: nothing else may be predicted. By default the classes are
        those of the dtype and all that occur.

    Returns
    -------
    dict of {attribute: DataFrame of shape (classes, classes)}
        Number of cells, a row per true class and a column per predicted one.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : Draws one of them.

    Examples
    --------
    >>> y_true = [["long"], ["short"], [None], ["long"]]
    >>> matrix = confusion_matrices(y_true, [["long"], ["long"], ["short"], ["short"]])["Attr1"]
    >>> matrix
    predicted  long  short
    true
    long          1      1
    short         1      0

    A figure of it:

    >>> from matplotlib.figure import Figure
    >>> from sklearn.metrics import ConfusionMatrixDisplay
    >>> display = ConfusionMatrixDisplay(matrix.to_numpy(), display_labels=matrix.columns)
    >>> display.plot(ax=Figure().subplots()).ax_.get_xlabel()
    'Predicted label'
    """
    alignment = align_predictions(y_true, y_pred, classes=classes)
    matrices = {}
    for name, known, cells in zip(
        alignment.attributes.names, alignment.attributes.classes, alignment, strict=True
    ):
        n, counted = len(known), cells.predicted != MISSING
        pairs = cells.known[counted] * n + cells.predicted[counted]
        matrices[name] = pd.DataFrame(
            np.bincount(pairs, minlength=n * n).reshape(n, n),
            index=pd.Index(known, name="true"),
            columns=pd.Index(known, name="predicted"),
        )
    return matrices
