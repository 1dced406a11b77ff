"""Optimisers, and the course of their learning rate."""

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from math import cos, pi
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

__all__ = [
    "BuildOptimizer",
    "BuildSchedule",
    "build_optimizer",
    "build_schedule",
    "fast_forward",
    "parameter_groups",
]

Group = dict[str, Any]
BuildOptimizer = Callable[[list[Group]], Optimizer]
BuildSchedule = Callable[[Optimizer, int], LRScheduler]

WARM_UP = 0.05  # of the steps of "cosine"


def parameter_groups(
    parameters: Iterable[Parameter],
    learning_rate: float,
    weight_decay: float,
    *,
    n_dims_of_bias: int = 1,
) -> list[Group]:
    """Group the parameters that are trained as torch's optimisers take them.

    Biases and the scales and offsets of norms are not decayed: that would only pull activations to
    zero.

    Parameters
    ----------
    parameters : iterable of Parameter
        Those that need no gradient are left out.
    learning_rate, weight_decay : float
    n_dims_of_bias : int, default=1
        Of a bias, scale or offset; 2 where several members have one each.

    Examples
    --------
    >>> groups = parameter_groups(torch.nn.Linear(3, 2).parameters(), 0.1, 0.01)
    >>> [(len(group["params"]), group["lr"], group["weight_decay"]) for group in groups]
    [(1, 0.1, 0.01), (1, 0.1, 0.0)]
    """
    trained = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > n_dims_of_bias], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= n_dims_of_bias], "weight_decay": 0.0},
    ]
    return [{**group, "lr": learning_rate} for group in groups if group["params"]]


def build_optimizer(optimizer: str | BuildOptimizer, groups: list[Group]) -> Optimizer:
    """Build an optimiser of groups of parameters, each with its learning rate and decay.

    Parameters
    ----------
    optimizer : {"adamw", "adam", "sgd"} or callable
        "adamw" decays the weights themselves, the others add the decay to the gradient. "sgd" uses
        Nesterov momentum of 0.9. A callable maps the groups to an optimiser, as the classes of
        `torch.optim` do.
    groups : list of dict
        As from `parameter_groups`.

    Raises
    ------
    TypeError
        If a callable gives something else.
    """
    groups = [dict(group) for group in groups]  # which schedules change
    if callable(optimizer):
        built = optimizer(groups)
        if not isinstance(built, Optimizer):
            raise TypeError(
                "optimizer must give an optimizer of torch from groups of parameters. Got "
                f"{type(built).__name__}. Pass a class of torch.optim, or a function that returns "
                "an instance."
            )
        return built
    kinds: dict[str, BuildOptimizer] = {
        "adamw": partial(torch.optim.AdamW, fused=True),
        "adam": partial(torch.optim.Adam, fused=True),
        "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, fused=True),
    }
    return kinds[optimizer](groups)


def build_schedule(
    schedule: str | BuildSchedule, optimizer: Optimizer, n_steps: int
) -> LRScheduler:
    """Build the course of the learning rate over `n_steps` optimiser steps.

    Parameters
    ----------
    schedule : {"constant", "cosine", "onecycle"} or callable
        "cosine" rises to the learning rate for the first 5% of the steps [1]_ and falls to 0 along
        a cosine [2]_; "onecycle" rises for the first 30% and falls for the rest [3]_. A callable
        maps the optimiser and `n_steps` to a scheduler, which makes one step per optimiser step.
    optimizer : Optimizer
    n_steps : int

    Raises
    ------
    TypeError
        If a callable gives something else.

    References
    ----------
    .. [1] P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017.
    .. [2] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR 2017.
    .. [3] L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks
       Using Large Learning Rates", 2018.
    """
    if callable(schedule):
        built = schedule(optimizer, n_steps)
        if not isinstance(built, LRScheduler):
            raise TypeError(
                "schedule must give a scheduler of torch from an optimizer and the number of "
                f"steps. Got {type(built).__name__}. Return one of torch.optim.lr_scheduler."
            )
        return built
    if schedule == "cosine":
        return lr_scheduler.LambdaLR(optimizer, partial(warm_cosine, n_steps=n_steps))
    if schedule == "onecycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return lr_scheduler.OneCycleLR(
            optimizer, max_lr=rates, total_steps=n_steps, cycle_momentum=False
        )
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def fast_forward(schedule: LRScheduler, n_steps: int) -> None:
    """Bring a new schedule to where it is after `n_steps`.

    Examples
    --------
    >>> optimizer = torch.optim.SGD([Parameter(torch.zeros(1))], lr=1.0)
    >>> schedule = build_schedule("cosine", optimizer, 40)
    >>> fast_forward(schedule, 21)
    >>> schedule.get_last_lr()
    [0.5...]
    """
    with warnings.catch_warnings():
        # torch would have the optimiser make a step first.
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
        for _ in range(n_steps):
            schedule.step()


def warm_cosine(step: int, n_steps: int) -> float:
    """Return the share of the learning rate at a step, from 0, of `n_steps`.

    Examples
    --------
    >>> [round(warm_cosine(step, 40), 3) for step in (0, 1, 2, 21, 40)]
    [0.333, 0.667, 1.0, 0.5, 0.0]
    """
    n_warm = int(WARM_UP * n_steps)
    if step < n_warm:
        return (step + 1) / (n_warm + 1)
    return (1 + cos(pi * (step - n_warm) / (n_steps - n_warm))) / 2
