import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from attrlearn.features.model_folder import ModelFolder


@pytest.fixture
def folder(tmp_path):
    """A folder that holds three models of 104 bytes, used in this order."""
    folder = ModelFolder(tmp_path, max_bytes=350)
    for age, name in enumerate("cba"):
        folder.put(name, name.encode() * 100)
        os.utime(folder.path / f"{name}.model", (1_000 - age, 1_000 - age))
    return folder


def names(folder):
    return {name for name in "abcdef" if folder.get(name) is not None}


def test_what_is_put_is_found_by_another(folder, tmp_path):
    other = ModelFolder(str(tmp_path))
    assert other.get("a") == b"a" * 100
    assert other.get("d") is None
    folder.put("a", b"more ", b"than one part")
    assert other.get("a") == b"more than one part"
    assert other.info() == (tmp_path / "attrlearn_models", 3, 2 * 104 + 22, 2_000_000_000)


def test_those_used_longest_ago_make_room(folder):
    assert folder.get("a") == b"a" * 100  # the oldest, but used just now
    folder.put("d", b"d" * 100)
    assert names(folder) == {"a", "c", "d"}
    folder.put("e", b"e" * 340)
    assert names(folder) == {"e"}


def test_what_has_no_room_is_not_kept_and_takes_none(folder):
    folder.put("d", b"d" * 200, b"d" * 200)
    assert names(folder) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:-1] + b"?",
        lambda content: b"?" + content[1:],
        lambda content: content[:3],
        lambda content: b"",
    ],
)
def test_a_damaged_file_is_as_good_as_none_until_it_is_put_again(folder, damage):
    path = folder.path / "a.model"
    path.write_bytes(damage(path.read_bytes()))
    assert names(folder) == {"b", "c"}
    folder.put("a", b"whole")
    assert folder.get("a") == b"whole"


def test_the_file_of_another_name_is_none(folder):
    (folder.path / "b.model").replace(folder.path / "a.model")
    assert folder.get("a") is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    (tmp_path / "file").write_text("mine")
    folder = ModelFolder(tmp_path / "file")
    folder.put("a", b"1")
    assert folder.get("a") is None
    assert folder.info()[1:3] == (0, 0)
    folder.clear()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_put_that_fails_leaves_nothing(folder, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    folder.put("d", b"d")
    assert {path.suffix for path in folder.path.iterdir()} == {".model"}


def test_what_a_killed_process_left_goes_later(folder):
    old, new = folder.path / "old.part", folder.path / "new.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7_200,) * 2)
    folder.put("d", b"d")
    assert (old.exists(), new.exists()) == (False, True)


def test_clear_removes_all_but_what_others_put_there(folder):
    (folder.path / "mine.txt").write_text("mine")
    folder.clear()
    assert [path.name for path in folder.path.iterdir()] == ["mine.txt"]
    (folder.path / "mine.txt").unlink()
    folder.clear()
    assert not folder.path.exists()


def test_threads_put_and_get_at_once(tmp_path):
    folder = ModelFolder(tmp_path)

    def work(number):
        folder.put("a", bytes([number]) * 100_000)
        found = folder.get("a")
        return found is not None and len(set(found)) == 1

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))
