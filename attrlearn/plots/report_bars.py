"""How well each attribute is found, as bars."""

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from attrlearn.metrics.alignment import Probabilities
from attrlearn.metrics.report import attribute_report
from attrlearn.plots.estimators import predict_attributes
from attrlearn.plots.grid import add_legend, as_label, divide, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AttributeReportDisplay"]

NAMES = {
    "average_precision": "average precision",
    "roc_auc": "ROC AUC",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
}
MAX_ROWS = 40  # bars in a column
NAME_WIDTH = 28
CERTAIN, DOUBTFUL = "C0", "#b9c7d6"


class AttributeReportDisplay:
    """A score of each attribute as a bar, the best on top, beside chance and support.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    report : DataFrame
        As from `attribute_report`.
    score : {"average_precision", "roc_auc", "balanced_accuracy", "f1"}, \
            default="average_precision"
        The column that is drawn.

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all attributes can be read.
    axes_ : ndarray of Axes
        The columns of bars: one for up to 40 attributes.
    ax_, figure_
        The axes that they divide, with the labels, and its figure.
    bars_ : ndarray of shape (A,), of Rectangle
        In the order of the report.

    Notes
    -----
    A line marks chance, the score of a random order: the `chance` of the report for the average
    precision, 0.5 for the ROC AUC. The other scores have no such level, as chance depends on how
    often each class is predicted. Bars of attributes that the permutation test of the report does
    not find better than chance are pale.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attrlearn.plots import AttributeReportDisplay
    >>> y_true, y_proba = [[1, 0], [0, 1], [None, 1]], [[0.9, 0.4], [0.6, 0.3], [0.8, 0.7]]
    >>> ax = Figure().subplots()
    >>> display = AttributeReportDisplay.from_predictions(y_true, y_proba, ax=ax)
    >>> [round(float(bar.get_width()), 3) for bar in display.bars_]
    [1.0, 0.833]
    """

    def __init__(self, *, report: pd.DataFrame, score: str = "average_precision") -> None:
        self.report = report
        self.score = score

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        score: str = "average_precision",
        n_permutations: int = 999,
        random_state: int | np.random.RandomState | None = 0,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the report of an estimator on rows that it has not learnt from.

        Parameters
        ----------
        estimator : AttributeClassifier, or a pipeline or search that ends in one
            Fitted.
        X : as `predict_proba` of the estimator takes it
        y : array-like or DataFrame of shape (N, A)
            With gaps.
        score, n_permutations, random_state, ax
            See `from_predictions`.

        Returns
        -------
        AttributeReportDisplay

        Raises
        ------
        ValueError
            If `y` has not the attributes of the estimator, or an argument breaks a rule.
        """
        y_true, y_proba, classes = predict_attributes(estimator, X, y)
        return cls.from_predictions(
            y_true,
            y_proba,
            classes=classes,
            score=score,
            n_permutations=n_permutations,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Probabilities,
        *,
        classes: Any = None,
        score: str = "average_precision",
        n_permutations: int = 999,
        random_state: int | np.random.RandomState | None = 0,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the report of predicted probabilities.

        Parameters
        ----------
        y_true, y_proba, classes, n_permutations, random_state
            See `attribute_report`.
        score : {"average_precision", "roc_auc", "balanced_accuracy", "f1"}, \
                default="average_precision"
            The column of the report that is drawn.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeReportDisplay

        Raises
        ------
        ValueError
            If an argument breaks a rule.
        """
        _check_score(score)
        report = attribute_report(
            y_true,
            y_proba,
            classes=classes,
            n_permutations=n_permutations,
            random_state=random_state,
        )
        return cls(report=report, score=score).plot(ax=ax)

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height in inches of a figure in which all attributes can be read."""
        n_columns, n_rows = self._shape()
        return 6.2 * n_columns + 0.3, 0.24 * n_rows + 1.1

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeReportDisplay
        """
        _check_score(self.score)
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        n_columns, n_rows = self._shape()
        self.axes_ = np.array(divide(self.ax_, 1, n_columns))
        order = np.argsort(-self.report[self.score].fillna(-1).to_numpy(), kind="stable")
        bars: dict[int, Any] = {}
        for i, column in enumerate(self.axes_):
            rows = order[i * n_rows : (i + 1) * n_rows]
            bars |= dict(zip(rows.tolist(), self._plot_column(column, rows, n_rows), strict=True))
        self.bars_ = np.array([bars[a] for a in range(len(order))])
        self._add_legend()
        return self

    def _shape(self) -> tuple[int, int]:
        """Columns, and bars in each."""
        n_columns = math.ceil(len(self.report) / MAX_ROWS)
        return n_columns, math.ceil(len(self.report) / n_columns)

    def _plot_column(self, ax: "Axes", rows: np.ndarray, n_rows: int) -> list[Any]:
        """The bars of some attributes of the report, from top to bottom."""
        part = self.report.iloc[rows]
        places = np.arange(len(part))
        bars = ax.barh(places, part[self.score], color=self._colours(part), height=0.7)
        chance = self._chance(part)
        if chance is not None:
            ax.vlines(chance, places - 0.45, places + 0.45, color="black", linewidth=1.5)
        ax.set_yticks(places, [as_label(name, NAME_WIDTH) for name in part.index])
        ax.set(xlim=(0, 1), ylim=(n_rows - 0.4, -0.6), xlabel=NAMES[self.score])
        ax.tick_params(axis="y", length=0)
        ax.tick_params(labelsize=9)
        ax.spines[["top", "right"]].set_visible(False)
        self._write_columns(ax, part, places)
        return list(bars)

    def _write_columns(self, ax: "Axes", part: pd.DataFrame, places: np.ndarray) -> None:
        """Score and support of each bar to the right of it, under headings."""
        words: dict[str, Any] = {
            "transform": ax.get_yaxis_transform(),
            "ha": "right",
            "va": "center",
        }
        small = {**words, "fontsize": 9}
        scores = ["" if np.isnan(value) else f"{value:.2f}" for value in part[self.score]]
        for x, heading, cells in (
            (1.1, "", scores),
            (1.22, "labelled", [f"{n:,}" for n in part["labelled"]]),
        ):
            ax.text(x, -1, heading, color="0.4", **small)
            for place, cell in zip(places, cells, strict=True):
                ax.text(x, place, cell, **small)
        for place in places[part[self.score].isna()]:
            ax.text(0.01, place, "fewer than two classes labelled", **{**small, "ha": "left"})

    def _chance(self, part: pd.DataFrame) -> pd.Series | None:
        """The score of a random order, None where it depends on more than the order."""
        if self.score == "average_precision":
            return part["chance"]
        return pd.Series(0.5, part.index) if self.score == "roc_auc" else None

    def _colours(self, part: pd.DataFrame) -> list[str]:
        """A colour per bar, by the permutation test if there was one."""
        if "better_than_chance" not in part:
            return [CERTAIN] * len(part)
        better = part["better_than_chance"].fillna(False)
        return [CERTAIN if certain else DOUBTFUL for certain in better]

    def _add_legend(self) -> None:
        """What colours and line mean, above the bars."""
        square = {"marker": "s", "linestyle": "", "markersize": 8}
        entries: list[tuple[str, dict[str, Any]]] = []
        if "better_than_chance" in self.report:
            entries.append(("better than chance", {"color": CERTAIN, **square}))
            entries.append(("not shown to be better", {"color": DOUBTFUL, **square}))
        if self._chance(self.report) is not None:
            tick = {"marker": "|", "linestyle": "", "markersize": 10, "markeredgewidth": 1.5}
            entries.append(("chance", {"color": "black", **tick}))
        if entries:
            add_legend(self.ax_, entries)


def _check_score(score: str) -> None:
    """Raise unless it is a column that can be drawn."""
    if score not in NAMES:
        raise ValueError(f"score must be one of {list(NAMES)}. Got {score!r}. Pass one of these.")
