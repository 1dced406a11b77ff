"""A backbone split in two: the frozen prefix, and the trainable suffix."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.fx import Graph, Interpreter, Node

from attrlearn.nn.backbones import Backbone
from attrlearn.nn.stages import collecting
from attrlearn.nn.tracing import trace

__all__ = ["SplitBackbone", "split_before_trained"]


@dataclass(frozen=True)
class SplitBackbone:
    """A frozen prefix, whose activations can be computed once, and the trainable suffix.

    Attributes
    ----------
    prefix : Backbone
        A copy of the first part. Its features are what its stages pool to, and the activations at
        the split, flat.
    shape : torch.Size
        Of the activations of one image.
    model : torch.nn.Module
        That of the backbone itself, whose second part `suffix` runs.
    graph : torch.fx.Graph
        What the second part calls.
    """

    prefix: Backbone
    shape: torch.Size
    model: nn.Module
    graph: Graph

    def suffix(self, kept: Tensor) -> Tensor:
        """Return the features (B, D) of what the prefix gives (B, ...)."""
        n_activations = self.shape.numel()
        early, flat = kept.split([kept.shape[1] - n_activations, n_activations], dim=1)
        with collecting() as pooled:
            activations = flat.unflatten(1, self.shape)
            last = Interpreter(self.model, graph=self.graph).run(activations).flatten(1)
        return torch.cat([early, *pooled, last], dim=1)


def split_before_trained(backbone: Backbone) -> SplitBackbone | None:
    """Split a backbone where one tensor passes from what is frozen to what is trained.

    Returns
    -------
    SplitBackbone or None
        None if there is no such place, as where the first layer is trained.

    Examples
    --------
    >>> from attrlearn.nn.backbones import build_backbone
    >>> backbone = build_backbone("resnet18", None, "last_block", image_size=64).eval()
    >>> split = split_before_trained(backbone)
    >>> split.shape
    torch.Size([512, 2, 2])
    >>> images = torch.zeros(3, 3, 64, 64, dtype=torch.uint8)
    >>> torch.allclose(split.suffix(split.prefix(images)), backbone(images), atol=1e-6)
    True
    """
    stages = [backbone.model.get_submodule(stage.name) for stage in backbone.stages]
    graph = trace(backbone.model, [*backbone.trained, *stages])  # else no stage is called as such
    if graph is None or any("_tensor_constant" in str(node.target) for node in graph.nodes):
        return None  # such a tensor, made on the way, would be the tracer's alone
    trained = {
        name
        for name, part in backbone.model.named_modules()
        if part in backbone.trained or any(p.requires_grad for p in part.parameters())
    }
    later = _from(trained, graph)
    passing = {node for user in later for node in user.all_input_nodes} - later.keys()
    if len(passing) != 1:
        return None
    (last,) = passing
    if last.op == "placeholder":
        return None
    first = Graph()
    copies = _copy([node for node in graph.nodes if node not in later], first, {})
    first.output(copies[last])
    second = Graph()
    _copy(later, second, {last: second.placeholder("activations")})
    prefix, shape = _as_backbone(backbone, first)
    return SplitBackbone(prefix, shape, backbone.model, second)


def _from(trained: set[str], graph: Graph) -> dict[Node, None]:
    """The calls of trained parts and all that depend on them, in order."""
    later: dict[Node, None] = {}
    for node in graph.nodes:
        is_trained = node.op == "call_module" and node.target in trained
        if is_trained or not later.keys().isdisjoint(node.all_input_nodes):
            later[node] = None
    return later


def _copy(nodes: Iterable[Node], graph: Graph, copies: dict[Node, Node]) -> dict[Node, Node]:
    """Append nodes to another graph; `copies` tells what their inputs are there."""
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    return copies


def _as_backbone(backbone: Backbone, first: Graph) -> tuple[Backbone, torch.Size]:
    """The first part with its own copy of the weights, and the shape of what it returns."""
    prefix = deepcopy(backbone).requires_grad_(False)
    prefix.trained = []
    prefix.model = _Part(prefix.model, first)
    prefix.eval()
    size = backbone.image_size
    image = torch.zeros(1, 3, size, size, dtype=backbone.dtype, device=backbone.mean.device)
    with torch.no_grad(), collecting() as pooled:
        shape = prefix.model(image)[0].shape
    prefix.n_features = sum(part.shape[1] for part in pooled) + shape.numel()
    return prefix, shape


class _Part(nn.Module):
    """Some of the calls of a model."""

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        super().__init__()
        self.model = model
        self.graph = graph

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the last of them returns."""
        return Interpreter(self.model, graph=self.graph).run(inputs)

    def extra_repr(self) -> str:
        """Return the calls, which tell this part from others of the same model."""
        return str(self.graph)
