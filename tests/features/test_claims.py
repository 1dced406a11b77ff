import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from attrlearn.features import claims as claims_module
from attrlearn.features.claims import Claims

KEYS = [b"%d" % i for i in range(300)]

pytestmark = pytest.mark.skipif(claims_module.fcntl is None, reason="Windows has no such locks")

HOLD = """
import sys, time
from attrlearn.features.claims import Claims
print(len(Claims(sys.argv[1], "s").take([b"%d" % i for i in range(100)])), flush=True)
time.sleep(3600)
"""


@pytest.fixture
def other(tmp_path):
    """Another process, which holds the first hundred keys."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "100\n"
        yield process
        process.kill()


def n_open():
    return len(os.listdir("/dev/fd"))


def test_threads_share_the_keys_and_nobody_holds_one_twice(tmp_path):
    before = n_open()
    every = [Claims(tmp_path, "s") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda claims: claims.take(KEYS), every))
    assert sorted(key for keys in taken for key in keys) == sorted(KEYS)
    for claims, keys in zip(every, taken, strict=True):
        claims.release(keys)
    assert n_open() == before
    assert every[0].take(KEYS) == KEYS
    every[0].release(KEYS)


def test_another_purpose_is_another_claim(tmp_path):
    one, other = Claims(tmp_path, "resnet18"), Claims(tmp_path, "resnet50")
    assert one.take(KEYS) == other.take(KEYS) == KEYS
    one.release(KEYS)
    other.release(KEYS)


def test_the_claims_of_a_process_go_with_it(tmp_path, other):
    claims = Claims(tmp_path, "s")
    assert claims.take(KEYS) == KEYS[100:]
    claims.release(KEYS[100:])
    assert claims.take(KEYS[:100]) == []
    other.kill()
    other.wait()
    assert claims.take(KEYS) == KEYS
    claims.release(KEYS)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded")
def test_a_forked_child_holds_nothing_and_takes_nothing_away(tmp_path):
    claims = Claims(tmp_path, "s")
    assert claims.take(KEYS) == KEYS
    child = os.fork()
    if not child:
        claims.release(KEYS)
        os._exit(len(claims.take(KEYS)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    claims.release(KEYS)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EROFS])
def test_where_nothing_can_be_locked_everybody_gets_all(code, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    one, other = Claims(tmp_path, "s"), Claims(tmp_path, "s")
    monkeypatch.setattr(claims_module.fcntl, "lockf", fail)
    assert one.take(KEYS) == other.take(KEYS) == KEYS
    one.release(KEYS)
    other.release(KEYS)


def test_a_folder_that_cannot_be_made_stops_nobody(tmp_path):
    (tmp_path / "file").touch()
    claims = Claims(tmp_path / "file" / "cache", "s")
    assert claims.take(KEYS) == KEYS
    claims.release(KEYS)
