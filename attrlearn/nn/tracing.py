"""What a model calls, as a graph."""

from collections.abc import Sequence
from copy import deepcopy

from torch import nn
from torch.fx import Graph, Tracer
from torch.fx.proxy import TraceError

__all__ = ["trace"]


def trace(model: nn.Module, wholes: Sequence[nn.Module] = ()) -> Graph | None:
    """Return what a model calls in eval mode; None if that depends on what it is given.

    Parameters
    ----------
    model : torch.nn.Module
    wholes : sequence of torch.nn.Module
        Parts of it that are one call each, as those of torch itself are.

    Examples
    --------
    >>> [node.op for node in trace(nn.Sequential(nn.ReLU(), nn.Flatten())).nodes]
    ['placeholder', 'call_module', 'call_module', 'output']
    """
    # Without weights: a tracer is in a circle of references, which would keep them.
    model, wholes = deepcopy((model, tuple(wholes)))
    try:
        return _Tracer(wholes).trace(model.to("meta").eval())
    except TraceError:
        return None


class _Tracer(Tracer):
    """Does not look into some parts."""

    def __init__(self, wholes: Sequence[nn.Module]) -> None:
        super().__init__()
        self.wholes = wholes

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a part is one call."""
        return m in self.wholes or super().is_leaf_module(m, module_qualified_name)
