"""A network learns from training rows, epoch by epoch, and keeps the best or the last one."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Protocol

import torch
from torch.optim import Optimizer

from attrlearn.nn.losses import Loss
from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.best_epoch import BestEpoch
from attrlearn.training.examples import Examples
from attrlearn.training.history import History
from attrlearn.training.loop import split, train
from attrlearn.training.memory import keep_freed_memory
from attrlearn.training.schedule import BuildSchedule, build_schedule
from attrlearn.training.threads import few_threads
from attrlearn.training.training_suffix import prepare_suffix

__all__ = ["EpochObserver", "NoObserver", "Score", "fit_network"]

Score = Callable[[AttributeNetwork, History], float]


class EpochObserver(Protocol):
    """What is told of each epoch, and may end the training."""

    def begin(self) -> None:
        """An epoch begins."""

    def end(self, network: AttributeNetwork, history: History) -> bool:
        """An epoch has ended; return whether to stop."""


class NoObserver:
    """Is told of each epoch, and does nothing."""

    def begin(self) -> None:
        """An epoch begins."""

    def end(self, network: AttributeNetwork, history: History) -> bool:
        """Go on."""
        return False


def fit_network(
    network: AttributeNetwork,
    examples: Examples,
    *,
    score: Score | None,
    n_iter_no_change: int,
    observer: EpochObserver,
    history: History,
    loss: Loss,
    optimizer: Optimizer,
    schedule: str | BuildSchedule,
    clip_grad_norm: float | None,
    max_epochs: int,
    batch_size: int,
    accumulate_steps: int,
    gradient_checkpointing: bool,
    compile: bool,
    dtype: torch.dtype,
    generator: torch.Generator,
    verbose: int,
) -> History:
    """Train a network in place.

    Parameters
    ----------
    network : AttributeNetwork
        On the device that computes.
    examples : Examples
        What to learn from, on the same device.
    score : callable or None
        ``(network, history) -> float``, the higher the better, asked after each epoch: of the
        validation set. The weights of the best epoch are restored. None: those of the last are
        kept.
    n_iter_no_change : int
        Epochs in a row without a better score after which to stop.
    observer : EpochObserver
    history : History
        Of earlier fits of the network, which this one continues.
    loss : callable
        As from `attrlearn.nn.losses.build_loss`.
    optimizer : Optimizer
        Of what is trained.
    schedule : str or callable
        As in `attrlearn.training.schedule`.
    clip_grad_norm, max_epochs, batch_size, accumulate_steps
        As in `attrlearn.AttributeClassifier`.
    gradient_checkpointing, compile, verbose
        The same.
    dtype : torch.dtype
        Of mixed precision, where a part of the backbone is trained.
    generator : torch.Generator
        Source of the row order and of the augmentation.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If the loss is not finite any more.
    """
    examples = prepare_suffix(
        examples, network, gradient_checkpointing=gradient_checkpointing, compile=compile
    )
    n_steps = max_epochs * len(split(torch.arange(len(examples)), batch_size * accumulate_steps))
    training = train(
        network,
        examples,
        loss=loss,
        optimizer=optimizer,
        schedule=build_schedule(schedule, optimizer, n_steps),
        clip_grad_norm=clip_grad_norm,
        max_epochs=max_epochs,
        batch_size=batch_size,
        accumulate_steps=accumulate_steps,
        generator=generator,
        context=examples.autocast(dtype),
        verbose=verbose,
    )
    best = BestEpoch(network, n_iter_no_change)
    n_before = len(history)
    alone = few_threads(network.head, batch_size)
    with keep_freed_memory() if examples.trains_backbone else alone, closing(training):
        for _ in range(max_epochs):
            observer.begin()
            history = history.append(next(training))
            stop = False
            if score is not None:
                value = score(network, history)
                stop = best.update(value)
                history = replace(history.scored(value), best_epoch=n_before + best.epoch)
            if observer.end(network, history) or stop:
                break
    if score is not None:
        best.restore()
    return history
