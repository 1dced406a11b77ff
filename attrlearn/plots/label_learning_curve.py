"""Scores over the number of labelled cells, a small figure per attribute."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from attrlearn.inspection.label_learning import LabelLearningCurve, label_learning_curve
from attrlearn.metrics.resampled_scores import MEAN
from attrlearn.plots.grid import add_legend, draw_grid, grid_size, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LabelLearningCurveDisplay"]

LINE: dict[str, Any] = {"color": "C0", "linewidth": 1.2, "marker": "o", "markersize": 3}
BAND: dict[str, Any] = {"color": "C0", "alpha": 0.25, "linewidth": 0}
RISING: dict[str, Any] = LINE | {"color": "C1"}
UNDECIDED: dict[str, Any] = LINE | {"color": "0.45"}


class LabelLearningCurveDisplay:
    """Score over the number of labelled cells that were learnt from, of each attribute.

    Make one with `from_estimator`, or of what `label_learning_curve` gave.

    Parameters
    ----------
    curve : LabelLearningCurve

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all attributes can be read.
    axes_ : ndarray of shape (A + 1,), of Axes
        First that of the mean over the attributes, then in the order of `curve.summary`.
    ax_, figure_
        The axes that they divide, with the legend, and its figure.

    Notes
    -----
    The line is the mean over splits and repeats, the band one standard deviation to either side.
    The horizontal axis is logarithmic: each step to the right of the default shares doubles the
    labels. The colours tell `still_rises` of the summary: orange is True, blue False, grey NA.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attrlearn import AttributeClassifier
    >>> from attrlearn.plots import LabelLearningCurveDisplay
    >>> X = np.random.default_rng(0).normal(size=(80, 4)).astype("float32")
    >>> clf = AttributeClassifier(backbone=None, max_epochs=2, random_state=0)
    >>> display = LabelLearningCurveDisplay.from_estimator(
    ...     clf, X, X[:, :2] > 0, train_sizes=[0.5, 1], cv=2, ax=Figure().subplots()
    ... )
    >>> len(display.axes_)
    3
    """

    def __init__(self, *, curve: LabelLearningCurve) -> None:
        self.curve = curve

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, ax: "Axes | None" = None, **options: Any
    ) -> Self:
        """Compute the curves and draw them.

        Parameters
        ----------
        estimator, X, y
            See `attrlearn.inspection.label_learning_curve`.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.
        **options
            The other parameters of `label_learning_curve`.

        Returns
        -------
        LabelLearningCurveDisplay

        Raises
        ------
        ValueError
            If an argument breaks a rule.
        """
        return cls(curve=label_learning_curve(estimator, X, y, **options)).plot(ax)

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height in inches."""
        return grid_size(len(self.curve.summary))

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        LabelLearningCurveDisplay
        """
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        summary = self.curve.summary
        names = [MEAN, *summary.index[:-1]]
        notes = [_note(summary.iloc[-1]), *(_note(row) for _, row in summary.iloc[:-1].iterrows())]
        scoring = self.curve.scoring
        self.axes_ = draw_grid(self.ax_, names, notes, "labelled cells", scoring)
        curves = {name: _statistics(rows) for name, rows in self.curve.scores.groupby("attribute")}
        ticks = _score_ticks(pd.concat(curves.values()))
        rises = summary["still_rises"].tolist()
        for inner, name, known in zip(self.axes_, names, [rises[-1], *rises[:-1]], strict=True):
            style = UNDECIDED if known is pd.NA else RISING if known else LINE
            _draw_curve(inner, curves[name], style, ticks)
        add_legend(
            self.ax_,
            [("still rises", RISING), ("no longer rises", LINE), ("cannot be told", UNDECIDED)],
        )
        return self


def _note(row: pd.Series) -> str:
    """What the title of an attribute says of its last step."""
    return "" if np.isnan(row["gain"]) else f"last gain {row['gain']:+.3f}"


def _statistics(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells, mean and standard deviation of the score at each share."""
    by_share = rows.groupby("share")
    score = by_share["score"]
    spread = score.std().fillna(0)
    return pd.DataFrame({"cells": by_share["labelled"].mean(), "mean": score.mean(), "sd": spread})


def _score_ticks(curves: pd.DataFrame) -> np.ndarray:
    """Round values around all curves, of which the outer ones are the limits."""
    from matplotlib.ticker import MaxNLocator

    low, high = (curves["mean"] - curves["sd"]).min(), (curves["mean"] + curves["sd"]).max()
    if np.isnan(low):
        return np.array([0, 0.5, 1])
    return np.asarray(MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high))


def _draw_curve(ax: "Axes", curve: pd.DataFrame, style: dict[str, Any], ticks: np.ndarray) -> None:
    """The curve of one attribute."""
    ax.fill_between(
        curve["cells"],
        curve["mean"] - curve["sd"],
        curve["mean"] + curve["sd"],
        **BAND | {"color": style["color"]},
    )
    ax.plot(curve["cells"], curve["mean"], **style)
    first, last = max(curve["cells"].iloc[0], 0.5), max(curve["cells"].iloc[-1], 1.0)
    margin = (last / first) ** 0.08 if last > first else 2
    has_labels = ax.get_yticklabels()[0].get_text() != ""
    ax.set(xscale="log", xlim=(first / margin, last * margin), ylim=(ticks[0], ticks[-1]))
    ax.set_xticks([first, last], [f"{first:.0f}", f"{last:.0f}"])
    ax.set_xticks(curve["cells"].clip(lower=0.5), minor=True, labels=[""] * len(curve))
    ax.set_yticks(
        ticks, [f"{tick:g}" for tick in ticks.round(6)] if has_labels else [""] * len(ticks)
    )
