"""Optimisers, and the course of their learning rate."""

from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim import Optimizer, lr_scheduler

__all__ = ["build_optimizer", "build_schedule"]


def build_optimizer(
    name: str, parameters: Iterable[Parameter], learning_rate: float, weight_decay: float
) -> Optimizer:
    """Build an optimiser of the parameters that are trained.

    Parameters
    ----------
    name : {"adamw", "adam", "sgd"}
        "sgd" uses Nesterov momentum of 0.9.
    parameters : iterable of Parameter
        Those that need no gradient are left out.
    learning_rate, weight_decay : float
        Per step. "adamw" decays the weights themselves, the others add the decay to the gradient.
    """
    trained = [p for p in parameters if p.requires_grad]
    if name == "sgd":
        return torch.optim.SGD(
            trained,
            learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=weight_decay,
            fused=True,
        )
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    return kind(trained, learning_rate, weight_decay=weight_decay, fused=True)


def build_schedule(name: str, optimizer: Optimizer, n_steps: int) -> lr_scheduler.LRScheduler:
    """Build the course of the learning rate over `n_steps` optimiser steps.

    Parameters
    ----------
    name : {"constant", "cosine", "onecycle"}
        "cosine" falls from the learning rate to 0 [1]_; "onecycle" rises to it for the first 30%
        of the steps and falls for the rest [2]_.
    optimizer : Optimizer
    n_steps : int

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
       ICLR 2017.
    .. [2] L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks
       Using Large Learning Rates", 2018.
    """
    if name == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, T_max=n_steps)
    if name == "onecycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return lr_scheduler.OneCycleLR(
            optimizer, max_lr=rates, total_steps=n_steps, cycle_momentum=False
        )
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)
