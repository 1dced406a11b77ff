"""A network learns from training rows, epoch by epoch, and keeps the best or the last one."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import Protocol

import torch
from torch.optim import Optimizer
from tqdm import tqdm

from attrlearn.nn.losses import Loss
from attrlearn.nn.network import AttributeNetwork
from attrlearn.nn.processes import ALONE
from attrlearn.training.average import WeightAverage
from attrlearn.training.best_epoch import BestEpoch
from attrlearn.training.examples import Examples
from attrlearn.training.history import Epoch, History
from attrlearn.training.loop import EpochLoop, split
from attrlearn.training.memory import keep_freed_memory
from attrlearn.training.schedule import BuildSchedule, build_schedule, fast_forward
from attrlearn.training.seeds import global_states, set_global_states
from attrlearn.training.session import Session
from attrlearn.training.state import (
    TrainingState,
    load_optimizer,
    optimizer_state,
    restore_trained,
    trained_tensors,
)
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
    session: Session,
    phase: str,
    history: History,
    loss: Loss,
    optimizer: Optimizer,
    schedule: str | BuildSchedule,
    clip_grad_norm: float | None,
    ema_decay: float | None,
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
    session : Session
        It may end the training after any step, keeps its state, and may have one to go on from.
    phase : str
        Name of this training among those of the session.
    history : History
        Of earlier fits of the network, which this one continues.
    loss : callable
        As from `attrlearn.nn.losses.build_loss`.
    optimizer : Optimizer
        Of what is trained.
    schedule : str or callable
        As in `attrlearn.training.schedule`.
    clip_grad_norm, ema_decay, max_epochs, batch_size, accumulate_steps
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
    MemoryError
        If a step does not fit into memory.
    """
    # Where the head learns alone a step takes less time than sending its gradient: each process
    # makes all of them.
    processes = session.processes if examples.trains_backbone else ALONE
    n_steps = max_epochs * len(split(torch.arange(len(examples)), batch_size * accumulate_steps))
    loop = EpochLoop(
        network,
        examples,
        prepare_suffix(
            examples.source.suffix,
            network,
            gradient_checkpointing=gradient_checkpointing,
            compile=compile,
        ),
        loss=loss,
        optimizer=optimizer,
        schedule=build_schedule(schedule, optimizer, n_steps),
        clip_grad_norm=clip_grad_norm,
        batch_size=batch_size,
        accumulate_steps=accumulate_steps,
        generator=generator,
        context=examples.autocast(dtype),
        processes=processes,
    )
    training = _Training(
        loop,
        phase,
        max_epochs=max_epochs,
        history=history,
        best=None if score is None else BestEpoch(network, n_iter_no_change),
        average=None if ema_decay is None else WeightAverage(network, ema_decay),
    )
    if (saved := session.take(phase)) is not None:
        training.load(saved)
    alone = few_threads(network.head, batch_size)
    with keep_freed_memory() if examples.trains_backbone else alone:
        training.run(session, observer, score, verbose)
    session.processes.copy(trained_tensors(network).values())
    return training.history


