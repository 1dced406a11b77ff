"""Bytes on disk: nothing lost, nothing torn, nothing wrong, whatever happens to the file."""

import os
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from attrlearn.exceptions import FeatureCacheWarning
from attrlearn.features import store as store_module
from attrlearn.features.store import ByteStore

KEYS = [f"key{i}".encode() for i in range(60)]
ITEMS = [(key, b"value of " + key * 1_000) for key in KEYS]

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "folder" / "store.sqlite"


def open_store(path: Path, max_bytes: int = 10**9) -> ByteStore:
    return ByteStore(path, ["t", "other"], max_bytes)


def fill(path: Path) -> None:
    with closing(open_store(path)) as store:
        store.put("t", ITEMS)


def use(path: Path) -> list[str]:
    """Read and write, check that what is found is right; the warnings."""
    with warnings.catch_warnings(record=True) as caught, closing(open_store(path)) as store:
        warnings.simplefilter("always")
        for _ in range(2):
            found = store.get("t", KEYS)
            assert found.items() <= dict(ITEMS).items()
            store.put("t", [item for item in ITEMS if item[0] not in found])
    assert all(warning.category is FeatureCacheWarning for warning in caught)
    return [str(warning.message) for warning in caught]


def test_what_is_put_is_found_by_another_store_and_in_no_other_table(path):
    fill(path)
    with closing(open_store(path)) as store:
        assert store.get("t", [*KEYS[::-1], b"absent"]) == dict(ITEMS)
        assert store.get("other", KEYS) == {}
        assert (store.count("t"), store.count("other")) == (60, 0)


def test_a_key_put_again_gets_the_new_value(path):
    with closing(open_store(path)) as store:
        store.put("t", [(b"a", b"1"), (b"a", b"2")])
        assert store.get("t", [b"a"]) == {b"a": b"2"}
        store.put("t", [(b"a", b"")])
        assert store.get("t", [b"a"]) == {b"a": b""}


def test_more_keys_than_sqlite_takes_at_once_are_found(path):
    items = [(b"%d" % i, b"value") for i in range(2_500)]
    with closing(open_store(path)) as store:
        store.put("t", items)
        assert store.get("t", [key for key, _ in items]) == dict(items)


def test_nothing_is_opened_before_the_first_use_and_counting_makes_no_file(path):
    store = open_store(path)
    assert (store.count("t"), store.n_bytes()) == (0, 0)
    assert not path.parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_folder_is_for_this_user_alone(path):
    fill(path)
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_file_is_closed_with_the_store(path):
    store = open_store(path)
    store.put("t", ITEMS)
    assert Path(f"{path}-wal").exists()
    del store
    assert not Path(f"{path}-wal").exists()


