"""The learning-rate range test: a short training whose learning rate rises from step to step."""

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from math import isfinite
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import clone
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from attrlearn.classifier import AttributeClassifier
from attrlearn.nn.processes import join_processes
from attrlearn.training.session import Session, Training

__all__ = ["run_range_test"]

DIVERGED = 4.0  # times the lowest loss so far


def run_range_test(
    estimator: AttributeClassifier,
    X: Any,
    y: Any,
    categories: Any,
    sample_weight: Any,
    *,
    lowest: float,
    highest: float,
    n_steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Train a clone of an estimator with a learning rate that rises exponentially.

    Parameters
    ----------
    estimator : AttributeClassifier
        Left as it is. That of a backbone that is fine-tuned keeps its ratio to that of the head.
    X, y, categories, sample_weight
        As in `attrlearn.AttributeClassifier.fit`.
    lowest, highest : float
        Of the learning rates.
    n_steps : int
        From the one to the other. The test ends before where the loss has diverged.

    Returns
    -------
    learning_rates, losses : ndarray of shape (steps made,)
    """
    rates = np.geomspace(lowest, highest, n_steps)
    probe = _RangeTest.of(estimator, rates)
    probe.fit(X, y, categories, sample_weight=sample_weight)
    losses = np.array(probe.losses)
    return rates[: len(losses)], losses


class _RangeTest(AttributeClassifier):
    """An estimator whose learning rate rises over its fit, which ends where the loss diverges."""

    losses: list[float]

    @classmethod
    def of(cls, estimator: AttributeClassifier, rates: np.ndarray) -> Self:
        """A clone of an estimator that takes these learning rates, one after another."""
        probe = object.__new__(cls)
        probe.__dict__.update(vars(clone(estimator)), losses=[])
        probe.__dict__.pop("_skl_callbacks", None)
        shares = (rates / estimator.learning_rate).tolist()
        return probe.set_params(
            schedule=partial(_follow, shares=shares),
            max_epochs=len(rates),  # of a step or more
            freeze_epochs=0,
            early_stopping=False,
            thresholds=0.5,
            calibrate=False,
            ema_decay=None,
            warm_start=False,
        )

    def _open_session(self, device: torch.device) -> AbstractContextManager[Session]:
        """A session that ends after the last of the learning rates."""
        return nullcontext(_RangeSession(self.losses, self.max_epochs, device))


class _RangeSession(Session):
    """Notes the loss of each step, and ends after the last or where it has diverged."""

    def __init__(self, losses: list[float], n_steps: int, device: torch.device) -> None:
        super().__init__(processes=join_processes(device))
        self.losses = losses
        self.n_steps = n_steps

    def ends_after_step(self, training: Training) -> bool:
        """Whether it was the last step."""
        loss = self.processes.from_first(training.last_loss)
        self.is_ended = not isfinite(loss) or loss > DIVERGED * min(self.losses, default=loss)
        if isfinite(loss):
            self.losses.append(loss)
        self.is_ended |= len(self.losses) == self.n_steps
        return self.is_ended

    def leave(self, training: Training) -> None:
        """Keep nothing."""


def _follow(optimizer: Optimizer, _: int, shares: list[float]) -> LambdaLR:
    """A schedule that multiplies the learning rates by these numbers, step by step."""
    return LambdaLR(optimizer, lambda step: shares[min(step, len(shares) - 1)])
