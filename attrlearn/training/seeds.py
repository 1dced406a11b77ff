"""Random state: torch's generators seeded inside a block, their initial state restored after it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock

import numpy as np
import torch

from attrlearn.forks import in_forked_child

__all__ = ["recording_gradients", "seeded"]

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
    seed = _draw_seed(random_state)
    accelerator = {"cuda": torch.cuda, "mps": torch.mps}.get(device.type)
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


def _draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """A seed; only a RandomState moves on by it."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state)
