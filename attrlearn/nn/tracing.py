"""The graph of what a model calls, traced by torch.fx."""

import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from torch import nn
from torch.fx import Graph, Tracer
from torch.fx.proxy import TraceError

from attrlearn.forks import in_forked_child

__all__ = ["trace"]

# Tracing changes these methods of all modules, in all threads, and then puts back what was there.
_METHODS = {"__call__": nn.Module.__call__, "__getattr__": nn.Module.__getattr__}
_tracing = threading.Lock()


@in_forked_child
def _end_tracing() -> None:
    """Put back what a thread of the parent has not."""
    global _tracing
    if _tracing.locked():
        for name, method in _METHODS.items():
            setattr(nn.Module, name, method)
    _tracing = threading.Lock()


def trace(model: nn.Module, wholes: Sequence[nn.Module] = ()) -> Graph | None:
    """Return what a model calls in eval mode; None if that depends on what it is given.

    Threads take turns; meanwhile others may run any model.

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
        with _tracing:
            return _Tracer(model, wholes).trace(model.to("meta").eval())
    except TraceError:
        return None


class _Tracer(Tracer):
    """Looks into a model, but not into some of its parts, nor into what other threads run."""

    def __init__(self, model: nn.Module, wholes: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = set(model.modules())
        self.wholes = wholes

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        """Record a call of the model; let another pass."""
        if m not in self.parts:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a part is one call."""
        return m in self.wholes or super().is_leaf_module(m, module_qualified_name)
