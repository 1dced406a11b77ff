"""Layers of several members at once: each member has its own weights and its own inputs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["MemberLinear", "MemberNorm"]


class MemberLinear(nn.Module):
    """A linear layer per member, all as one batched matrix product.

    Parameters
    ----------
    n_members : int
        M.
    n_in, n_out : int
        I and O.

    Shape
    -----
    inputs : (M, B, I)
    output : (M, B, O)

    Examples
    --------
    >>> MemberLinear(3, 8, 2)(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 2])
    """

    def __init__(self, n_members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = n_in**-0.5  # that of torch.nn.Linear
        self.weight = nn.Parameter(torch.empty(n_members, n_in, n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_members, n_out).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return each member's product with its inputs."""
        return torch.baddbmm(self.bias[:, None], inputs, self.weight)


class MemberNorm(nn.Module):
    """Layer normalisation per member.

    Parameters
    ----------
    n_members : int
        M.
    width : int
        H.

    Shape
    -----
    inputs, output : (M, B, H)

    Examples
    --------
    >>> MemberNorm(1, 2)(torch.tensor([[[3.0, 5.0]]])).round(decimals=3)
    tensor([[[-1.,  1.]]], grad_fn=<RoundBackward1>)
    """

    def __init__(self, n_members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_members, width))
        self.bias = nn.Parameter(torch.zeros(n_members, width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs with mean 0 and variance 1, then each member's scale and shift."""
        normalised = F.layer_norm(inputs, inputs.shape[-1:])
        return torch.addcmul(self.bias[:, None], normalised, self.weight[:, None])
