"""Layers of several members of several networks at once, each with its own weights and inputs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["MemberBatchNorm", "MemberLinear", "MemberNorm"]


class MemberLinear(nn.Module):
    """A linear layer per member, all as one batched matrix product.

    Parameters
    ----------
    n_members : int
        M. With K networks there are K M members, those of the first network first.
    n_in, n_out : int
        I and O.

    Shape
    -----
    inputs : (K, M, B, I), or (1, M, B, I) for inputs that the networks share
    output : (K, M, B, O)

    Examples
    --------
    >>> MemberLinear(3, 8, 2)(torch.zeros(1, 3, 5, 8)).shape
    torch.Size([1, 3, 5, 2])
    """

    def __init__(self, n_members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.n_members = n_members
        bound = n_in**-0.5  # that of torch.nn.Linear
        self.weight = nn.Parameter(torch.empty(n_members, n_in, n_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_members, n_out).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return each member's product with its inputs."""
        weight, n_members = self.weight, self.n_members
        inputs = inputs.expand(len(weight) // n_members, n_members, -1, -1)
        product = torch.baddbmm(self.bias[:, None], inputs.flatten(0, 1), weight)
        return product.unflatten(0, (-1, n_members))


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
    inputs, output : (K, M, B, H)

    Examples
    --------
    >>> MemberNorm(1, 2)(torch.tensor([[[[3.0, 5.0]]]])).detach().round(decimals=3)
    tensor([[[[-1.,  1.]]]])
    """

    def __init__(self, n_members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_members, width))
        self.bias = nn.Parameter(torch.zeros(n_members, width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs with mean 0 and variance 1, then each member's scale and shift."""
        by_member = (*inputs.shape[:2], 1, inputs.shape[3])
        normalised = F.layer_norm(inputs, inputs.shape[-1:])
        return torch.addcmul(self.bias.view(by_member), normalised, self.weight.view(by_member))


class MemberBatchNorm(nn.Module):
    """Batch normalisation per member of one network.

    Parameters
    ----------
    n_members : int
        M.
    width : int
        H.

    Shape
    -----
    inputs, output : (1, M, B, H)

    Examples
    --------
    >>> MemberBatchNorm(3, 2)(torch.randn(1, 3, 5, 2)).shape
    torch.Size([1, 3, 5, 2])
    """

    def __init__(self, n_members: int, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(n_members * width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised inputs."""
        side_by_side = inputs[0].transpose(0, 1)  # (B, M, H)
        return self.norm(side_by_side.flatten(1)).view(side_by_side.shape).transpose(0, 1)[None]
