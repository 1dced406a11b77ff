"""The reliability diagram of each attribute."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from attrlearn.metrics.alignment import Probabilities, align_probabilities
from attrlearn.metrics.calibration_error import calibration_bins, calibration_gap, check_bins
from attrlearn.plots.estimators import predict_attributes
from attrlearn.plots.grid import add_legend, draw_grid, grid_size, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AttributeCalibrationDisplay"]

IDEAL: dict[str, Any] = {"color": "0.4", "linewidth": 1.2, "linestyle": "--"}
LINE: dict[str, Any] = {"color": "C0", "linewidth": 1.2}
AREA = 90  # of the point of a bin that holds all cells, in square points


class AttributeCalibrationDisplay:
    """The reliability diagram of each attribute, with its expected calibration error.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    bins : dict of {attribute: DataFrame}
        `mean_probability`, `observed_rate` and `weight`, the number of cells, of each bin that
        holds a cell.

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all attributes can be read.
    axes_ : ndarray of shape (A,), of Axes
        In the order of `bins`.
    ax_, figure_
        The axes that they divide, with the labels and the legend, and its figure.

    Notes
    -----
    In a binary attribute probability and rate are those of 1, in a categorical one the probability
    of the most probable class and how often it is right; see `expected_calibration_error`. The area
    of a point is the share of the cells in its bin.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attrlearn.plots import AttributeCalibrationDisplay
    >>> y_true, y_proba = [[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]]
    >>> ax = Figure().subplots()
    >>> display = AttributeCalibrationDisplay.from_predictions(y_true, y_proba, n_bins=2, ax=ax)
    >>> display.bins["Attr1"]
       mean_probability  observed_rate  weight
    0              0.30            1.0     1.0
    1              0.75            0.5     2.0
    """

    def __init__(self, *, bins: Mapping[Any, pd.DataFrame]) -> None:
        self.bins = bins

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_bins: int = 10,
        strategy: str = "uniform",
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the diagrams of an estimator on rows that it has not learnt from.

        Parameters
        ----------
        estimator : AttributeClassifier, or a pipeline or search that ends in one
            Fitted.
        X : as `predict_proba` of the estimator takes it
        y : array-like or DataFrame of shape (N, A)
            With gaps.
        n_bins, strategy, ax
            See `from_predictions`.

        Returns
        -------
        AttributeCalibrationDisplay

        Raises
        ------
        ValueError
            If `y` has not the attributes of the estimator, or an argument breaks a rule.
        """
        y_true, y_proba, classes = predict_attributes(estimator, X, y)
        return cls.from_predictions(
            y_true, y_proba, classes=classes, n_bins=n_bins, strategy=strategy, ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Probabilities,
        *,
        classes: Any = None,
        n_bins: int = 10,
        strategy: str = "uniform",
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the diagrams of predicted probabilities.

        Parameters
        ----------
        y_true, y_proba, classes
            See `attribute_report`.
        n_bins : int, default=10
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or of equally many cells.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeCalibrationDisplay

        Raises
        ------
        ValueError
            If an argument breaks a rule.
        """
        check_bins(n_bins, strategy)
        alignment = align_probabilities(y_true, y_proba, classes=classes)
        bins = [calibration_bins(cells, n_bins, strategy) for cells in alignment]
        return cls(bins=dict(zip(alignment.attributes.names, bins, strict=True))).plot(ax=ax)

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height in inches of a figure in which all attributes can be read."""
        return grid_size(len(self.bins))

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeCalibrationDisplay
        """
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        errors = [calibration_gap(table) for table in self.bins.values()]
        notes = ["no labelled cells" if np.isnan(error) else f"ECE {error:.3f}" for error in errors]
        self.axes_ = draw_grid(self.ax_, self.bins, notes, "mean probability", "observed rate")
        for inner, table in zip(self.axes_, self.bins.values(), strict=True):
            inner.plot([0, 1], [0, 1], **IDEAL)
            inner.plot(table["mean_probability"], table["observed_rate"], **LINE)
            inner.scatter(
                table["mean_probability"],
                table["observed_rate"],
                s=6 + AREA * table["weight"] / table["weight"].sum(),
                color=LINE["color"],
            )
        entries = [("bins, by their number of cells", {**LINE, "marker": "o"})]
        add_legend(self.ax_, [*entries, ("calibrated", IDEAL)])
        return self
