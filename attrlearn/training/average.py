"""An exponential moving average of the weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from attrlearn.training.state import copy_trained, restore_trained, trained_tensors

__all__ = ["WeightAverage"]


class WeightAverage:
    """The exponential moving average of what training changes.

    After each step ``average = decay * average + (1 - decay) * weights`` (Polyak and Juditsky,
    Acceleration of Stochastic Approximation by Averaging, 1992). In the first steps the decay is
    lower, ``(1 + step) / (10 + step)``, so that little is left of the random weights that a
    training begins with. The statistics of batch-norm are averaged too, and what is counted is not.

    Parameters
    ----------
    network : torch.nn.Module
    decay : float
        In [0, 1); 0 is no average.

    Examples
    --------
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.ones_(layer.weight)
    >>> average = WeightAverage(layer, decay=0.75)
    >>> _ = nn.init.zeros_(layer.weight)
    >>> average.update()  # the decay is 2 / 11
    >>> with average.applied():
    ...     layer.weight.item()
    0.1818...
    >>> layer.weight.item()
    0.0
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = network
        self.decay = decay
        self.n_updates = 0
        self.tensors = copy_trained(network)
        self._now = trained_tensors(network)  # once: an update follows each step

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after a step in."""
        self.n_updates += 1
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        now = self._now
        averaged = [name for name, tensor in now.items() if tensor.is_floating_point()]
        get_ema_multi_avg_fn(decay)(
            [self.tensors[name] for name in averaged], [now[name] for name in averaged], None
        )
        for name in now.keys() - averaged:
            self.tensors[name].copy_(now[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the network have the average inside the block, and its own weights after it."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def restore(self) -> None:
        """Put the average into the network."""
        restore_trained(self.network, self.tensors)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor], n_updates: int) -> None:
        """Go on with an average of `n_updates` steps."""
        self.n_updates = n_updates
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    @torch.no_grad()
    def _swap(self) -> None:
        """Exchange the average and the weights."""
        for name, tensor in self._now.items():
            weights = tensor.detach().clone()
            tensor.copy_(self.tensors[name])
            self.tensors[name].copy_(weights)
