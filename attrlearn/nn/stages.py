"""The stages of a backbone: where they end, and what their activations pool to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.maxvit import MaxVitBlock
from torchvision.models.vision_transformer import VisionTransformer

__all__ = [
    "Stage",
    "activation_ends",
    "collecting",
    "find_stages",
    "last_block",
    "pool_stages",
    "renew_hooks",
]

MAX_FEATURES = 3_072  # of all stages, beside those of the last layer
GRID = 28  # positions along an axis: more of them tell no more, and take long in the first stages
EPSILON = 1e-8  # added to a variance, as a root has no gradient at 0

_of_thread = threading.local()


@dataclass(frozen=True)
class Stage:
    """Where a stage ends, and how its last activation is pooled.

    As a forward hook of its module it pools what that returns, inside `collecting`.

    Attributes
    ----------
    name : str
        Of the module in the model.
    n_channels : int
    statistics : tuple of str
        "mean" and "std" over the positions, or "token": the first position alone.
    """

    name: str
    n_channels: int
    statistics: tuple[str, ...]

    @property
    def n_features(self) -> int:
        """How many numbers the activation of an image pools to."""
        return len(self.statistics) * self.n_channels

    def feature_names(self) -> list[str]:
        """Return a name for each of them."""
        return [f"{self.name}_{s}{c}" for s in self.statistics for c in range(self.n_channels)]

    def pool(self, activation: Tensor) -> Tensor:
        """Return the features (B, D) of an activation: (B, C, H, W), (B, H, W, C) or (B, T, C)."""
        if self.statistics == ("token",):
            return activation[:, 0].float()
        if activation.shape[1] != self.n_channels:
            activation = activation.permute(0, 3, 1, 2)
        step = max(activation.shape[2] // GRID, 1)
        traced = torch.jit.is_tracing()  # type: ignore[attr-defined]
        moments = _traced_moments if traced else _moments
        mean, std = moments(activation, step)
        return mean if self.statistics == ("mean",) else torch.cat([mean, std], dim=1)

    def __call__(self, module: nn.Module, inputs: object, activation: Tensor) -> None:
        """Pool an activation, if somebody collects."""
        pooled = getattr(_of_thread, "pooled", None)
        if pooled is not None:
            pooled.append(self.pool(activation))


def _moments(activation: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (B, C) float32 over each so many-th position of (B, C, H, W)."""
    x = activation.permute(0, 2, 3, 1)[:, ::step, ::step].float()  # as it lies in memory
    mean = x.mean(dim=2).mean(dim=1)
    variance = x.square().mean(dim=2).mean(dim=1) - mean.square()
    return mean, (variance.clamp(min=0) + EPSILON).sqrt()


