"""Dropout of networks that learn side by side, which is quick on a CPU."""

import torch
from torch import Tensor, nn

__all__ = ["Dropout"]

N_LEVELS = 2**16


class Dropout(nn.Dropout):
    """Drop inputs at random, alike in each network.

    As `torch.nn.Dropout`, with four decisions from each random number of 64 bits on a CPU, where
    torch draws one in double precision for each: that takes longer than the linear layer behind it.
    The probability is rounded to a multiple of 1/65,536, and what is kept is scaled by the rounded
    one, so that its expectation is exact.

    Attributes
    ----------
    rates : list of float
        The probability in each of K networks. What one drops, another with a higher rate drops too.

    Shape
    -----
    inputs : (K, ...), or (1, ...) for inputs that the networks share
    output : (K, ...), or (1, ...) if all rates are equal and the inputs are shared

    Examples
    --------
    >>> sorted(set(Dropout(0.75)(torch.ones(1, 1000))[0].tolist()))
    [0.0, 4.0]
    """

    def __init__(self, p: float) -> None:
        super().__init__(p)
        self.rates = [p]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs, in training most of them replaced by 0."""
        if not self.training or not any(self.rates):
            return inputs
        shape, device = inputs.shape[1:], inputs.device
        if device.type == "cpu":
            n = shape.numel()
            # All 64 bits: by default the sign is never drawn.
            drawn = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
            levels = drawn.view(torch.int16)[:n].view(shape)
        else:
            levels = torch.randint(-N_LEVELS // 2, N_LEVELS // 2, shape, device=device)
        n_kept = [max(round((1 - p) * N_LEVELS), 1) for p in self.rates]
        different = list(dict.fromkeys(n_kept))  # each is dropped once, however many have it
        masks = torch.stack(
            [(levels < n - N_LEVELS // 2).to(inputs.dtype).mul_(N_LEVELS / n) for n in different]
        )
        if len(different) == 1:
            return inputs * masks
        of_network = torch.tensor([different.index(n) for n in n_kept], device=device)
        if len(inputs) == 1:
            return (inputs * masks)[of_network]
        return inputs * masks[of_network]
