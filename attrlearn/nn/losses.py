"""What training minimises, as pure functions of tensors."""

from torch import Tensor

__all__ = ["cell_weights", "cross_entropy"]


def cell_weights(targets: Tensor, class_weight: Tensor) -> Tensor:
    """Weight of each cell: that of its class, 0 where it is missing.

    Parameters
    ----------
    targets : (B, A) int64
        Column of the cell's class among all C, -1 where missing.
    class_weight : (C,) float

    Returns
    -------
    Tensor of shape (B, A)
    """
    return class_weight[targets.clamp(min=0)] * (targets >= 0)


def cross_entropy(log_probabilities: Tensor, targets: Tensor, class_weight: Tensor) -> Tensor:
    """Weighted sum of the cross-entropy over the labelled cells.

    Divided by the sum of `cell_weights` this is the weighted mean; the sum is what adds up over
    the parts of an accumulated batch. For a binary attribute it is the binary cross-entropy.

    Parameters
    ----------
    log_probabilities : (B, C) float
        As from `ClassLogProbabilities`.
    targets : (B, A) int64
        Column of the cell's class among all C, -1 where missing.
    class_weight : (C,) float

    Returns
    -------
    Tensor of shape ()
        0, with a gradient of 0, if no cell is labelled.

    Examples
    --------
    >>> import torch
    >>> p = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    >>> cross_entropy(p.log(), torch.tensor([[1], [-1]]), torch.ones(2))
    tensor(0.2877)
    """
    # Missing cells read column 0, a finite number, and leave before anything is summed.
    losses = -log_probabilities.gather(1, targets.clamp(min=0))  # (B, A)
    losses = losses.masked_fill(targets < 0, 0)
    return (losses * cell_weights(targets, class_weight)).sum()
