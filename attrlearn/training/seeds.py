"""Random state: torch's generators seeded inside a block, their initial state restored after it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attrlearn.forks import in_forked_child
from attrlearn.nn.processes import ALONE, Processes

__all__ = ["draw_seed", "global_states", "recording_gradients", "seeded", "set_global_states"]

_global_generators = RLock()


@in_forked_child
def _renew_lock() -> None:
    global _global_generators
    _global_generators = RLock()


@contextmanager
def seeded(
    random_state: int | np.random.RandomState | None, device: torch.device
) -> Iterator[torch.Generator]:
    """Seed torch's global generators inside the block; their initial state is restored after it.

    torch initialises layers and drops features by its global generator alone, so that one has to
    be seeded; everything else takes the generator that this yields. Threads take turns.

    Parameters
    ----------
    random_state : int, RandomState or None
        None draws a fresh seed from the operating system.
    device : torch.device
        The generator of this device is seeded and put back as well.

    Yields
    ------
    torch.Generator
        On the CPU.

    Examples
    --------
    >>> with seeded(0, torch.device("cpu")):
    ...     first = torch.rand(1)
    >>> with seeded(0, torch.device("cpu")):
    ...     bool(torch.rand(1) == first)
    True
    """
    seed = draw_seed(random_state)
    accelerator = _accelerator(device)
    on_device = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    with _global_generators, on_device:
        state = torch.get_rng_state()
        accelerator_state = accelerator.get_rng_state() if accelerator else None
        torch.default_generator.manual_seed(seed)  # unlike torch.manual_seed, the CPU's alone
        if accelerator:
            accelerator.manual_seed(seed)
        try:
            yield torch.Generator().manual_seed(seed)
        finally:
            torch.set_rng_state(state)
            if accelerator and accelerator_state is not None:
                accelerator.set_rng_state(accelerator_state)


@contextmanager
def recording_gradients() -> Iterator[None]:
    """Record gradients inside the block, also where the caller has turned them off.

    Examples
    --------
    >>> with torch.inference_mode(), recording_gradients():
    ...     torch.ones(1, requires_grad=True).exp().requires_grad
    True
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return the seed that a random state gives; a RandomState moves on by it, None is a new one.

    Examples
    --------
    >>> draw_seed(7)
    7
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)


def global_states(device: torch.device, processes: Processes = ALONE) -> dict[str, Tensor]:
    """Return the states of torch's global generators, of the CPU and a device, in all processes."""
    accelerator = _accelerator(device)
    states = {"cpu": torch.get_rng_state()}
    if accelerator:
        states["device"] = accelerator.get_rng_state()
    return {
        f"{name}.{rank}": state
        for rank, of_process in enumerate(processes.gather(states))
        for name, state in of_process.items()
    }


def set_global_states(
    states: Mapping[str, Tensor], device: torch.device, processes: Processes = ALONE
) -> None:
    """Set the states that `global_states` gave.

    Examples
    --------
    >>> states = global_states(torch.device("cpu"))
    >>> first = torch.rand(1)
    >>> set_global_states(states, torch.device("cpu"))
    >>> bool(torch.rand(1) == first)
    True
    """
    torch.set_rng_state(states[f"cpu.{processes.rank}"])
    accelerator = _accelerator(device)
    if accelerator:
        accelerator.set_rng_state(states[f"device.{processes.rank}"])


def _accelerator(device: torch.device) -> Any:
    """The module of torch that has the generator of a device; None of the CPU."""
    return {"cuda": torch.cuda, "mps": torch.mps}.get(device.type)
