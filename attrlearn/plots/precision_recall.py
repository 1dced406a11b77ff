"""The precision-recall curve of each attribute."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from attrlearn.metrics.alignment import Cells, Probabilities, align_probabilities
from attrlearn.metrics.report import attribute_report
from attrlearn.plots.estimators import predict_attributes
from attrlearn.plots.grid import ONE_CLASS, add_legend, draw_grid, grid_size, open_axes, thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AttributePrecisionRecallDisplay"]

CURVE: dict[str, Any] = {"color": "C0", "linewidth": 1.5}
CHANCE: dict[str, Any] = {"color": "0.4", "linewidth": 1.2, "linestyle": "--"}


class AttributePrecisionRecallDisplay:
    """The precision-recall curve of each attribute, with average precision and chance.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    curves : dict of {attribute: DataFrame}
        `recall`, ascending, and `precision`, which holds from the last recall up to this one. No
        rows where fewer than two classes are labelled.
    report : DataFrame
        As from `attribute_report`, which gives `average_precision` and `chance`.

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all attributes can be read.
    axes_ : ndarray of shape (A,), of Axes
        In the order of `curves`.
    ax_, figure_
        The axes that they divide, with the labels and the legend, and its figure.

    Notes
    -----
    The curve of a categorical attribute is the mean over its labelled classes, each against the
    rest, of the precision at each recall. So for all attributes the area below the curve is the
    average precision of the report, and chance is the mean share of the classes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attrlearn.plots import AttributePrecisionRecallDisplay
    >>> y_true, y_proba = [[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]]
    >>> ax = Figure().subplots()
    >>> display = AttributePrecisionRecallDisplay.from_predictions(y_true, y_proba, ax=ax)
    >>> display.curves["Attr1"].round(2)
       recall  precision
    0     0.0       1.00
    1     0.5       1.00
    2     0.5       0.50
    3     1.0       0.67
    """

    def __init__(self, *, curves: Mapping[Any, pd.DataFrame], report: pd.DataFrame) -> None:
        self.curves = curves
        self.report = report

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, *, ax: "Axes | None" = None) -> Self:
        """Draw the curves of an estimator on rows that it has not learnt from.

        Parameters
        ----------
        estimator : AttributeClassifier, or a pipeline or search that ends in one
            Fitted.
        X : as `predict_proba` of the estimator takes it
        y : array-like or DataFrame of shape (N, A)
            With gaps.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributePrecisionRecallDisplay

        Raises
        ------
        ValueError
            If `y` has not the attributes of the estimator, or an argument breaks a rule.
        """
        y_true, y_proba, classes = predict_attributes(estimator, X, y)
        return cls.from_predictions(y_true, y_proba, classes=classes, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Probabilities,
        *,
        classes: Any = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the curves of predicted probabilities.

        Parameters
        ----------
        y_true, y_proba, classes
            See `attribute_report`.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributePrecisionRecallDisplay

        Raises
        ------
        ValueError
            If an argument breaks a rule.
        """
        report = attribute_report(y_true, y_proba, classes=classes, n_permutations=0)
        alignment = align_probabilities(y_true, y_proba, classes=classes)
        curves = [mean_curve(cells) for cells in alignment]
        return cls(curves=dict(zip(report.index, curves, strict=True)), report=report).plot(ax=ax)

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height in inches of a figure in which all attributes can be read."""
        return grid_size(len(self.curves))

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributePrecisionRecallDisplay
        """
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        figures = self.report.loc[list(self.curves)]
        notes = [
            ONE_CLASS if np.isnan(ap) else f"AP {ap:.2f}, chance {chance:.2f}"
            for ap, chance in zip(figures["average_precision"], figures["chance"], strict=True)
        ]
        self.axes_ = draw_grid(self.ax_, self.curves, notes, "recall", "precision")
        for inner, curve, chance in zip(
            self.axes_, self.curves.values(), figures["chance"], strict=True
        ):
            if len(curve):
                inner.axhline(chance, **CHANCE)
                inner.step(curve["recall"], curve["precision"], where="pre", **CURVE)
        add_legend(self.ax_, [("precision at a recall", CURVE), ("chance", CHANCE)])
        return self


def mean_curve(cells: Cells) -> pd.DataFrame:
    """Precision of class 1 at each recall, or its mean over the labelled classes.

    Returns
    -------
    DataFrame
        `recall` and `precision`; at most 1000 rows, none where fewer than two classes are labelled.

    Examples
    --------
    >>> proba = np.array([[0.75, 0.25], [0.5, 0.5]])
    >>> mean_curve(Cells(True, 2, np.array([1, 0]), proba, np.ones(2)))["precision"].tolist()
    [0.0, 0.0, 0.5]
    """
    labelled = np.unique(cells.known)
    if len(labelled) < 2:
        return pd.DataFrame(columns=["recall", "precision"], dtype=float)
    curves = []
    for c in [1] if cells.is_binary else labelled:
        precision, recall, _ = precision_recall_curve(cells.known == c, cells.predicted[:, c])
        curves.append((recall[-2::-1], precision[-2::-1]))
    if len(curves) == 1:
        [(recall, precision)] = curves
    else:  # steps whose edges are the recalls of any class
        recall = np.unique(np.concatenate([edges for edges, _ in curves]))
        precision = np.mean(
            [values[np.searchsorted(edges, recall)] for edges, values in curves], axis=0
        )
    start = pd.DataFrame({"recall": [0.0], "precision": precision[:1]})
    rest = pd.DataFrame({"recall": recall, "precision": precision})
    return thin(pd.concat([start, rest], ignore_index=True))
