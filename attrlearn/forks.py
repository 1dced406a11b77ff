"""Forked processes: locks and threads that must not be taken over from the parent."""

import ctypes
import os
from collections.abc import Callable

__all__ = ["in_forked_child", "keep_for_ever"]


def in_forked_child(start_anew: Callable[[], None]) -> Callable[[], None]:
    """Call a function first of all in each process that is forked from this one.

    A fork copies the memory of a process and one of its threads. A lock that another thread held
    stays locked in the copy, and whatever waits for another thread waits for ever.

    Parameters
    ----------
    start_anew : callable

    Returns
    -------
    callable
        The same, so that this serves as a decorator.
    """
    if hasattr(os, "register_at_fork"):  # Windows does not fork
        os.register_at_fork(after_in_child=start_anew)
    return start_anew


def keep_for_ever(thing: object) -> None:
    """Never free an object, not even at the end of the process.

    Examples
    --------
    >>> from weakref import ref
    >>> thing = {1}
    >>> keep_for_ever(thing)
    >>> known = ref(thing)
    >>> del thing
    >>> known()
    {1}
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
