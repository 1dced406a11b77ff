import ctypes
import platform
import subprocess
import sys

import pytest

LIBRARY = ctypes.CDLL(None) if platform.system() == "Linux" else None
glibc = pytest.mark.skipif(not hasattr(LIBRARY, "mallinfo2"), reason="needs glibc 2.33")

# What a process has freed before decides where malloc takes a block from: each test has its own.
TOOLS = """
import ctypes, resource
from concurrent.futures import ThreadPoolExecutor
from attrlearn.training.memory import keep_freed_memory

MB = 2**20
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]

class MallInfo(ctypes.Structure):
    _fields_ = [(f"field_{i}", ctypes.c_size_t) for i in range(10)]  # the fifth: hblkhd

library.mallinfo2.restype = MallInfo

def share_from_the_system():
    "Of the pages of blocks taken, written to and freed, one after the other."
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        block = library.malloc(64 * MB)
        ctypes.memset(block, 1, 64 * MB)
        library.free(block)
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return pages * resource.getpagesize() / (8 * 64 * MB)

def is_kept():
    "Whether a large block, when it is freed, would stay with the process."
    before = library.mallinfo2().field_4
    block = library.malloc(1000 * MB)
    mapped = library.mallinfo2().field_4 - before
    library.free(block)
    return mapped < 500 * MB

def resident():
    "Bytes of memory that the process has."
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
"""


def run(code):
    """Run code in a new process; an assertion that fails there fails here."""
    done = subprocess.run([sys.executable, "-c", TOOLS + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@glibc
def test_freed_memory_is_used_again_and_goes_back_at_the_end():
    run("""
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
""")


@glibc
def test_the_last_of_several_gives_it_back_also_after_an_error():
    run("""
def inner():
    with keep_freed_memory():
        raise ZeroDivisionError

with keep_freed_memory(), ThreadPoolExecutor(1) as pool:
    assert isinstance(pool.submit(inner).exception(), ZeroDivisionError)
    assert is_kept()
assert not is_kept()
""")


@glibc
def test_another_c_library_is_left_alone():
    run("""
ctypes.CDLL = lambda _: object()
with keep_freed_memory():
    assert not is_kept()
""")
