import ctypes
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from attrlearn.training.memory import keep_freed_memory

resource = pytest.importorskip("resource")
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc is not glibc's")
MB = 2**20


def share_from_the_system():
    """Of the pages of blocks taken and freed one after the other."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.empty(64 * MB, dtype=torch.uint8).fill_(1)
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return pages * resource.getpagesize() / (8 * 64 * MB)


def resident():
    """Bytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def comes_from_the_heap():
    """Whether a large block does, where freed memory stays, and not from the system."""

    def heap():
        (line,) = [x for x in Path("/proc/self/maps").read_text().splitlines() if "[heap]" in x]
        start, end = line.split()[0].split("-")
        return int(end, 16) - int(start, 16)

    before = heap()
    block = torch.empty(1000 * MB, dtype=torch.uint8)
    return heap() - before > block.nbytes / 2


@glibc
def test_freed_memory_is_used_again_and_goes_back_at_the_end():
    size = resident()
    with keep_freed_memory():
        share_from_the_system()
        assert share_from_the_system() < 1 / 8
        assert comes_from_the_heap()
        assert resident() > size + 50 * MB
    assert resident() < size + 50 * MB
    assert not comes_from_the_heap()


@glibc
def test_the_last_of_several_gives_it_back_also_after_an_error():
    def inner():
        with keep_freed_memory():
            raise ZeroDivisionError

    with keep_freed_memory(), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(inner).exception(), ZeroDivisionError)
        assert comes_from_the_heap()
    assert not comes_from_the_heap()


@glibc
def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with keep_freed_memory():
        assert not comes_from_the_heap()
