"""Where in an image a network finds the evidence for a class: gradient times activation."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from attrlearn.nn.network import AttributeNetwork
from attrlearn.nn.stages import activation_ends

__all__ = ["EvidenceProbe", "fuse"]

FLOOR = 0.05  # what a stage leaves of a position of which it says nothing, beside its maximum of 1
SHARPNESS = 3  # power of the geometric mean of the stages


class EvidenceProbe:
    """A copy of a network that keeps what its backbone computes, to be differentiated.

    The network itself is left alone.

    Parameters
    ----------
    network : AttributeNetwork
        With a backbone.
    device : torch.device
    size : int
        Side of the maps, in pixels.
    """

    def __init__(self, network: AttributeNetwork, device: torch.device, size: int) -> None:
        # In float32, whatever the network computes in: products of gradients need the digits.
        self.network = deepcopy(network).to(device).float().eval().requires_grad_(False)
        assert self.network.backbone is not None
        self.size = size
        self.kept: list[tuple[int, Tensor]] = []  # channels, activation
        model = self.network.backbone.model
        for name, n_channels in activation_ends(model):
            module = model.get_submodule(name)
            # Not by hooks: the stages have some, which are to see what goes on from here.
            module.forward = partial(self._keep, module.forward, n_channels)

    def maps(
        self, images: Tensor, categories: Tensor, targets: list[tuple[slice, Tensor]]
    ) -> Tensor:
        """Return the evidence for some classes (B, T, size, size), from 0 to 1, on the CPU.

        Parameters
        ----------
        images : Tensor of shape (B, 3, H, W), uint8
        categories : Tensor of shape (B,), int64
        targets : list of T pairs
            The columns of an attribute among the classes of all, and of each image the class (B,)
            among those.
        """
        device = next(self.network.parameters()).device
        images, categories = images.to(device), categories.to(device)
        out = torch.empty(len(images), len(targets), self.size, self.size)
        with torch.no_grad():
            _, of_plain, _ = self._activations(_plain(images), categories)
        with torch.enable_grad():
            channels, activations, log_probabilities = self._activations(images, categories)
            for t, (columns, classes) in enumerate(targets):
                odds = _log_odds(log_probabilities[:, columns], classes.to(device))
                gradients = torch.autograd.grad(odds.sum(), activations, retain_graph=True)
                by_stage = [
                    _evidence(activation.detach(), plain, gradient, n_channels)
                    for activation, plain, gradient, n_channels in zip(
                        activations, of_plain, gradients, channels, strict=True
                    )
                ]
                out[:, t] = fuse(by_stage, self.size).cpu()
        return out

    def _activations(
        self, images: Tensor, categories: Tensor
    ) -> tuple[tuple[int, ...], tuple[Tensor, ...], Tensor]:
        """Channels and activations of the stages, and the log-probabilities of all classes."""
        self.kept = []
        log_probabilities = self.network(images, categories)
        channels, activations = zip(*self.kept, strict=True)
        self.kept = []
        return channels, activations, log_probabilities

    def _keep(self, forward: Callable, n_channels: int, *args: Any, **kwargs: Any) -> Tensor:
        """What a module returns; the first of them is where the gradients end."""
        output: Tensor = forward(*args, **kwargs)
        if not self.kept:
            output = output.detach().requires_grad_(torch.is_grad_enabled())
        self.kept.append((n_channels, output))
        return output.clone()  # which what follows may change in place


def _log_odds(log_probabilities: Tensor, classes: Tensor) -> Tensor:
    """(B,) of one class against all others of (B, k)."""
    chosen = F.one_hot(classes, log_probabilities.shape[1]).bool()
    rest = log_probabilities.masked_fill(chosen, -torch.inf).logsumexp(dim=1)
    return log_probabilities[chosen] - rest


def _plain(images: Tensor) -> Tensor:
    """Images of the mean colour of each."""
    means = images.float().mean(dim=(2, 3), keepdim=True)
    return means.round().to(images.dtype).expand_as(images)


def _evidence(activation: Tensor, plain: Tensor, gradient: Tensor, n_channels: int) -> Tensor:
    """(B, h, w), what the channels of each position add to the log-odds, where it is positive.

    Not more than they add in comparison with a plain image: its activations differ where the
    padding of convolutions is, above all in the corner where those of stride 2 begin, and how much
    that adds says nothing of what is in the image.
    """
    total = _of_positions(activation * gradient, n_channels)
    return torch.minimum(total, _of_positions((activation - plain) * gradient, n_channels)).relu()


def _of_positions(product: Tensor, n_channels: int) -> Tensor:
    """(B, h, w), the sum over the channels."""
    if product.ndim == 3:  # (B, 1 + patches, C), the class token first
        patches = product[:, 1:].sum(dim=2)
        side = round(patches.shape[1] ** 0.5)
        return patches.unflatten(1, (side, side))
    return product.sum(dim=1 if product.shape[1] == n_channels else 3)


def fuse(by_stage: list[Tensor], size: int) -> Tensor:
    """Return one map (B, size, size), from 0 to 1, of those of the stages, (B, h, w) and >= 0.

    Each is scaled to a maximum of 1 in each image. Their geometric mean is high where all of them
    are: the late ones know what, and the early ones where. It is taken to the third power. Without
    evidence in any of them the map is 0.

    Examples
    --------
    >>> coarse, fine = torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 4.0, 0.0, 4.0]]])
    >>> fuse([coarse.repeat(1, 2, 1), fine.repeat(1, 4, 1)], 4)[0, 0].argmax().item()
    3
    """
    logs = torch.zeros(len(by_stage[0]), size, size, device=by_stage[0].device)
    found = torch.zeros(len(logs), 1, 1, dtype=torch.bool, device=logs.device)
    for evidence in by_stage:
        found |= evidence.amax(dim=(1, 2), keepdim=True) > 0
        scaled = _resized(evidence, size)
        scaled = scaled / scaled.amax(dim=(1, 2), keepdim=True).clamp(min=1e-30)
        logs += ((scaled + FLOOR) / (1 + FLOOR)).log()
    return (logs * (SHARPNESS / len(by_stage))).exp() * found


def _resized(maps: Tensor, size: int) -> Tensor:
    """(B, size, size)."""
    shape = (size, size)
    return F.interpolate(maps[:, None], size=shape, mode="bilinear", antialias=True)[:, 0]
