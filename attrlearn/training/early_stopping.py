"""The best epoch: how held-out rows score, which weights were best, and when to stop."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from attrlearn.nn.losses import Loss
from attrlearn.training.examples import Examples
from attrlearn.training.loop import split
from attrlearn.training.precision import send

__all__ = ["BestEpoch", "mean_loss", "predict"]


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


@torch.no_grad()
def predict(
    network: nn.Module, examples: Examples, batch_size: int, context: AbstractContextManager
) -> Tensor:
    """Log-probabilities (N, C) of the rows, from a network in eval mode."""
    parts = split(torch.arange(len(examples)), batch_size)
    batches = examples.source.batches(parts, torch.Generator())
    device = examples.targets.device
    with context:
        outputs = [
            network(send(inputs, device), examples.categories[rows])
            for rows, inputs in zip(parts, batches, strict=True)
        ]
    return torch.cat(outputs).float()


def mean_loss(log_probabilities: Tensor, examples: Examples, loss: Loss) -> float:
    """Weighted mean loss over the labelled cells, NaN if there is none.

    Examples
    --------
    >>> from attrlearn.nn.losses import cross_entropy
    >>> from attrlearn.training.sources import FeatureSource
    >>> targets = torch.tensor([[1], [0], [-1]])
    >>> source = FeatureSource(torch.zeros(1, 3, 2))
    >>> examples = Examples(source, targets, torch.zeros(3).long(), (targets >= 0).float())
    >>> log_probabilities = torch.tensor([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]]).log()
    >>> mean_loss(log_probabilities, examples, cross_entropy)
    0.458...
    """
    total = loss(log_probabilities, examples.targets, examples.weights)
    return float(total / examples.weights.sum())
