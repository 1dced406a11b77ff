"""What training minimises, as a pure function of tensors."""

from collections.abc import Callable

from torch import Tensor

__all__ = ["LOSSES", "Loss", "cross_entropy"]

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(log_probabilities: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum of the cross-entropy over the labelled cells.

    Divided by the sum of `weights` this is the weighted mean; the sum is what adds up over the
    parts of an accumulated batch. For a binary attribute it is the binary cross-entropy.

    Parameters
    ----------
    log_probabilities : (B, C) float
        As from `ClassLogProbabilities`.
    targets : (B, A) int64
        Column of the cell's class among all C, -1 where missing.
    weights : (B, A) float
        Of each cell, 0 where missing.

    Returns
    -------
    Tensor of shape ()
        0, with a gradient of 0, if no cell is labelled.

    Examples
    --------
    >>> import torch
    >>> p = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    >>> cross_entropy(p.log(), torch.tensor([[1], [-1]]), torch.tensor([[1.0], [0.0]]))
    tensor(0.2877)
    """
    # Missing cells read column 0, a finite number, and leave before anything is summed.
    losses = -log_probabilities.gather(1, targets.clamp(min=0))  # (B, A)
    return (losses.masked_fill(targets < 0, 0) * weights).sum()


# What the parameter `loss` of the classifier names.
LOSSES: dict[str, Loss] = {"bce": cross_entropy}
