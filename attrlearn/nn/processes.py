"""Processes that compute one thing together: those that torchrun started, or this one alone."""

import atexit
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["ALONE", "Processes", "current_processes", "join_processes"]

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes of a fit, as one of them sees them; what it calls, all must call.

    Attributes
    ----------
    rank : int
        Number of this one, from 0.
    n : int
        How many there are.

    Examples
    --------
    >>> ALONE.share(10), ALONE.gather("a"), ALONE.from_first("b")
    (range(0, 10), ['a'], 'b')
    """

    rank: int = 0
    n: int = 1

    @property
    def n_here(self) -> int:
        """How many there are on this computer."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", self.n)) if self.n > 1 else 1

    def share(self, n_rows: int) -> range:
        """Return the rows that are this one's, next to each other."""
        return range(self.rank * n_rows // self.n, (self.rank + 1) * n_rows // self.n)

    def gather(self, value: T) -> list[T]:
        """Return the value of each process."""
        if self.n == 1:
            return [value]
        values: list[Any] = [None] * self.n
        dist.all_gather_object(values, value)
        return values

    def from_first(self, value: T) -> T:
        """Return the value that the first process has."""
        return self.from_rank(value, 0)

    def from_rank(self, value: T, rank: int) -> T:
        """Return the value that one of them has."""
        if self.n == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, rank)
        return values[0]

    def sum(self, tensor: Tensor) -> None:
        """Let a tensor be the sum over the processes."""
        if self.n > 1:
            dist.all_reduce(tensor)

    def copy(self, tensors: Iterable[Tensor]) -> None:
        """Let tensors be those of the first process."""
        if self.n > 1:
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0)

    def attempt(self, function: Callable[[], T]) -> T:
        """Return what a function gives here; raise everywhere if it raises in one of them."""
        result, error = None, None
        try:
            result = function()
        except Exception as raised:
            error = raised
        for found in self.gather(error):
            if found is not None:
                raise error or found
        return result  # type: ignore[return-value]


ALONE = Processes()


def current_processes() -> Processes:
    """Return the processes that were joined, else this one alone."""
    if dist.is_available() and dist.is_initialized():
        return Processes(dist.get_rank(), dist.get_world_size())
    return ALONE


def join_processes(device: torch.device) -> Processes:
    """Join the processes that torchrun started, if it started this one.

    On GPUs each takes that of its local rank and they talk by NCCL, else by Gloo. A group that the
    script has made before is used as it is.

    Raises
    ------
    RuntimeError
        If there are more processes on this computer than GPUs.
    """
    if not (dist.is_available() and _is_launched()):
        return current_processes()
    if not dist.is_initialized():
        backend = "gloo"
        if device.type == "cuda":
            backend = "nccl"
            local_rank, n_devices = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
            if local_rank >= n_devices:
                raise RuntimeError(
                    f"torchrun must start at most one process per GPU. Got the process "
                    f"{local_rank + 1} of this computer, which has {n_devices}. Pass "
                    f"--nproc_per_node={n_devices}."
                )
            torch.cuda.set_device(local_rank)
        dist.init_process_group(backend)
        atexit.register(_leave)
    return current_processes()


def _is_launched() -> bool:
    """Whether torchrun started this very process, rather than one that started this one."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    return all(name in os.environ for name in names) and parent_process() is None


def _leave() -> None:
    """Say goodbye to the others, at exit."""
    if dist.is_initialized():
        dist.destroy_process_group()
