import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from attrlearn.nn.templates import copy_of


def never():
    pytest.fail("it was built again")


def test_it_is_built_once_and_each_copy_may_be_edited():
    first = copy_of("a", lambda: [[1]])
    first[0].append(2)
    second = copy_of("a", never)
    assert second == [[1]]
    second.clear()
    assert copy_of("a", never) == [[1]]


def test_two_are_kept_those_that_were_used_last():
    for key in "abac":
        copy_of(key, lambda: 0)
    assert copy_of("a", never) == copy_of("c", never) == 0
    assert copy_of("b", lambda: 1) == 1
    assert copy_of("c", never) == 0


def test_what_fails_is_not_kept():
    with pytest.raises(ZeroDivisionError):
        copy_of("a", lambda: 1 / 0)
    assert copy_of("a", lambda: 1) == 1


def test_threads_that_want_the_same_wait_for_one():
    built, barrier = [], threading.Barrier(4)

    def build():
        built.append(1)
        threading.Event().wait(0.05)
        return [len(built)]

    def ask(_):
        barrier.wait()
        return copy_of("a", build)

    with ThreadPoolExecutor(4) as pool:
        copies = list(pool.map(ask, range(4)))
    assert copies == [[1]] * 4
    assert len({id(copy) for copy in copies}) == 4
