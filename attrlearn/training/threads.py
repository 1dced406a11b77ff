"""How many threads train a head."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["few_threads"]

# Weights times rows of a batch up to which one thread is about as quick as two.
SMALL_STEP = 2e7


@contextmanager
def few_threads(head: nn.Module, batch_size: int) -> Iterator[None]:
    """Compute in this thread alone inside the block, if a step of the head is small.

    Threads that share a small step wait for each other after each of its parts. Alone on a machine
    they save a sixth of the time; beside another busy process, which takes a core from one of
    them, they take many times as long (measured). Whether the machine is busy does not count, lest
    results depend on it.

    Parameters
    ----------
    head : torch.nn.Module
    batch_size : int

    Examples
    --------
    >>> with few_threads(nn.Linear(1000, 10), batch_size=32):
    ...     torch.get_num_threads()
    1
    """
    n_threads = torch.get_num_threads()
    n_weights = sum(p.numel() for p in head.parameters())
    try:
        torch.set_num_threads(1 if n_weights * batch_size <= SMALL_STEP else n_threads)
        yield
    finally:
        torch.set_num_threads(n_threads)
