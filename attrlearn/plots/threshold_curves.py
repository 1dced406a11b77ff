"""Precision, recall and F1 of each binary attribute over its threshold."""

from collections.abc import Collection, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from attrlearn.metrics.alignment import Cells, Probabilities, align_probabilities
from attrlearn.metrics.final_estimator import final_estimator
from attrlearn.plots.estimators import predict_attributes
from attrlearn.plots.grid import ONE_CLASS, add_legend, draw_grid, grid_size, open_axes, thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AttributeThresholdDisplay"]

STYLES: dict[str, dict[str, Any]] = {
    "precision": {"color": "C0", "linewidth": 1.2},
    "recall": {"color": "C1", "linewidth": 1.2},
    "f1": {"color": "0.15", "linewidth": 1.8},
}
MARK: dict[str, Any] = {"color": "0.4", "linewidth": 1.2, "linestyle": ":"}
DEFAULT = 0.5


class AttributeThresholdDisplay:
    """Precision, recall and F1 of each binary attribute over its threshold.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    curves : dict of {attribute: DataFrame}
        `threshold`, ascending, and `precision`, `recall` and `f1` of what is above it, which hold
        up to the next one. No rows where fewer than two classes are labelled.
    thresholds : dict of {attribute: float}
        Those to mark; NaN marks none.

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all attributes can be read.
    axes_ : ndarray of shape (n_attributes,), of Axes
        In the order of `curves`.
    ax_, figure_
        The axes that they divide, with the labels and the legend, and its figure.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attrlearn.plots import AttributeThresholdDisplay
    >>> y_true, y_proba = [[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]]
    >>> ax = Figure().subplots()
    >>> display = AttributeThresholdDisplay.from_predictions(y_true, y_proba, ax=ax)
    >>> display.curves["Attr1"].round(2)
       threshold  precision  recall    f1
    0        0.0       0.67     1.0  0.80
    1        0.3       0.50     0.5  0.50
    2        0.6       1.00     0.5  0.67
    3        0.9        NaN     0.0  0.00
    """

    def __init__(
        self, *, curves: Mapping[Any, pd.DataFrame], thresholds: Mapping[Any, float]
    ) -> None:
        self.curves = curves
        self.thresholds = thresholds

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        thresholds: Mapping[Any, float] | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the curves of an estimator on rows that it has not learnt from.

        Parameters
        ----------
        estimator : AttributeClassifier, or a pipeline or search that ends in one
            Fitted.
        X : as `predict_proba` of the estimator takes it
        y : array-like or DataFrame of shape (N, A)
            With gaps.
        thresholds : dict of {attribute: float}, optional
            Those to mark; by default the ``thresholds_`` of the estimator if it has them, else 0.5.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeThresholdDisplay

        Raises
        ------
        ValueError
            If `y` has not the attributes of the estimator, none of them is binary, or an argument
            breaks a rule.
        """
        y_true, y_proba, classes = predict_attributes(estimator, X, y)
        if thresholds is None:
            thresholds = getattr(final_estimator(estimator), "thresholds_", None)
        return cls.from_predictions(y_true, y_proba, classes=classes, thresholds=thresholds, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Probabilities,
        *,
        classes: Any = None,
        thresholds: Mapping[Any, float] | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the curves of predicted probabilities.

        Parameters
        ----------
        y_true, y_proba, classes
            See `attribute_report`. Categorical attributes have no threshold and are left out.
        thresholds : dict of {attribute: float}, optional
            Those to mark, from 0 to 1; NaN marks none. An attribute that it does not name has 0.5.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeThresholdDisplay

        Raises
        ------
        ValueError
            If no attribute is binary, or an argument breaks a rule.
        """
        alignment = align_probabilities(y_true, y_proba, classes=classes)
        names = alignment.attributes.names
        curves = {
            name: threshold_curve(cells)
            for name, cells in zip(names, alignment, strict=True)
            if cells.is_binary
        }
        if not curves:
            raise ValueError(
                f"y_true must have a binary attribute. Got the categorical {names}, which have no "
                "threshold. Draw an AttributePrecisionRecallDisplay."
            )
        given = {} if thresholds is None else thresholds
        _check_thresholds(given, curves)
        chosen = {name: float(given.get(name, DEFAULT)) for name in curves}
        return cls(curves=curves, thresholds=chosen).plot(ax=ax)

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
        AttributeThresholdDisplay
        """
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        notes = [self._note(name) for name in self.curves]
        self.axes_ = draw_grid(self.ax_, self.curves, notes, "threshold", "precision, recall, F1")
        for inner, (name, curve) in zip(self.axes_, self.curves.items(), strict=True):
            for score, style in STYLES.items() if len(curve) else ():
                inner.step(
                    np.append(curve["threshold"], 1),
                    np.append(curve[score], curve[score].iloc[-1]),
                    where="post",
                    **style,
                )
            chosen = self.thresholds[name]
            if len(curve) and not np.isnan(chosen):
                inner.axvline(chosen, **MARK)
        entries = zip(["precision", "recall", "F1"], STYLES.values(), strict=True)
        add_legend(self.ax_, [*entries, ("threshold", MARK)])
        return self

    def _note(self, name: Any) -> str:
        """What is above the axes of an attribute beside its name."""
        curve, chosen = self.curves[name], self.thresholds[name]
        if curve.empty:
            return ONE_CLASS
        if np.isnan(chosen):
            return "no threshold"
        row = np.searchsorted(curve["threshold"], chosen, side="right") - 1
        return f"F1 {curve['f1'].iloc[row]:.2f} at {chosen:.2f}"


def threshold_curve(cells: Cells) -> pd.DataFrame:
    """Precision, recall and F1 of class 1 for each threshold at which they change.

    Returns
    -------
    DataFrame
        `threshold`, ascending from 0, `precision`, NaN where nothing is above it, `recall` and
        `f1`. At most 1000 rows; none where fewer than two classes are labelled.

    Examples
    --------
    >>> proba = np.array([[0.75, 0.25], [0.5, 0.5]])
    >>> threshold_curve(Cells(True, 2, np.array([1, 0]), proba, np.ones(2)))["recall"].tolist()
    [1.0, 0.0, 0.0]
    """
    if len(np.unique(cells.known)) < 2:
        return pd.DataFrame(columns=["threshold", "precision", "recall", "f1"], dtype=float)
    proba = cells.predicted[:, 1].astype(float)
    # At a probability and above it: what is predicted above the next lower one.
    precision, recall, above = precision_recall_curve(cells.known, proba)
    total = precision + recall
    curve = pd.DataFrame(
        {
            "threshold": np.append(0, above),
            "precision": np.append(precision[:-1], np.nan),
            "recall": recall,
            "f1": 2 * precision * recall / np.where(total > 0, total, 1),
        }
    )
    return thin(curve.drop_duplicates("threshold", keep="last", ignore_index=True))


def _check_thresholds(thresholds: Mapping[Any, float], names: Collection[Any]) -> None:
    """Raise unless each is from 0 to 1, or NaN, and of one of these attributes."""
    for name, value in thresholds.items():
        if name not in names:
            raise ValueError(
                f"thresholds must name binary attributes. Got {name!r}. They are {list(names)}."
            )
        if not isinstance(value, Real) or value < 0 or value > 1:
            raise ValueError(
                f"thresholds must be from 0 to 1, or NaN for none. Got {value!r} for attribute "
                f"{name!r}. Pass probabilities."
            )
