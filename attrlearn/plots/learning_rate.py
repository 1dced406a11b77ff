"""The learning-rate range test."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LearningRateDisplay"]

WIDTH = 1 / 3  # of a decade: what is smoothed over


class LearningRateDisplay:
    """The training loss while the learning rate rises from step to step.

    Make one with `from_estimator`. Where the loss does not move yet the rate is too low, where it
    rises again too high; between them it falls.

    Parameters
    ----------
    learning_rates : array-like of shape (n_steps,)
        Rising.
    losses : array-like of shape (n_steps,)

    Attributes
    ----------
    smooth_losses : ndarray of shape (n_steps,)
        By lines that are fitted to the steps around each step.
    suggestion : float or None
        The learning rate at which the smoothed loss falls most steeply, as a function of the
        logarithm of the rate, before its lowest value. None if it never falls.
    ax_, figure_
        Those of matplotlib.
    line_, smooth_line_ : Line2D
        The raw and the smoothed loss.
    suggestion_line_ : Line2D or None

    References
    ----------
    L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017.

    Examples
    --------
    >>> rates = np.geomspace(1e-5, 1, 101)
    >>> losses = 0.7 - 0.4 / (1 + (3e-3 / rates) ** 2) + rates**2  # falls about 3e-3, then rises
    >>> f"{LearningRateDisplay(learning_rates=rates, losses=losses).suggestion:.0e}"
    '3e-03'
    """

    def __init__(self, *, learning_rates: Any, losses: Any) -> None:
        self.learning_rates = np.asarray(learning_rates, dtype=float)
        self.losses = np.asarray(losses, dtype=float)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        categories: Any = None,
        *,
        sample_weight: Any = None,
        lowest: float = 1e-6,
        highest: float = 1.0,
        n_steps: int = 100,
        title: str | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Train a clone of an estimator with a rising learning rate, and draw its loss.

        Parameters
        ----------
        estimator : AttributeClassifier
            Fitted or not; it is left as it is. The learning rate of a backbone that is fine-tuned
            keeps its ratio to `learning_rate`, which is what is shown.
        X, y, categories, sample_weight
            As in `fit`.
        lowest, highest : float, default=1e-6 and 1.0
            Of the learning rates. The test ends before the highest where the loss is four times
            the lowest, or no finite number.
        n_steps : int, default=100
        title : str, optional
        ax : matplotlib Axes, optional
            None makes a new figure.

        Returns
        -------
        LearningRateDisplay

        Raises
        ------
        ValueError
            If the learning rates are none, or there are fewer than ten steps; and as `fit`.
        """
        if not 0 < lowest < highest:
            raise ValueError(
                f"lowest and highest must be learning rates, the one below the other. Got {lowest} "
                f"and {highest}. Pass for example 1e-6 and 1."
            )
        if n_steps < 10:
            raise ValueError(f"n_steps must be at least 10. Got {n_steps}. Pass 100.")
        # It trains networks, and so stands above the estimator, which stands above figures.
        run = import_module("attrlearn.search.range_test").run_range_test
        rates, losses = run(
            estimator,
            X,
            y,
            categories,
            sample_weight,
            lowest=lowest,
            highest=highest,
            n_steps=n_steps,
        )
        return cls(learning_rates=rates, losses=losses).plot(ax=ax, title=title)

    @property
    def smooth_losses(self) -> np.ndarray:
        """Return the losses, smoothed."""
        return self._local_lines()[0]

    @property
    def suggestion(self) -> float | None:
        """Return the learning rate at which the loss falls most steeply."""
        levels, slopes = self._local_lines()
        falling = slopes[: int(levels.argmin()) + 1]
        if falling.min() >= 0:
            return None
        return float(self.learning_rates[falling.argmin()])

    def _local_lines(self) -> tuple[np.ndarray, np.ndarray]:
        """Level and slope (n_steps,), over the logarithm of the rate, of a line through each step.

        It is fitted to the steps around, by normal weights with a deviation of a third of a decade.
        """
        x = np.log10(self.learning_rates)
        y = self.losses
        distance = x - x[:, None]  # (step, steps around)
        weights = np.exp(-0.5 * (distance / WIDTH) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        mean, around = weights @ y, (weights * distance).sum(axis=1)
        variance = (weights * distance**2).sum(axis=1) - around**2
        covariance = (weights * distance) @ y - around * mean
        slopes = covariance / np.maximum(variance, np.finfo(float).tiny)
        return mean - slopes * around, slopes

    def plot(self, ax: "Axes | None" = None, *, title: str | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            None makes a new figure.
        title : str, optional

        Returns
        -------
        LearningRateDisplay
        """
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots()
        (self.line_,) = ax.plot(
            self.learning_rates, self.losses, color="C0", alpha=0.3, linewidth=1, label="each step"
        )
        smooth = self.smooth_losses
        (self.smooth_line_,) = ax.plot(
            self.learning_rates, smooth, color="C0", linewidth=2, label="smoothed"
        )
        self.suggestion_line_ = None
        if (suggestion := self.suggestion) is not None:
            self.suggestion_line_ = ax.axvline(
                suggestion, color="C1", linestyle="--", label=f"suggestion {suggestion:.1e}"
            )
        span = max(smooth[0] - smooth.min(), 0.05 * smooth.min())
        ax.set_ylim(smooth.min() - 0.5 * span, smooth[0] + 1.5 * span)
        ax.set(xscale="log", xlabel="learning_rate", ylabel="training_loss", title=title or "")
        ax.legend(loc="lower left")
        self.ax_, self.figure_ = ax, ax.figure
        return self
