"""Networks that learn from the same rows side by side, each in its own way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from attrlearn.nn.device import send
from attrlearn.nn.heads import AttributeHead
from attrlearn.nn.losses import Loss
from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.examples import Examples
from attrlearn.training.history import Epoch, History
from attrlearn.training.loop import check_finite, split
from attrlearn.training.memory import keep_freed_memory
from attrlearn.training.schedule import (
    BuildSchedule,
    build_optimizer,
    build_schedule,
    parameter_groups,
)
from attrlearn.training.threads import few_threads

__all__ = ["Regimen", "fit_together"]


@dataclass(frozen=True)
class Regimen:
    """How a network learns.

    Attributes
    ----------
    optimizer, learning_rate, weight_decay, schedule, dropout
        As in `attrlearn.AttributeClassifier`; of the optimisers those that have a name.
    weights : Tensor of shape (N, A)
        Of each cell in the loss, 0 where missing.
    """

    optimizer: str
    learning_rate: float
    weight_decay: float
    schedule: str | BuildSchedule
    dropout: float
    weights: Tensor

    @property
    def pace(self) -> tuple[Any, ...]:
        """What the optimiser is built from."""
        return self.optimizer, self.learning_rate, self.weight_decay, self.schedule


def fit_together(
    network: AttributeNetwork,
    examples: Examples,
    regimens: Sequence[Regimen],
    *,
    loss: Loss,
    max_epochs: int,
    batch_size: int,
    generator: torch.Generator,
) -> list[tuple[AttributeNetwork, History] | ValueError]:
    """Train K copies of the head of a network at once, as one batched computation.

    All see the same rows in the same order, begin with the same weights and drop the same inputs,
    as K trainings with one seed would one after another, and each gets what that would give it, up
    to the order in which numbers are added.

    Parameters
    ----------
    network : AttributeNetwork
        On the device that computes, without batch normalisation in its head; it is left as it is.
    examples : Examples
        Of features; their weights are not read.
    regimens : sequence of K Regimen
    loss : callable
        As from `attrlearn.nn.losses.build_loss`.
    max_epochs, batch_size
        As in `attrlearn.AttributeClassifier`.
    generator : torch.Generator
        Source of the row order and of the views of images.

    Returns
    -------
    list of K (AttributeNetwork, History) or ValueError
        The error where the loss did not stay finite. The networks share the backbone.
    """
    order = sorted(range(len(regimens)), key=lambda k: repr(regimens[k].pace))
    heads = network.head.copies([regimens[k].dropout for k in order]).train()
    n_steps = max_epochs * len(split(torch.arange(len(examples)), batch_size))
    paces = _open_paces(heads, [regimens[k] for k in order], n_steps)
    weights = torch.stack([regimens[k].weights for k in order])  # (K, N, A)
    seconds, losses, rates = [], [], []
    with keep_freed_memory(), few_threads(heads, batch_size):
        for _ in range(max_epochs):
            started = perf_counter()
            parts = split(torch.randperm(len(examples), generator=generator), batch_size)
            of_epoch = torch.zeros(
                len(parts), len(order), dtype=torch.float32, device=examples.device
            )
            batches = examples.source.batches(parts, generator)
            for step, (rows, features) in enumerate(zip(parts, batches, strict=True)):
                logits = heads(send(features, examples.device), examples.categories[rows])
                outputs = network.log_probabilities(logits)  # (K, M, B, C)
                of_epoch[step] = _descend(outputs, examples.targets[rows], weights[:, rows], loss)
                for pace in paces:
                    pace.step()
                heads.zero_grad()
            losses.append(of_epoch.cpu())
            rates.append([rate for pace in paces for rate in pace.rates()])
            seconds.append((perf_counter() - started) / len(order))
    results: list[tuple[AttributeNetwork, History] | ValueError] = [ValueError()] * len(order)
    for place, k in enumerate(order):
        history = History()
        try:
            for number in range(max_epochs):
                of_network = losses[number][:, place].tolist()
                check_finite(of_network, number + 1)
                epoch = Epoch(of_network, rates[number][place], seconds[number])
                history = history.append(epoch)
        except ValueError as error:
            results[k] = error
            continue
        learnt = network.snapshot()
        learnt.head.take(heads, place)
        results[k] = learnt.eval(), history
    return results


def _descend(outputs: Tensor, targets: Tensor, weights: Tensor, loss: Loss) -> Tensor:
    """Compute the gradient of the losses of K networks, and return these (K,).

    outputs (K, M, B, C), targets (B, A), weights (K, B, A).
    """
    n_networks, n_members = outputs.shape[:2]
    totals = torch.stack([of_network.sum() for of_network in weights])
    weights = weights / totals.clamp(min=torch.finfo(totals.dtype).tiny)[:, None, None]
    weights = weights[:, None].expand(-1, n_members, -1, -1).flatten(1, 2)  # (K, M * B, A)
    outputs = outputs.flatten(1, 2)  # (K, M * B, C)
    targets = targets.repeat(n_members, 1)  # (M * B, A)
    total = loss(outputs.flatten(0, 1), targets.repeat(n_networks, 1), weights.flatten(0, 1))
    total.backward()
    if n_networks == 1:
        return total.detach()[None] / n_members
    with torch.no_grad():
        by_network = torch.vmap(loss, in_dims=(0, None, 0))(outputs.detach(), targets, weights)
    return by_network / n_members


class _Pace:
    """The optimiser of some of the networks, which share its settings.

    Its parameters are a part of those of all, in the same memory.
    """

    def __init__(
        self,
        heads: AttributeHead,
        first: int,
        n: int,
        n_networks: int,
        regimen: Regimen,
        steps: int,
    ) -> None:
        self.n = n
        self.parts: list[tuple[Parameter, Parameter, slice]] = []
        for whole in heads.parameters():
            each = len(whole) // n_networks
            part = slice(first * each, (first + n) * each)
            self.parts.append((whole, Parameter(whole.detach()[part]), part))
        groups = parameter_groups(
            [parameter for _, parameter, _ in self.parts],
            regimen.learning_rate,
            regimen.weight_decay,
            n_dims_of_bias=2,
        )
        self.optimizer: Optimizer = build_optimizer(regimen.optimizer, groups)
        self.schedule: LRScheduler = build_schedule(regimen.schedule, self.optimizer, steps)

    def step(self) -> None:
        """Go one step along the gradient of all."""
        for whole, parameter, part in self.parts:
            assert whole.grad is not None
            parameter.grad = whole.grad[part]
        self.optimizer.step()
        self.schedule.step()

    def rates(self) -> list[float]:
        """Return the learning rate of each network."""
        return [float(self.schedule.get_last_lr()[0])] * self.n


def _open_paces(heads: AttributeHead, regimens: list[Regimen], n_steps: int) -> list[_Pace]:
    """An optimiser for each run of networks with the same settings."""

    def runs() -> Iterator[_Pace]:
        first = 0
        for _, run in groupby(regimens, key=lambda regimen: regimen.pace):
            alike = list(run)
            yield _Pace(heads, first, len(alike), len(regimens), alike[0], n_steps)
            first += len(alike)

    return list(runs())
