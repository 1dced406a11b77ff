"""The best epoch: which weights scored best on the validation set, and when to stop."""

import torch
from torch import Tensor, nn

__all__ = ["BestEpoch"]


class BestEpoch:
    """Keeps the weights of the best epoch in memory.

    Parameters
    ----------
    network : torch.nn.Module
        Of which the trained parameters and all buffers are kept.
    patience : int
        Epochs in a row without a better score after which to stop.

    Attributes
    ----------
    scores : list of float
        One per epoch, the higher the better.
    epoch : int
        The best one, from 1; the first of equals, 0 before any.

    Examples
    --------
    >>> best = BestEpoch(nn.Linear(2, 1), patience=2)
    >>> [best.update(score) for score in (0.5, 0.7, 0.6, 0.7)], best.epoch
    ([False, False, False, True], 2)
    """

    def __init__(self, network: nn.Module, patience: int) -> None:
        self.network = network
        self.patience = patience
        self.scores: list[float] = []
        self.epoch = 0
        self._highest = -float("inf")
        self._kept: list[Tensor] = []

    def update(self, score: float) -> bool:
        """Note the score of an epoch; return whether to stop."""
        self.scores.append(score)
        if score > self._highest:
            self.epoch = len(self.scores)
            self._highest = score
            self._kept = [tensor.detach().clone() for tensor in self._tensors()]
        return len(self.scores) - self.epoch >= self.patience

    @torch.no_grad()
    def restore(self) -> None:
        """Put the weights of the best epoch back into the network."""
        for tensor, kept in zip(self._tensors(), self._kept, strict=True):
            tensor.copy_(kept)

    def _tensors(self) -> list[Tensor]:
        """What training changes."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        return [*trained, *self.network.buffers()]
