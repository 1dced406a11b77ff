"""Squeeze-and-excitation gate over features."""

from torch import Tensor, nn

from attrlearn.nn.members import MemberLinear

__all__ = ["SqueezeExcitationGate"]


class SqueezeExcitationGate(nn.Module):
    """Squeeze-and-excitation gate: weigh each feature of an image by all of its features.

    Parameters
    ----------
    n_features : int
        D.
    reduction : int, default=16
        How many times narrower than D the hidden layer is.
    n_members : int, default=1
        M, each with its own weights.

    Shape
    -----
    features : (K, M, B, D) for K networks, or (1, M, B, D) for features that they share
    output : (K, M, B, D)

    Notes
    -----
    ``features * sigmoid(W2 relu(W1 features))``: the excitation of [1]_, on features that the
    backbone has pooled already.

    References
    ----------
    .. [1] J. Hu, L. Shen and G. Sun, "Squeeze-and-Excitation Networks", CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> SqueezeExcitationGate(64)(torch.ones(1, 1, 2, 64)).shape
    torch.Size([1, 1, 2, 64])
    """

    def __init__(self, n_features: int, reduction: int = 16, n_members: int = 1) -> None:
        super().__init__()
        width = max(n_features // reduction, 1)
        self.weights = nn.Sequential(
            MemberLinear(n_members, n_features, width),
            nn.ReLU(),
            MemberLinear(n_members, width, n_features),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the weighted features."""
        return features * self.weights(features)
