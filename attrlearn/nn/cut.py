"""A backbone cut in two: what runs before all trained parts, and the rest."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.fx import Graph, Interpreter, Node

from attrlearn.nn.backbones import Backbone
from attrlearn.nn.tracing import trace

__all__ = ["Cut", "cut_before_trained"]


@dataclass(frozen=True)
class Cut:
    """Two parts of a backbone, one after the other.

    Attributes
    ----------
    frozen : Backbone
        A copy of the first part. Its features are the activations at the cut, flat.
    shape : torch.Size
        Of the activations of one picture.
    rest : torch.fx.Graph
        The second part, for `Backbone.rest`.
    """

    frozen: Backbone
    shape: torch.Size
    rest: Graph


def cut_before_trained(backbone: Backbone) -> Cut | None:
    """Cut a backbone where one tensor passes from what is frozen to what is trained.

    Returns
    -------
    Cut or None
        None if there is no such place, as where the first layer is trained.

    Examples
    --------
    >>> from attrlearn.nn.backbones import build_backbone
    >>> backbone = build_backbone("resnet18", None, "last_block", image_size=64).eval()
    >>> cut = cut_before_trained(backbone)
    >>> cut.shape
    torch.Size([512, 2, 2])
    >>> images = torch.zeros(3, 3, 64, 64, dtype=torch.uint8)
    >>> backbone.rest = cut.rest
    >>> activations = cut.frozen(images).unflatten(1, cut.shape)
    >>> torch.allclose(backbone(activations), backbone(images), atol=1e-6)
    True
    """
    graph = trace(backbone.model, backbone.trained)
    if graph is None or any("_tensor_constant" in str(node.target) for node in graph.nodes):
        return None  # such a tensor, made on the way, would be the tracer's alone
    trained = {name for name, part in backbone.model.named_modules() if part in backbone.trained}
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
    rest = Graph()
    _copy(later, rest, {last: rest.placeholder("activations")})
    frozen, shape = _as_backbone(backbone, first)
    return Cut(frozen, shape, rest)


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
    frozen = deepcopy(backbone).requires_grad_(False)
    frozen.trained = []
    frozen.model = _Part(frozen.model, first)
    frozen.eval()
    size = backbone.image_size
    image = torch.zeros(1, 3, size, size, dtype=backbone.dtype, device=backbone.mean.device)
    with torch.no_grad():
        shape = frozen.model(image)[0].shape
    frozen.n_features = shape.numel()
    return frozen, shape


class _Part(nn.Module):
    """Some of the calls of a model."""

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        super().__init__()
        self.model = model
        self.graph = graph

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the last of them returns."""
        return Interpreter(self.model, graph=self.graph).run(inputs)
