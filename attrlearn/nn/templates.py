"""What takes long to build, kept as it was built, for the next one that needs it to copy."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from copy import deepcopy
from typing import Any, TypeVar

from attrlearn.forks import in_forked_child

__all__ = ["copy_of"]

# In memory beside the models in use: a search has one backbone or compares two, and the largest
# take a gigabyte each.
_MOST = 2

T = TypeVar("T")

_templates: OrderedDict[Hashable, Any] = OrderedDict()  # that used last comes last
_building = threading.Lock()


@in_forked_child
def _renew_lock() -> None:
    global _building
    _building = threading.Lock()


def copy_of(key: Hashable, build: Callable[[], T]) -> T:
    """Return a copy of what `build` makes, which is called once as long as it is kept.

    Threads that want the same wait for the one that builds it. The template itself is given to
    nobody, as whoever has it may edit it.

    Parameters
    ----------
    key : hashable
        All that the result depends on.
    build : callable

    Examples
    --------
    >>> first = copy_of("weights", lambda: [1, 2])
    >>> first.append(3)
    >>> copy_of("weights", lambda: [])
    [1, 2]
    """
    with _building:
        template = _templates.pop(key, None)
        while len(_templates) >= _MOST:
            _templates.popitem(last=False)
        if template is None:
            template = build()
        _templates[key] = template
    return deepcopy(template)