def _traced_moments(activation: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """The same by what OpenVINO runs without changing the order in memory.

    It may do so in bfloat16, where the difference of squares would have no digits left.
    """
    x = F.max_pool2d(activation, 1, step)  # of one position each
    mean = F.adaptive_avg_pool2d(x, 1)
    variance = F.adaptive_avg_pool2d((x - mean).square(), 1)
    return mean.flatten(1), (variance.flatten(1) + EPSILON).sqrt()


@contextmanager
def collecting() -> Iterator[list[Tensor]]:
    """Collect what the stages of models that run in this thread pool to, in the order they run."""
    before = getattr(_of_thread, "pooled", None)
    _of_thread.pooled = []
    try:
        yield _of_thread.pooled
    finally:
        _of_thread.pooled = before


def pool_stages(model: nn.Module, n_features: int) -> list[Stage]:
    """Let a model pool its stages; return them in the order they run.

    Parameters
    ----------
    model : torch.nn.Module
        Without its classifier.
    n_features : int
        Of what it returns, which is beside the stages.
    """
    stages = find_stages(model, n_features)
    for stage in stages:
        model.get_submodule(stage.name).register_forward_hook(stage)
    return stages


def renew_hooks(model: nn.Module) -> None:
    """Register the hooks of a model's stages anew.

    torch numbers hooks from 0 in each process: one that is registered on a model of another process
    would take the place of a stage's, and their number, which it drops when it is removed.
    """
    for module in model.modules():
        hooks = module._forward_hooks
        for number in [number for number, hook in hooks.items() if isinstance(hook, Stage)]:
            module.register_forward_hook(hooks.pop(number))


def find_stages(model: nn.Module, n_features: int) -> list[Stage]:
    """Find the stages of a model, but for the one that its features pool already.

    Of a convolutional model these are the runs of blocks whose activations have the same shape, as
    far as they have weights; of a vision transformer the last four encoder blocks. Where they would
    give more than 3,072 features, the widest lose the standard deviation first, and then all.

    Examples
    --------
    >>> from torchvision import models
    >>> [stage.n_features for stage in find_stages(models.resnet18(), n_features=512)]
    [128, 128, 256, 512]
    """
    names = {module: name for name, module in model.named_modules()}
    if isinstance(model, VisionTransformer):
        blocks = list(model.encoder.layers)[-4:-1]
        return _bounded([Stage(names[b], model.hidden_dim, ("token",)) for b in blocks])
    stages = [
        Stage(names[block], n_channels, ("mean", "std")) for block, n_channels in _run_ends(model)
    ]
    if stages[-1].n_channels == n_features:
        stages.pop()
    return _bounded(stages)


def activation_ends(model: nn.Module) -> list[tuple[str, int]]:
    """Find the modules that give the last activation of each shape, and its channels.

    Of a vision transformer these are the encoder blocks but the last, of which the features read
    the class token alone.

    Examples
    --------
    >>> from torchvision import models
    >>> activation_ends(models.resnet18())[-2:]
    [('layer3.1', 256), ('layer4.1', 512)]
    """
    names = {module: name for name, module in model.named_modules()}
    if isinstance(model, VisionTransformer):
        return [(names[block], model.hidden_dim) for block in list(model.encoder.layers)[:-1]]
    return [(names[block], n_channels) for block, n_channels in _run_ends(model)]


def _run_ends(model: nn.Module) -> list[tuple[nn.Module, int]]:
    """The last block of each run with activations of one shape and some weights; the channels."""
    ends = []
    spatial = [(block, shape) for block, shape in _activations(model) if shape]
    for (n_channels, _), run in groupby(spatial, key=lambda found: found[1]):
        blocks = [block for block, _ in run]
        if any(map(_has_weights, blocks)):
            ends.append((blocks[-1], n_channels))
    return ends


def _bounded(stages: list[Stage]) -> list[Stage]:
    """The stages, less what is too much of the widest."""
    while sum(stage.n_features for stage in stages) > MAX_FEATURES:
        several = [stage for stage in stages if len(stage.statistics) > 1] or stages
        widest = stages.index(max(several, key=lambda stage: stage.n_channels))
        statistics = stages[widest].statistics[:-1]
        stages[widest : widest + 1] = (
            [replace(stages[widest], statistics=statistics)] if statistics else []
        )
    return stages


def last_block(model: nn.Module) -> list[nn.Module]:
    """Return the parts that run after the last change of spatial size.

    If none of them has weights, also the one that makes it; of a vision transformer, whose tokens
    never change in number, the last two encoder blocks.
    """
    if isinstance(model, VisionTransformer):
        return [*list(model.encoder.layers)[-2:], model.encoder.ln]
    trace = _activations(model)
    changes, size = [], 0
    for number, (_, shape) in enumerate(trace):
        if shape and shape[1] != size:
            changes.append(number)
            size = shape[1]
    change = changes[-1]
    after = [part for part, _ in trace[change + 1 :]]
    if any(map(_has_weights, after)):
        return after
    return [part for part, _ in trace[change:]]


@torch.inference_mode()
def _activations(model: nn.Module) -> list[tuple[nn.Module, tuple[int, int] | None]]:
    """Blocks in the order they run, with channels and height of their activation.

    None where that is pooled to a single position, or flat.
    """
    trace: list[tuple[nn.Module, tuple[int, int] | None]] = []

    def record(block: nn.Module, _: object, output: Tensor) -> None:
        shape = None
        if output.ndim == 4 and output.shape[2] > 1:  # (B, C, H, W), or (B, H, W, C) in swin
            _, first, height, last = output.shape
            shape = (first, height) if height == last else (last, first)
        trace.append((block, shape))

    hooks = [block.register_forward_hook(record) for block in _blocks(model)]
    size = getattr(model, "input_size", (224, 224))
    was_training = model.training
    model.eval()(next(model.parameters()).new_zeros(1, 3, *size))  # of its dtype, on its device
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return trace


def _blocks(module: nn.Module) -> list[nn.Module]:
    """Submodules below the containers that only chain others."""
    blocks = []
    for child in module.children():
        chained = isinstance(child, nn.Sequential | nn.ModuleList | MaxVitBlock)
        blocks += _blocks(child) if chained else [child]
    return blocks


def _has_weights(part: nn.Module) -> bool:
    """Whether there is something to train."""
    return next(part.parameters(), None) is not None
