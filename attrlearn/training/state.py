"""The state of a training between two steps: all that it takes to go on with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = [
    "TrainingState",
    "copy_trained",
    "load_optimizer",
    "optimizer_state",
    "restore_trained",
    "trained_tensors",
]


@dataclass(frozen=True)
class TrainingState:
    """Tensors, and what can be written as JSON.

    Attributes
    ----------
    tensors : dict of Tensor
        Names are ``part.name``.
    record : dict
        Of numbers, text, lists and dicts of these.

    Examples
    --------
    >>> state = TrainingState({"best.weight": torch.zeros(2), "other": torch.ones(1)}, {})
    >>> state.part("best")
    {'weight': tensor([0., 0.])}
    """

    tensors: dict[str, Tensor]
    record: dict[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """Return the tensors of one part by their own names."""
        start = f"{name}."
        return {
            key.removeprefix(start): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(start)
        }


def trained_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return what training changes, by name: trained parameters, and all buffers.

    Examples
    --------
    >>> layer = nn.BatchNorm1d(3)
    >>> layer.weight.requires_grad_(False)
    Parameter containing:
    tensor([1., 1., 1.])
    >>> list(trained_tensors(layer))
    ['bias', 'running_mean', 'running_var', 'num_batches_tracked']
    """
    trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
    return trained | dict(network.named_buffers())


def copy_trained(network: nn.Module) -> dict[str, Tensor]:
    """Return copies of what training changes, by name."""
    return {name: tensor.detach().clone() for name, tensor in trained_tensors(network).items()}


@torch.no_grad()
def restore_trained(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the values of `copy_trained` into the network.

    Examples
    --------
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> before = copy_trained(layer)
    >>> _ = nn.init.constant_(layer.weight, 7)
    >>> restore_trained(layer, before)
    >>> bool(layer.weight == before["weight"])
    True
    """
    for name, tensor in trained_tensors(network).items():
        tensor.copy_(tensors[name])


def optimizer_state(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return what an optimiser remembers of each parameter, ``position.name``.

    Returns
    -------
    tensors : dict of Tensor
    values : dict of numbers and text
        The rest of it.

    Raises
    ------
    TypeError
        If it remembers anything else.
    """
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for position, remembered in optimizer.state_dict()["state"].items():
        for name, value in remembered.items():
            if isinstance(value, Tensor):
                tensors[f"{position}.{name}"] = value
            elif value is None or isinstance(value, bool | int | float | str):
                values[f"{position}.{name}"] = value
            else:
                raise TypeError(
                    "An optimizer must remember tensors and numbers alone to be kept in "
                    f"checkpoint_dir. Got {type(optimizer).__name__}, whose {name!r} is of type "
                    f"{type(value).__name__}. Leave checkpoint_dir out, or pass another optimizer."
                )
    return tensors, values


def load_optimizer(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], values: Mapping[str, Any]
) -> None:
    """Let an optimiser remember what `optimizer_state` gave; its learning rates stay.

    Examples
    --------
    >>> weight = nn.Parameter(torch.zeros(1))
    >>> first, second = (torch.optim.SGD([weight], 0.1, momentum=0.9) for _ in range(2))
    >>> weight.grad = torch.ones(1)
    >>> first.step()
    >>> load_optimizer(second, *optimizer_state(first))
    >>> second.state[weight]["momentum_buffer"]
    tensor([1.])
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in (*tensors.items(), *values.items()):
        position, _, name = key.partition(".")
        parameter = parameters[int(position)]
        if isinstance(value, Tensor):  # a copy, laid out in memory as the parameter is
            like = parameter if value.shape == parameter.shape else value
            value = torch.empty_like(like, dtype=value.dtype).copy_(value)
        state.setdefault(int(position), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
