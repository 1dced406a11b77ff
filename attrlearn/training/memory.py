"""Memory allocation: what a training step frees is kept for the next one."""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrlearn.forks import in_forked_child

__all__ = ["keep_freed_memory"]

# Parameters of mallopt in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4

_lock = threading.Lock()
_n_users = 0


@in_forked_child
def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Keep what is freed in the process, where glibc would give it back to the system at once.

    A step of training on a CPU takes and frees gigabytes in blocks of many megabytes. Given back
    and taken anew they come page by page, each filled with zeros: more than half of the time of a
    step of mobilenet_v2 (measured). At the end what is free goes back to the system. Two settings
    stay: glibc no longer moves its thresholds by itself, which nothing can undo; they are left
    where its rule arrives once blocks of 32 MB were freed (large blocks are mapped from 32 MiB on,
    the heap is trimmed above 64 MiB). With another C library nothing changes.

    Examples
    --------
    >>> with keep_freed_memory():
    ...     sum(range(4))
    6
    """
    global _n_users
    mallopt, malloc_trim = _glibc()
    with _lock:
        _n_users += 1
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        with _lock:
            _n_users -= 1
            if _n_users == 0:  # not while another thread learns
                # Where glibc's own rule arrives after large blocks were freed.
                mallopt(_MMAP_MAX, 65_536)
                mallopt(_MMAP_THRESHOLD, 32 * 2**20)
                mallopt(_TRIM_THRESHOLD, 64 * 2**20)
                malloc_trim(0)


def _glibc() -> tuple[Callable[[int, int], int], Callable[[int], int]]:
    """Its mallopt and malloc_trim, or what does nothing."""
    try:
        library = ctypes.CDLL(None)
        return library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return lambda *_: 0, lambda *_: 0
