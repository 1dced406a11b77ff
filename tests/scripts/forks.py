"""Fork, and check what the child does: ``forks.py CASE [ARGUMENT]``."""

import os
import sys
import threading
import time
from importlib import import_module
from pathlib import Path


def in_child(work):
    """Exit status of a forked process that works and then ends as any other; -1: after 80 s."""
    child = os.fork()
    if child == 0:
        work()
        sys.exit(0)
    for _ in range(4_000):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


def show(what, status):
    """Print a line, at once: a child that is forked with it in hand would print it again."""
    print(f"{what}: {status}", flush=True)


def models(engine):
    """Predict and fit in children of one process; to start it takes as long as many of them."""
    from multiprocessing import get_context

    import numpy as np
    import torch

    from attrlearn import AttributeClassifier, ImageEmbedder

    torch.set_num_threads(2)
    X = np.random.default_rng(0).integers(0, 256, (12, 40, 40, 3), dtype=np.uint8)
    y = [[0, 1], [1, 0], [1, 1]] * 4
    options = {"image_size": 32, "random_state": 0, "engine": engine, "dtype": "float32"}

    def fitted(**more):
        clf = AttributeClassifier("squeezenet1_1", weights=None, max_epochs=1, **options, **more)
        return clf.fit(X, y)

    clf = fitted()
    expected = clf.predict_proba(X)

    def predict():
        np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
        np.testing.assert_allclose(clf.predict_proba(X[:1]), expected[:1], atol=1e-5)

    show("predict", in_child(predict))
    show("predict in a child of the child", in_child(lambda: sys.exit(in_child(predict))))
    np.testing.assert_array_equal(clf.predict_proba(X), expected)

    def fit(first):
        again = first.fit(X, y)  # which frees what the parent opened
        assert again.predict_proba(X).shape == expected.shape
        embedder = ImageEmbedder("squeezenet1_1", weights=None, **options)
        assert embedder.fit_transform(X).shape == (12, 2176)

    for trainable in ("head", "last_block", "all"):
        first = fitted(trainable=trainable)
        first.predict_proba(X)
        show(f"fit {trainable}", in_child(lambda first=first: fit(first)))

    with get_context("fork").Pool(2) as pool:
        found = pool.map_async(clf.predict_proba, [X[:6], X[6:]]).get(timeout=60)
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-5)
    show("predict in a pool", 0)


def locks():
    """Hold the locks of the modules that do without torch."""
    hold_and_fork(_light_locks)


def locks_and_threads():
    """Hold all locks, and compute with two threads."""
    import torch

    from attrlearn.nn import templates, tracing
    from attrlearn.training import seeds

    import_module("attrlearn.features.backends")  # tells torch of the fork
    openvino_backend = import_module("attrlearn.features.openvino_backend")
    prepared = import_module("attrlearn.features.prepared")
    torch.set_num_threads(2)
    hold_and_fork(
        lambda: [
            *_light_locks(),
            seeds._global_generators,
            tracing._tracing,
            templates._building,
            openvino_backend._converting,
            prepared._lock,
        ],
        lambda: torch.get_num_threads() == 1,
    )


def _light_locks():
    from attrlearn.images import decoding, encoded
    from attrlearn.remote import file_systems
    from attrlearn.training import memory

    return [encoded._reading, decoding._copying, memory._lock, file_systems._choosing]


def hold_and_fork(locks, is_alone=lambda: True):
    """Hold the locks in this thread, and fork in another."""
    for lock in locks():
        lock.acquire()

    def work():
        free = all(lock.acquire(timeout=1) for lock in locks())
        # What only returns from a thread of the parent goes on with the threads that libraries
        # have started anew in the child, such as those of jemalloc.
        os._exit(0 if free and is_alone() else 1)

    holder = threading.Thread(target=lambda: show("locks", in_child(work)))
    holder.start()
    holder.join()


def store(path):
    """Read and write a store that the parent has open."""
    from attrlearn.features.store import ByteStore

    store = ByteStore(Path(path), ["files"], 10**6)
    store.put("files", [(b"a", b"1")])
    connection = store._connection

    def work():
        assert store.get("files", [b"a"]) == {b"a": b"1"}
        store.put("files", [(b"b", b"2")])
        assert store._connection not in (None, connection)

    show("store", in_child(work))
    assert store._connection is connection
    assert store.get("files", [b"a", b"b"]) == {b"a": b"1", b"b": b"2"}


def urls(folder, *urls):
    """Fetch in a child what the parent has fetched, from servers and from archives it has open."""
    from attrlearn.remote.fetching import fetch_all

    def work():
        assert fetch_all(urls) == contents
        assert contents == [Path(folder, "image_00000.png").read_bytes()] * len(urls)

    contents = fetch_all(urls)
    show("urls", in_child(work))
    work()


if __name__ == "__main__":
    cases = [models, locks, locks_and_threads, store, urls]
    {case.__name__: case for case in cases}[sys.argv[1]](*sys.argv[2:])
