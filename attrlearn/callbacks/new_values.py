"""Which numbers of a fit have been written, and which are new."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

__all__ = ["NewValues"]

NAMES = {"loss": "loss_of_epoch"}  # what is also there by step


@dataclass
class NewValues:
    """The steps and epochs of a fit, each given out once.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import pandas as pd
    >>> history = pd.DataFrame({"loss": [0.75], "learning_rate": [0.1]}, index=[1])
    >>> fitted, new = SimpleNamespace(loss_curve_=[1.0, 0.5], history_=history), NewValues()
    >>> list(new.take(fitted))
    [('loss', 1.0, 1), ('loss', 0.5, 2), ('loss_of_epoch', 0.75, 1), ('learning_rate', 0.1, 1)]
    >>> list(new.take(fitted))
    []
    """

    n_steps: int = 0
    n_epochs: int = 0

    def take(self, fitted: Any) -> Iterator[tuple[str, float, int]]:
        """Yield name, value and number, from 1, of what has come since: of steps, then of epochs.

        Parameters
        ----------
        fitted : AttributeClassifier
            Fitted so far: `loss_curve_` tells the steps, `history_` the epochs.
        """
        for loss in fitted.loss_curve_[self.n_steps :]:
            self.n_steps += 1
            yield "loss", float(loss), self.n_steps
        for epoch, row in fitted.history_.iloc[self.n_epochs :].iterrows():
            self.n_epochs += 1
            for name, value in row.items():
                if isfinite(value):
                    yield NAMES.get(name, name), float(value), int(epoch)
