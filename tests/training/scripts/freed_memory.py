"""Asserts what malloc does with freed memory, in the case of its argument: a function below."""

import ctypes
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrlearn.training.memory import keep_freed_memory

MB = 2**20


class MallInfo(ctypes.Structure):
    """What mallinfo2 returns."""

    _fields_ = [(f"field_{i}", ctypes.c_size_t) for i in range(10)]  # the fifth: hblkhd


library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
library.mallinfo2.restype = MallInfo


def share_from_the_system():
    """Of the pages of blocks taken, written to and freed, one after the other."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        block = library.malloc(64 * MB)
        ctypes.memset(block, 1, 64 * MB)
        library.free(block)
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return pages * resource.getpagesize() / (8 * 64 * MB)


def is_kept():
    """Whether a large block, when it is freed, would stay with the process."""
    before = library.mallinfo2().field_4
    block = library.malloc(1000 * MB)
    mapped = library.mallinfo2().field_4 - before
    library.free(block)
    return mapped < 500 * MB


def resident():
    """Bytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def used_again():
    """It is used again, and goes back at the end."""
    size = resident()
    assert not is_kept()
    assert share_from_the_system() > 0.9
    with keep_freed_memory():
        assert share_from_the_system() < 0.2
        assert is_kept()
        assert resident() > size + 50 * MB
    assert resident() < size + 50 * MB
    assert not is_kept()
    assert share_from_the_system() > 0.9


def several():
    """The last of several gives it back, also after an error."""

    def inner():
        with keep_freed_memory():
            raise ZeroDivisionError

    with keep_freed_memory(), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(inner).exception(), ZeroDivisionError)
        assert is_kept()
    assert not is_kept()


def another_library():
    """Another C library is left alone."""
    ctypes.CDLL = lambda _: object()
    with keep_freed_memory():
        assert not is_kept()


if __name__ == "__main__":
    cases = {"used_again": used_again, "several": several, "another_library": another_library}
    cases[sys.argv[1]]()
