"""Gradient checkpointing: what a block keeps for the backward pass is computed anew there."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from attrlearn.nn.stages import collecting

__all__ = ["Recomputed", "find_blocks"]

_CHAINS = nn.Sequential | nn.ModuleList | nn.ModuleDict


class Recomputed:
    """Runs a backbone, or a part of it, of whose blocks only the inputs are kept.

    Gradients, batch-norm statistics and what is drawn at random are those of the plain run. The
    model is as it was as soon as the run returns.

    Parameters
    ----------
    run : callable
        Inputs (B, ...) to features (B, D).
    model : torch.nn.Module
        Whose blocks it calls.

    Examples
    --------
    >>> import torch
    >>> from attrlearn.nn.backbones import build_backbone
    >>> backbone = build_backbone("resnet18", None, "all", image_size=32)
    >>> run = Recomputed(backbone, backbone.model)
    >>> run(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape
    torch.Size([2, 512])
    """

    def __init__(self, run: Callable[[Tensor], Tensor], model: nn.Module) -> None:
        self.run = run
        self.forwards = {block: _forward_of(block) for block in find_blocks(model)}

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the features of the inputs."""
        for block, forward in self.forwards.items():
            block.forward = forward
        try:
            return self.run(inputs)
        finally:
            for block in self.forwards:
                del block.forward  # that of its class is there again


def find_blocks(model: nn.Module) -> list[nn.Module]:
    """Find the blocks of a model: the outermost modules of which it has several of a kind.

    Of what only chains others, such as a stage of blocks, these count; modules of torch itself, a
    single layer each, do not, but for a long chain of them, such as VGG's.

    Examples
    --------
    >>> from torchvision import models
    >>> [type(block).__name__ for block in find_blocks(models.resnet18())]
    ['BasicBlock', 'BasicBlock', 'BasicBlock', 'BasicBlock', ...]
    >>> [type(block).__name__ for block in find_blocks(models.vgg11())]
    ['Sequential', 'Sequential']
    """
    kinds = Counter(type(module) for module in model.modules())

    def search(parent: nn.Module) -> Iterator[nn.Module]:
        for module in parent.children():
            if _has_parts(module):
                whole = kinds[type(module)] > 1 and not _chains_blocks(module)
                yield from [module] if whole else search(module)

    return list(search(model))


def _has_parts(module: nn.Module) -> bool:
    """Whether there are modules in it."""
    return next(module.children(), None) is not None


def _chains_blocks(module: nn.Module) -> bool:
    """Whether it only calls one after another what has parts itself."""
    children = list(module.children())
    if isinstance(module, _CHAINS):
        return any(map(_has_parts, children))
    return all(isinstance(child, nn.ModuleList) for child in children)  # a block of maxvit


def _forward_of(block: nn.Module) -> Callable[..., Any]:
    """What a block returns, by a forward that keeps its inputs alone."""
    if isinstance(block, nn.Sequential) and not any(map(_has_parts, block)):
        return partial(_run_pieces, _pieces(block))
    return partial(_run, block.forward, block)


def _pieces(layers: nn.Sequential) -> list[nn.Sequential]:
    """Pieces of a chain, each from one layer with weights to before the next but one."""
    starts = [i for i, layer in enumerate(layers) if next(layer.parameters(), None) is not None]
    cuts = [0, *starts[2::2], len(layers)]
    return [nn.Sequential(*list(layers)[first:end]) for first, end in pairwise(cuts)]


def _run_pieces(pieces: list[nn.Sequential], inputs: Tensor) -> Tensor:
    """What the pieces return, of each of which the inputs are kept."""
    for piece in pieces:
        inputs = _run(piece, piece, inputs)
    return inputs


def _run(forward: Callable[..., Any], block: nn.Module, *inputs: Any) -> Any:
    """What a block returns, its inputs kept."""
    # A list that goes on growing, of densenet, must be the same in the backward pass.
    inputs = tuple(list(x) if isinstance(x, list) else x for x in inputs)
    return checkpoint(
        forward, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _again(block))
    )


@contextmanager
def _again(block: nn.Module) -> Iterator[None]:
    """Run a block a second time, which leaves no trace: in its buffers, or among the stages."""
    buffers = [(m, dict(m._buffers)) for m in block.modules() if m._buffers]
    for module, kept in buffers:
        module._buffers.update({k: b if b is None else b.clone() for k, b in kept.items()})
    try:
        with collecting():
            yield
    finally:
        for module, kept in buffers:
            module._buffers.update(kept)
