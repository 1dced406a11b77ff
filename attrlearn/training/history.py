"""What each epoch of a training left behind."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

__all__ = ["Epoch", "History"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Attributes
    ----------
    losses : list of float
        One per optimiser step.
    learning_rate : float
        The last.
    seconds : float
    validation_score : float
        On the validation set, the higher the better; NaN if it was not scored.
    """

    losses: list[float]
    learning_rate: float
    seconds: float
    validation_score: float = float("nan")

    @property
    def loss(self) -> float:
        """The mean over the steps."""
        return sum(self.losses) / len(self.losses)


@dataclass(frozen=True)
class History:
    """The epochs of a network, those of earlier fits first.

    Attributes
    ----------
    epochs : sequence of Epoch
    best_epoch : int
        The epoch, from 1, whose weights are kept.

    Examples
    --------
    >>> history = History().append(Epoch([0.75, 0.25], learning_rate=0.1, seconds=2.0))
    >>> history.to_frame()
           loss  learning_rate  seconds
    epoch
    1       0.5            0.1      2.0
    """

    epochs: Sequence[Epoch] = ()
    best_epoch: int = 0

    def __len__(self) -> int:
        return len(self.epochs)

    def append(self, epoch: Epoch) -> Self:
        """Return the history with one more epoch, which is the one that is kept."""
        return replace(self, epochs=[*self.epochs, epoch], best_epoch=len(self) + 1)

    def scored(self, validation_score: float) -> Self:
        """Return the history with the validation score of the last epoch."""
        last = replace(self.epochs[-1], validation_score=validation_score)
        return replace(self, epochs=[*self.epochs[:-1], last])

    @property
    def loss_curve(self) -> np.ndarray:
        """Losses of all optimiser steps."""
        return np.array([loss for epoch in self.epochs for loss in epoch.losses])

    @property
    def validation_scores(self) -> np.ndarray:
        """Scores (n_epochs,), NaN for an epoch that was not scored; empty if none was."""
        scores = np.array([epoch.validation_score for epoch in self.epochs])
        return scores if np.isfinite(scores).any() else np.empty(0)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per epoch: loss, learning_rate, seconds, and validation_score if any."""
        rows = [asdict(epoch) | {"losses": epoch.loss} for epoch in self.epochs]
        frame = pd.DataFrame(rows, index=pd.RangeIndex(1, len(self) + 1, name="epoch"))
        frame = frame.rename(columns={"losses": "loss"})
        return frame if len(self.validation_scores) else frame.drop(columns="validation_score")
