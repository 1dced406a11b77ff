"""A forked process learns, predicts and ends as its parent does.

Each test forks in a process of its own: that of pytest has threads which the fork would copy.
"""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

START = """
import os, sys, threading, time
import numpy as np, torch
from attrlearn import AttributeClassifier, ImageEmbedder
torch.set_num_threads(2)
engine = sys.argv[1]
X = np.random.default_rng(0).integers(0, 256, (12, 40, 40, 3), dtype=np.uint8)
y = [[0, 1], [1, 0], [1, 1]] * 4
options = dict(weights=None, image_size=32, random_state=0, engine=engine, dtype="float32")

def new(**more):
    return AttributeClassifier("squeezenet1_1", max_epochs=1, **options, **more)

def in_child(work):
    '''Exit status of a forked process that works and then ends as any other; -1: after 80 s.'''
    child = os.fork()
    if child == 0:
        work()
        sys.exit(0)
    for _ in range(800):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.1)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1
"""

ENGINES = ["torch", pytest.param("openvino", marks=pytest.mark.openvino)]


@pytest.fixture(autouse=True)
def _skip_without_openvino(request):
    if request.node.get_closest_marker("openvino"):
        pytest.importorskip("openvino")


def run(code, engine="torch"):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", START + code, engine],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_forked_process_predicts_as_its_parent(engine):
    code = """
clf = new().fit(X, y)
expected = clf.predict_proba(X)
def work():
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_allclose(clf.predict_proba(X[:1]), expected[:1], atol=1e-5)
print(in_child(work), in_child(lambda: in_child(work) and sys.exit(1)))
np.testing.assert_array_equal(clf.predict_proba(X), expected)
"""
    assert run(code, engine) == ["0", "0"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("trainable", ["head", "last_block", "all"])
def test_a_forked_process_fits_as_its_parent(engine, trainable):
    code = f"""
first = new(trainable={trainable!r}).fit(X, y)
expected = first.predict_proba(X)
def work():
    again = first.fit(X, y)  # which frees what the parent opened
    assert again.predict_proba(X).shape == expected.shape
    embedder = ImageEmbedder("squeezenet1_1", **options)
    assert embedder.fit_transform(X).shape == (12, 512)
print(in_child(work))
"""
    assert run(code, engine) == ["0"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pool_of_forked_processes_predicts(engine):
    code = """
from multiprocessing import get_context
clf = new().fit(X, y)
expected = clf.predict_proba(X)
with get_context("fork").Pool(2) as pool:
    found = pool.map_async(clf.predict_proba, [X[:6], X[6:]]).get(timeout=60)
np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-5)
"""
    assert run(code, engine) == []


def test_locks_that_are_held_at_the_fork_are_free_in_the_child():
    code = """
from attrlearn.images import decoding, encoded
from attrlearn.nn import tracing
from attrlearn.training import memory, seeds
def locks():
    return [
        encoded._reading,
        decoding._copying,
        memory._lock,
        seeds._global_generators,
        tracing._tracing,
    ]
for lock in locks():
    lock.acquire()
def work():
    free = all(lock.acquire(timeout=1) for lock in locks())
    # What only returns from a thread of the parent goes on with the threads that libraries have
    # started anew in the child, such as those of jemalloc.
    os._exit(0 if free and torch.get_num_threads() == 1 else 1)
holder = threading.Thread(target=lambda: print(in_child(work)))
holder.start()
holder.join()
"""
    assert run(code) == ["0"]


def test_a_store_is_opened_anew_in_a_forked_process(tmp_path):
    code = f"""
from pathlib import Path
from attrlearn.features.store import ByteStore
store = ByteStore(Path({str(tmp_path)!r}) / "a.sqlite", ["files"], 10**6)
store.put("files", [(b"a", b"1")])
connection = store._connection
def work():
    assert store.get("files", [b"a"]) == {{b"a": b"1"}}
    store.put("files", [(b"b", b"2")])
    assert store._connection not in (None, connection)
print(in_child(work))
assert store._connection is connection
print(store.get("files", [b"a", b"b"]) == {{b"a": b"1", b"b": b"2"}})
"""
    assert run(code) == ["0", "True"]
