"""The best epoch: which weights scored best on the validation set, and when to stop."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from attrlearn.training.state import copy_trained, restore_trained, trained_tensors

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
    kept : dict of Tensor
        Its weights; empty before any.

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
        self.kept: dict[str, Tensor] = {}
        self._highest = -float("inf")

    def update(self, score: float) -> bool:
        """Note the score of an epoch; return whether to stop."""
        self.scores.append(score)
        if score > self._highest:
            self.epoch = len(self.scores)
            self._highest = score
            self.kept = copy_trained(self.network)
        return len(self.scores) - self.epoch >= self.patience

    def restore(self) -> None:
        """Put the weights of the best epoch back into the network."""
        restore_trained(self.network, self.kept)

    def record(self) -> dict[str, Any]:
        """Return all but the weights, for `load`."""
        return {"scores": self.scores, "epoch": self.epoch}

    def load(self, record: Mapping[str, Any], kept: Mapping[str, Tensor]) -> None:
        """Go on after epochs that were scored before, with the weights of the best."""
        self.scores = list(record["scores"])
        self.epoch = record["epoch"]
        if self.epoch:
            self._highest = self.scores[self.epoch - 1]
            self.kept = {
                name: kept[name].to(t) for name, t in trained_tensors(self.network).items()
            }
