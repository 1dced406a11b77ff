"""The training loop, an epoch at a time."""

from collections.abc import Generator
from contextlib import AbstractContextManager
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from attrlearn.nn.device import send
from attrlearn.nn.losses import Loss
from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.examples import Examples
from attrlearn.training.history import Epoch

__all__ = ["check_finite", "split", "train"]


def train(
    network: AttributeNetwork,
    examples: Examples,
    *,
    loss: Loss,
    optimizer: Optimizer,
    schedule: LRScheduler,
    clip_grad_norm: float | None,
    max_epochs: int,
    batch_size: int,
    accumulate_steps: int,
    generator: torch.Generator,
    context: AbstractContextManager,
    verbose: int,
) -> Generator[Epoch, None, None]:
    """Minimise the weighted mean loss over the labelled cells, epoch by epoch.

    Parameters
    ----------
    network : AttributeNetwork
        It is left in eval mode after each epoch.
    examples : Examples
        What to learn from.
    loss : callable
        As from `attrlearn.nn.losses.build_loss`.
    optimizer, schedule
        Each makes one step per `batch_size * accumulate_steps` rows.
    clip_grad_norm : float or None
        Greatest norm of the gradient of a step; a longer one is scaled down to it.
    max_epochs : int
    batch_size : int
        Rows that the network sees at once.
    accumulate_steps : int
        Batches whose gradients are summed before a step.
    generator : torch.Generator
        Source of the row order and of the augmentation.
    context : context manager
        As from `attrlearn.nn.device.autocast`.
    verbose : int
        1 or more shows progress, loss and the time left.

    Yields
    ------
    Epoch
        When it is over; the next one is trained when it is asked for.

    Raises
    ------
    ValueError
        If the loss is not finite any more.
    """
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    with tqdm(total=max_epochs * len(examples), unit="row", disable=not verbose) as progress:
        for number in range(1, max_epochs + 1):
            started = perf_counter()
            network.train()
            order = torch.randperm(len(examples), generator=generator)
            steps = [
                split(rows, batch_size) for rows in split(order, batch_size * accumulate_steps)
            ]
            batches = examples.source.batches([part for step in steps for part in step], generator)
            # One block: a small one that each step leaves in the memory that its batches free
            # makes that too small for the next, and the process grows with the steps.
            losses = torch.zeros(len(steps), dtype=torch.float32, device=examples.device)
            for number_of_step, step in enumerate(steps):
                total = examples.weights[torch.cat(step)].sum()
                total = total.clamp(min=torch.finfo(total.dtype).tiny)
                for rows in step:
                    inputs = send(next(batches), total.device)
                    with context:
                        (outputs,) = examples.by_member(network, inputs, rows)  # (M, B, C)
                    n_members = len(outputs)
                    weights = examples.weights[rows] / total
                    part = loss(
                        outputs.flatten(0, 1),  # each member learns for itself
                        examples.targets[rows].repeat(n_members, 1),
                        weights.repeat(n_members, 1),
                    )
                    part.backward()
                    losses[number_of_step] += part.detach() / n_members
                    progress.update(len(rows))
                if clip_grad_norm is not None:
                    clip_grad_norm_(trained, clip_grad_norm)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            rate = float(schedule.get_last_lr()[0])
            epoch = Epoch(losses.tolist(), rate, perf_counter() - started)
            check_finite(epoch.losses, number)
            progress.set_description(f"epoch {number}/{max_epochs}", refresh=False)
            progress.set_postfix(loss=f"{epoch.loss:.4f}")
            network.eval()
            yield epoch


def split(rows: Tensor, size: int) -> list[Tensor]:
    """Cut `rows` into parts of `size`; a last row left alone joins the part before it.

    Batch-norm cannot be trained on one row.

    Examples
    --------
    >>> [part.tolist() for part in split(torch.arange(5), 2)]
    [[0, 1], [2, 3, 4]]
    """
    parts = list(rows.split(int(size)))  # torch takes no int of numpy, such as a search draws
    if size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def check_finite(losses: list[float], epoch: int) -> None:
    """Raise at the first loss that is not finite."""
    for step, loss in enumerate(losses, start=1):
        if not loss < float("inf"):
            raise ValueError(
                f"The training loss must stay finite. Got {loss} at step {step} of epoch {epoch}. "
                "Lower learning_rate."
            )