def test_a_file_of_another_version_is_emptied_not_misread(path):
    fill(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with closing(open_store(path)) as store:
        assert store.get("t", KEYS) == {}
        store.put("t", ITEMS)
    assert use(path) == []


def test_the_oldest_entries_go_first_and_the_file_stays_under_its_cap(path):
    cap = 5_000_000
    with closing(open_store(path, cap)) as store:
        for i in range(500):  # 15 MB
            store.put("t", [(b"%d" % i, bytes(30_000))])
            assert path.stat().st_size <= cap * 1.2
        kept = sorted(int(key) for key in store.get("t", [b"%d" % i for i in range(500)]))
        assert kept == list(range(500 - len(kept), 500))
        assert len(kept) * 30_000 > 0.7 * cap
    assert path.stat().st_size <= cap * 1.2


def test_a_cap_below_one_put_keeps_nothing(path):
    with closing(open_store(path, max_bytes=1)) as store:
        store.put("t", ITEMS)
        assert store.get("t", KEYS) == {}


def test_a_value_that_was_changed_on_disk_is_removed_with_one_warning(path):
    fill(path)
    content = path.read_bytes()
    assert content.count(b"key7" * 1_000) == 1
    path.write_bytes(content.replace(b"key7" * 1_000, b"key8" * 1_000))
    with closing(open_store(path)) as store:
        with pytest.warns(UserWarning, match=r"what was written\. Got 1 damaged") as caught:
            found = store.get("t", KEYS)
        assert len(caught) == 1
        assert found == dict(item for item in ITEMS if item[0] != b"key7")
        assert store.count("t") == 59
    assert use(path) == []


def test_a_value_under_the_key_of_another_is_not_returned(path):
    fill(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM t WHERE key = ?", [KEYS[1]])
        connection.execute("UPDATE t SET key = ? WHERE key = ?", [KEYS[1], KEYS[0]])
    with closing(open_store(path)) as store, pytest.warns(UserWarning, match="1 damaged"):
        assert store.get("t", KEYS[:2]) == {}


@pytest.mark.parametrize("value", ["'text'", "NULL", "-1", "0.5", "CAST(x'FF80' AS TEXT)"])
def test_a_value_of_another_type_is_not_returned(path, value):
    fill(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            f"UPDATE t SET value = {value}, checksum = {value} WHERE key = ?", KEYS[:1]
        )
    with closing(open_store(path)) as store, pytest.warns(UserWarning, match="1 damaged"):
        assert store.get("t", KEYS[:1]) == {}


def test_damage_anywhere_in_the_file_gives_no_wrong_value_and_at_most_one_warning(path):
    fill(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    n_warned = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for start in rng.integers(0, len(whole), rng.integers(1, 6)):
            length = min(int(rng.choice([1, 16, 512, 40_000])), len(whole) - start)
            damaged[start : start + length] = rng.bytes(length)
        path.write_bytes(damaged)
        messages = use(path)
        assert len(messages) <= 1
        n_warned += len(messages)
        for log in ("-wal", "-shm", "-journal"):
            Path(f"{path}{log}").unlink(missing_ok=True)
    assert n_warned > 20


def test_no_bit_of_the_file_makes_it_raise_or_return_what_was_not_put(path):
    fill(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    start = whole.index(b"CREATE TABLE") - 60
    for place in [*range(100), *range(start, 32_768, 2), *rng.integers(0, len(whole), 100)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        assert len(use(path)) <= 1
        store = open_store(path)
        store.clear()
        assert not any(path.parent.iterdir())


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.95])
def test_a_truncated_file_gives_one_warning(path, share):
    fill(path)
    os.truncate(path, int(path.stat().st_size * share))
    (message,) = use(path)
    assert "must be readable and writable. Got '" in message
    assert f"at {path}. This run goes on without it." in message
    assert "delete the folder, or pass cache_dir=None." in message


def test_a_file_that_is_no_database_gives_one_warning_until_it_is_cleared(path):
    path.parent.mkdir()
    path.write_bytes(b"This is a letter to my aunt. " * 1_000)
    store = open_store(path)
    with pytest.warns(UserWarning, match="Got 'file is not a database'"):
        store.put("t", ITEMS)
    assert store.get("t", KEYS) == {}
    assert store.count("t") == 0
    store.clear()
    store.put("t", ITEMS)
    assert store.get("t", KEYS) == dict(ITEMS)


def test_a_folder_that_cannot_be_made_gives_one_warning(path):
    path.parent.write_text("a file where the folder should be")
    (message,) = use(path)
    assert "Got 'File exists' at" in message or "Got 'Not a directory' at" in message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_must_not_be_written_gives_one_warning(path):
    path.parent.mkdir(mode=0o500)
    (message,) = use(path)
    assert "unable to open" in message


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [("query_only = 1", "attempt to write a readonly database"), ("max_page_count = 8", "is full")],
)
def test_a_file_that_takes_no_more_gives_one_warning_and_keeps_what_it_had(path, pragma, reason):
    with closing(open_store(path)) as store:
        store.put("t", ITEMS[:3])
        store._open().execute(f"PRAGMA {pragma}")
        with pytest.warns(UserWarning, match=reason):
            store.put("t", [(b"large", bytes(10**6))])
        store.put("t", ITEMS)
        assert store.get("t", KEYS) == {}
    with closing(open_store(path)) as store:
        assert store.get("t", [*KEYS, b"large"]) == dict(ITEMS[:3])


def test_a_file_that_stays_locked_gives_one_warning(path, monkeypatch):
    monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(open_store(path)) as store:
            assert store.get("t", KEYS) == dict(ITEMS)
            with pytest.warns(UserWarning, match="Got 'database is locked'"):
                store.put("t", ITEMS)
            store.put("t", ITEMS)
    assert use(path) == []


def test_a_lock_that_is_soon_released_is_waited_for(path):
    fill(path)
    holder = [sys.executable, SCRIPTS / "lock_database.py", path]
    with subprocess.Popen(holder, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert use(path) == []


def test_an_error_of_the_caller_passes_and_stores_nothing(path):
    with closing(open_store(path)) as store:
        with pytest.raises(ValueError, match="unpack"):
            store.put("t", [(b"a", b"1"), (b"b",)])
        assert store.get("t", [b"a"]) == {}


def test_clear_removes_all_even_while_another_store_is_open(path):
    fill(path)
    with closing(open_store(path)) as reader:
        assert reader.get("t", KEYS) == dict(ITEMS)
        open_store(path).clear()
        assert list(path.parent.iterdir()) == []
        fill(path)
        reader.put("t", [(b"late", b"1")])
    with closing(open_store(path)) as store:
        assert store.get("t", [*KEYS, b"late"]) == dict(ITEMS)


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_whole_puts_and_loses_none_it_finished(path):
    rng = np.random.default_rng(0)
    for _ in range(6):
        writer = [sys.executable, SCRIPTS / "write_store.py", path]
        with subprocess.Popen(writer, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, 0.15))
            process.kill()
            finished = [int(line) for line in process.stdout.read().split()]
        with closing(ByteStore(path, ["t"], 10**9)) as store:
            n_entries = store.count("t")
            keys = [b"%d/%d" % (batch, i) for batch in range(n_entries // 8) for i in range(8)]
            assert store.get("t", keys) == {key: key * 3_000 for key in keys}
            assert n_entries == len(keys) > 8 * max(finished, default=0)
