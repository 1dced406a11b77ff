"""What training minimises, as pure functions of tensors."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from attrlearn.checks.attributes import Attributes

__all__ = [
    "LOSSES",
    "Loss",
    "asymmetric",
    "build_loss",
    "cross_entropy",
    "focal",
    "smooth",
    "sum_over_cells",
]

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

# What the parameter `loss` of the classifier names.
LOSSES = ("bce", "focal", "asymmetric")

GAMMA_NEGATIVE, MARGIN = 4.0, 0.05  # of the asymmetric loss, as in its paper


def build_loss(
    loss: str | Loss, attributes: Attributes, focal_gamma: float, label_smoothing: float
) -> Loss:
    """Return the loss that the classifier's parameters of these names describe.

    Returns
    -------
    callable
        Maps log-probabilities (B, C), the classes of all attributes side by side, targets (B, A),
        column of the cell's class among all C, -1 where missing, and weights (B, A), 0 where
        missing, to a sum over the cells.

    Raises
    ------
    ValueError
        When it is called, if a loss of the user's gives no tensor of shape ().

    Examples
    --------
    >>> import numpy as np
    >>> attributes = Attributes(["hood"], [np.array([0, 1])], [True])
    >>> loss = build_loss("focal", attributes, focal_gamma=2, label_smoothing=0)
    >>> p = torch.tensor([[0.1, 0.9], [0.9, 0.1]])
    >>> loss(p.log(), torch.tensor([[1], [1]]), torch.ones(2, 1))  # the second weighs 81 times more
    tensor(1.8661)
    """
    if callable(loss):
        return partial(_checked, loss)
    of_classes: dict[str, Callable[[Tensor], Tensor]] = {
        "bce": torch.neg,
        "focal": partial(focal, gamma=focal_gamma),
        "asymmetric": partial(asymmetric, is_negative=_is_negative(attributes)),
    }
    of_class = of_classes[loss]
    n_classes = torch.tensor(attributes.n_classes)

    def summed(log_probabilities: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        losses = of_class(log_probabilities)
        if label_smoothing:
            losses = smooth(losses, n_classes.to(losses.device), label_smoothing)
        return sum_over_cells(losses, targets, weights)

    return summed


def focal(log_probabilities: Tensor, gamma: float) -> Tensor:
    """Return the focal loss, the cross-entropy times (1 - p)^gamma, for each class.

    Lin et al., Focal Loss for Dense Object Detection, 2017. p is the probability of the class, of
    the softmax in a categorical attribute; gamma 0 gives the cross-entropy.

    Examples
    --------
    >>> focal(torch.tensor([[0.5, 0.9]]).log(), gamma=2)
    tensor([[0.1733, 0.0011]])
    """
    # Of p = 1 a power below 1 has no gradient.
    others = (-torch.expm1(log_probabilities)).clamp(min=torch.finfo(torch.float32).tiny)
    return -log_probabilities * others**gamma


def asymmetric(log_probabilities: Tensor, is_negative: Tensor) -> Tensor:
    """Return the asymmetric loss, which forgets easy negatives, for each class.

    Ridnik et al., Asymmetric Loss For Multi-Label Classification, 2021, with gamma+ = 0,
    gamma- = 4 and the margin m = 0.05: for the 0 of a binary attribute, p the probability of 1,
    -q^4 log(1 - q) with q = max(p - m, 0), and the cross-entropy for every other class.

    Parameters
    ----------
    log_probabilities : (B, C) float
    is_negative : (C,) bool
        Whether a column is that of 0 of a binary attribute.
    """
    positive = -torch.expm1(log_probabilities)  # the probability of all other classes
    shifted = (positive - MARGIN).clamp(min=0)
    negative = -(shifted**GAMMA_NEGATIVE) * torch.log1p(-shifted)
    return torch.where(is_negative.to(negative.device), negative, -log_probabilities)


def smooth(losses: Tensor, n_classes: Tensor, label_smoothing: float) -> Tensor:
    """Mix the loss of each class with the mean over the classes of its attribute.

    Szegedy et al., Rethinking the Inception Architecture, 2016; as in
    `torch.nn.functional.cross_entropy`.

    Parameters
    ----------
    losses : (B, C) float
    n_classes : (A,) int64
        Of each attribute; they sum to C.
    label_smoothing : float
        Weight of the mean, in [0, 1).

    Examples
    --------
    >>> smooth(torch.tensor([[0.0, 4.0, 0.0, 9.0, 9.0]]), torch.tensor([2, 3]), 0.5)
    tensor([[1.0000, 3.0000, 3.0000, 7.5000, 7.5000]])
    """
    attribute = torch.arange(len(n_classes), device=losses.device).repeat_interleave(n_classes)
    sums = losses.new_zeros(len(losses), len(n_classes)).index_add(1, attribute, losses)
    means = (sums / n_classes)[:, attribute]  # (B, C)
    return (1 - label_smoothing) * losses + label_smoothing * means


def sum_over_cells(losses: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum over the labelled cells of the loss of their class.

    Divided by the sum of `weights` this is the weighted mean; the sum is what adds up over the
    parts of an accumulated batch.

    Parameters
    ----------
    losses : (B, C) float
        Of each class that a cell may have.
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
    >>> p = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    >>> sum_over_cells(-p.log(), torch.tensor([[1], [-1]]), torch.tensor([[1.0], [0.0]]))
    tensor(0.2877)
    """
    # Missing cells read column 0, a finite number, and leave before anything is summed.
    of_cells = losses.gather(1, targets.clamp(min=0))  # (B, A)
    return (of_cells.masked_fill(targets < 0, 0) * weights).sum()


def cross_entropy(log_probabilities: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum of the cross-entropy over the labelled cells; see `sum_over_cells`.

    For a binary attribute it is the binary cross-entropy.
    """
    return sum_over_cells(-log_probabilities, targets, weights)


def _checked(loss: Loss, log_probabilities: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """What a loss of the user's gives, after a check of its shape."""
    total = loss(log_probabilities, targets, weights)
    if not isinstance(total, Tensor) or total.shape != ():
        got = f"shape {tuple(total.shape)}" if isinstance(total, Tensor) else repr(total)
        raise ValueError(
            f"loss must give a tensor of shape (), a sum over the cells. Got {got}. Return "
            "(losses * weights).sum()."
        )
    return total


def _is_negative(attributes: Attributes) -> Tensor:
    """(C,) whether a column is that of 0 of a binary attribute."""
    columns = torch.zeros(sum(attributes.n_classes), dtype=torch.bool)
    columns[torch.from_numpy(attributes.starts[attributes.is_binary])] = True
    return columns
