"""The loss curve."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["LossCurveDisplay"]


class LossCurveDisplay:
    """The training loss by optimiser step.

    Make one with `from_estimator`.

    Parameters
    ----------
    loss_curve : array-like of shape (n_steps,)
    n_epochs : int, default=1
        The smooth line is the mean over the steps of one epoch.
    validation_scores : array-like of shape (n_epochs,), optional
        Drawn on a second axis, at the end of each epoch.

    Attributes
    ----------
    ax_, figure_
        Those of matplotlib.
    line_, smooth_line_ : Line2D
        The raw and the smoothed loss.
    validation_ax_, validation_line_
        The second axis and its line, None without validation scores.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> display = LossCurveDisplay(loss_curve=[0.9, 0.7, 0.6, 0.4], n_epochs=2)
    >>> display.plot(ax=Figure().subplots()).smooth_line_.get_ydata()
    array([0.8 , 0.73333333, 0.56666667, 0.5 ])
    """

    def __init__(
        self, *, loss_curve: Any, n_epochs: int = 1, validation_scores: Any = None
    ) -> None:
        self.loss_curve = loss_curve
        self.n_epochs = n_epochs
        self.validation_scores = validation_scores

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, title: str | None = None, ax: "Axes | None" = None
    ) -> Self:
        """Draw the loss curve of a fitted estimator.

        Parameters
        ----------
        estimator : AttributeClassifier
            Fitted.
        title : str, optional
        ax : matplotlib Axes, optional
            None makes a new figure.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(estimator, "loss_curve_")
        display = cls(
            loss_curve=estimator.loss_curve_,
            n_epochs=estimator.n_epochs_,
            validation_scores=getattr(estimator, "validation_scores_", None),
        )
        return display.plot(ax=ax, title=title)

    def plot(self, ax: "Axes | None" = None, *, title: str | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            None makes a new figure.
        title : str, optional

        Returns
        -------
        LossCurveDisplay
        """
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots()
        curve = pd.Series(np.asarray(self.loss_curve, dtype=float))
        curve.index += 1
        window = max(len(curve) // self.n_epochs, 1)
        smooth = curve.rolling(window + (window + 1) % 2, center=True, min_periods=1).mean()
        marker = "." if len(curve) == 1 else None  # one point makes no line
        (self.line_,) = ax.plot(
            curve, color="C0", alpha=0.3, linewidth=1, marker=marker, label="each step"
        )
        (self.smooth_line_,) = ax.plot(smooth, color="C0", linewidth=2, label="mean of an epoch")
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
        ax.set(xlabel="iteration_number", ylabel="training_loss", title=title or "")
        self.ax_, self.figure_ = ax, ax.figure
        self.validation_ax_, self.validation_line_ = self._plot_validation(len(curve))
        if self.validation_line_ is None:
            ax.legend(loc="upper right")
        else:  # scores rise where the loss falls: the free place is between them
            lines = [self.line_, self.smooth_line_, self.validation_line_]
            ax.legend(handles=lines, loc="center right")
        return self

    def _plot_validation(self, n_steps: int) -> "tuple[Axes | None, Line2D | None]":
        """A second axis and the validation scores on it, if there are any."""
        scores = () if self.validation_scores is None else self.validation_scores
        if len(scores) == 0:
            return None, None
        ends = np.arange(1, len(scores) + 1) * n_steps / len(scores)
        ax = self.ax_.twinx()
        ax.set_ylabel("validation_score")
        (line,) = ax.plot(ends, scores, color="C1", marker="o", markersize=3, label="validation")
        return ax, line