class _Training:
    """A training that can end after any step, and be gone on with from its state."""

    def __init__(
        self,
        loop: EpochLoop,
        phase: str,
        *,
        max_epochs: int,
        history: History,
        best: BestEpoch | None,
        average: WeightAverage | None,
    ) -> None:
        self.loop = loop
        self.phase = phase
        self.max_epochs = max_epochs
        self.history = history
        self.best = best
        self.average = average
        self.n_before = len(history)
        self.is_over = False

    def run(
        self, session: Session, observer: EpochObserver, score: Score | None, verbose: int
    ) -> None:
        """Learn until the last epoch, an early stop, or the end of the session."""
        loop = self.loop
        n_rows = len(loop.examples)
        progress = tqdm(
            total=self.max_epochs * n_rows,
            initial=n_rows * (loop.number - 1) + n_rows * loop.n_done // loop.n_steps,
            unit="row",
            disable=not verbose,
        )
        with progress, session.catching_interrupts():
            while not self.is_over and not session.is_ended:
                observer.begin()
                for n_seen in loop.run():
                    if self.average is not None:
                        self.average.update()
                    progress.update(n_seen)
                    if session.ends_after_step(self):
                        break
                else:
                    self._close_epoch(observer, score)
                    last = self.history.epochs[-1]
                    progress.set_description(f"epoch {loop.number - 1}/{self.max_epochs}", False)
                    progress.set_postfix(loss=f"{last.loss:.4f}")
        if not (self.history.epochs or loop.n_done) and session.interrupt is not None:
            raise session.interrupt  # nothing is there
        session.leave(self)
        self._finish()

    def _close_epoch(self, observer: EpochObserver, score: Score | None) -> None:
        """Note an epoch all of whose steps are made, and score it."""
        network = self.loop.network
        self.history = self.history.append(self.loop.epoch())
        with self.average.applied() if self.average else nullcontext():
            if score is not None:
                assert self.best is not None
                value = score(network, self.history)
                self.is_over = self.best.update(value)
                best_epoch = self.n_before + self.best.epoch
                self.history = replace(self.history.scored(value), best_epoch=best_epoch)
            self.is_over |= bool(observer.end(network, self.history))
        self.is_over |= self.loop.number == self.max_epochs
        self.loop.begin()

    def _finish(self) -> None:
        """Let the network have the weights to keep, and note what there is of an epoch."""
        self.loop.optimizer.zero_grad()  # of a step that was interrupted
        if self.loop.n_done:
            self.history = self.history.append(self.loop.epoch())
        if self.best is not None and self.best.epoch:
            self.best.restore()
            self.history = replace(self.history, best_epoch=self.n_before + self.best.epoch)
        elif self.average is not None:
            self.average.restore()
        self.loop.network.eval()

    @property
    def last_loss(self) -> float:
        """Of the last step of the epoch."""
        return float(self.loop.losses[self.loop.n_done - 1])

    def state(self) -> TrainingState:
        """Return what it takes to go on from here."""
        loop = self.loop
        losses = loop.losses.clone()
        loop.processes.sum(losses)
        remembered, values = optimizer_state(loop.optimizer)
        parts = {
            "network": trained_tensors(loop.network),
            "optimizer": remembered,
            "best": {} if self.best is None else self.best.kept,
            "average": {} if self.average is None else self.average.tensors,
            "epoch": {"order": loop.order_state, "losses": losses},
            "random": global_states(loop.examples.device, loop.processes),
        }
        record = {
            "phase": self.phase,
            "history": asdict(self.history),
            "n_before": self.n_before,
            "is_over": self.is_over,
            "epoch": {"number": loop.number, "n_done": loop.n_done, "seconds": loop.seconds},
            "optimizer": values,
            "best": None if self.best is None else self.best.record(),
            "n_averaged": 0 if self.average is None else self.average.n_updates,
        }
        tensors = {
            f"{part}.{name}": tensor.detach().cpu().clone()
            for part, of_part in parts.items()
            for name, tensor in of_part.items()
        }
        return TrainingState(tensors, record)

    @torch.no_grad()
    def load(self, state: TrainingState) -> None:
        """Go on from a state."""
        loop, record = self.loop, state.record
        restore_trained(loop.network, state.part("network"))
        epoch = record["epoch"]
        n_steps = loop.n_steps * (epoch["number"] - 1) + epoch["n_done"]
        fast_forward(loop.schedule, n_steps)
        load_optimizer(loop.optimizer, state.part("optimizer"), record["optimizer"])
        if self.best is not None:
            self.best.load(record["best"], state.part("best"))
        if self.average is not None:
            self.average.load(state.part("average"), record["n_averaged"])
        history = record["history"]
        self.history = History([Epoch(**of) for of in history["epochs"]], history["best_epoch"])
        self.n_before, self.is_over = record["n_before"], record["is_over"]
        loop.number, loop.n_done, loop.seconds = epoch["number"], epoch["n_done"], epoch["seconds"]
        loop.order_state = state.part("epoch")["order"]
        loop.generator.set_state(loop.order_state)
        loop.losses.copy_(state.part("epoch")["losses"])
        loop.losses[loop.n_done :] = 0  # of a step that was interrupted
        if loop.processes.rank:
            loop.losses.zero_()  # the first has the sums
        set_global_states(state.part("random"), loop.examples.device, loop.processes)
