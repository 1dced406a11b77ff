"""The training loop."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from attrlearn.nn.losses import cell_weights, cross_entropy
from attrlearn.training.sources import Source

__all__ = ["History", "split", "train"]


@dataclass
class History:
    """What training left behind.

    Attributes
    ----------
    losses : list of float
        One per optimiser step.
    epochs : list of dict
        One per epoch: its number, mean loss, last learning rate and seconds.
    """

    losses: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)


def train(
    model: Callable[[Tensor, Tensor], Tensor],
    source: Source,
    targets: Tensor,
    categories: Tensor,
    class_weight: Tensor,
    *,
    optimizer: Optimizer,
    schedule: LRScheduler,
    max_epochs: int,
    batch_size: int,
    accumulate_steps: int,
    generator: torch.Generator,
    context: AbstractContextManager,
    verbose: int,
) -> History:
    """Minimise the weighted mean cross-entropy over the labelled cells.

    Parameters
    ----------
    model : callable
        Maps inputs and categories (B,) to log-probabilities (B, C).
    source : Source
        The inputs of the N rows.
    targets : Tensor of shape (N, A), int64
        Column of each cell's class, -1 where missing.
    categories : Tensor of shape (N,), int64
    class_weight : Tensor of shape (C,)
    optimizer, schedule
        Each makes one step per `batch_size * accumulate_steps` rows.
    max_epochs : int
    batch_size : int
        Rows that the network sees at once.
    accumulate_steps : int
        Batches whose gradients are summed before a step.
    generator : torch.Generator
        Source of the row order and of the augmentation.
    context : context manager
        As from `attrlearn.training.precision.autocast`.
    verbose : int
        1 or more shows progress, loss and the time left.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If the loss is not finite any more.
    """
    history = History()
    n_rows = len(targets)
    with tqdm(total=max_epochs * n_rows, unit="row", disable=not verbose) as progress:
        for epoch in range(1, max_epochs + 1):
            started = perf_counter()
            order = torch.randperm(n_rows, generator=generator)
            steps = [
                split(rows, batch_size) for rows in split(order, batch_size * accumulate_steps)
            ]
            batches = source.batches([part for step in steps for part in step], generator)
            losses = []
            for step in steps:
                total = cell_weights(targets[torch.cat(step)], class_weight).sum()
                loss = torch.zeros_like(total)
                for rows in step:
                    with context:
                        outputs = model(next(batches).to(targets.device), categories[rows])
                    part = cross_entropy(outputs, targets[rows], class_weight)
                    part = part / total.clamp(min=torch.finfo(total.dtype).tiny)
                    part.backward()
                    loss += part.detach()
                    progress.update(len(rows))
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                losses.append(loss)
            _note(history, epoch, torch.stack(losses).tolist(), schedule, started)
            progress.set_description(f"epoch {epoch}/{max_epochs}", refresh=False)
            progress.set_postfix(loss=f"{history.epochs[-1]['loss']:.4f}")
    return history


def split(rows: Tensor, size: int) -> list[Tensor]:
    """Cut `rows` into parts of `size`; a last row left alone joins the part before it.

    Batch-norm cannot be trained on one row.

    Examples
    --------
    >>> [part.tolist() for part in split(torch.arange(5), 2)]
    [[0, 1], [2, 3, 4]]
    """
    parts = list(rows.split(size))
    if size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _note(
    history: History, epoch: int, losses: list[float], schedule: LRScheduler, started: float
) -> None:
    """Add an epoch to the history."""
    mean = sum(losses) / len(losses)
    if mean != mean or mean == float("inf"):
        step = next(i for i, loss in enumerate(losses) if not loss < float("inf"))
        raise ValueError(
            f"The training loss must stay finite. Got {losses[step]} at step {step + 1} of epoch "
            f"{epoch}. Lower learning_rate."
        )
    history.losses += losses
    rate = float(schedule.get_last_lr()[0])
    seconds = perf_counter() - started
    history.epochs.append({"loss": mean, "learning_rate": rate, "seconds": seconds})
