"""Bytes under short keys, in one file that many processes read and write at once."""

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from attrlearn.exceptions import FeatureCacheWarning, warn
from attrlearn.forks import in_forked_child, keep_for_ever

__all__ = ["ByteStore"]

_VERSION = 1  # of the tables; a file with another one is emptied
_PATIENCE = 10.0  # seconds to wait for a lock, which others hold for milliseconds
_PAGE_BYTES = 32_768  # rows of 2 to 9 kB waste half of the smaller pages
_WAL_BYTES = 64_000_000  # the write-ahead log is cut back to this after a large put
_CACHE_BYTES = 32 * 2**20  # the rows of one statement, each page of them read once
_KEYS_AT_ONCE = 900  # old versions of SQLite take 999 parameters

T = TypeVar("T")


class ByteStore:
    """Tables of key and value in an SQLite file that never raises and never returns wrong bytes.

    It is opened at its first use. Each thread and each process opens its own; any number of them
    may work on one file. A `put` is there as a whole or not at all, even if the process is killed.

    When the file cannot be used (damaged, not writable, locked for 10 seconds, disk full), a
    UserWarning says so, once, and from then on the store is empty and keeps nothing. A value that
    does not match its checksum is deleted, also with a warning.

    Parameters
    ----------
    path : Path
        The file; its folder is created, for this user alone, when there is none.
    tables : sequence of str
    max_bytes : int
        When the file holds more than this after a `put`, the oldest entries of each table are
        removed until it holds at most 90% of it. The room is used again, the file does not shrink.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> store = ByteStore(Path(mkdtemp()) / "store.sqlite", ["files"], max_bytes=10**6)
    >>> store.put("files", [(b"a", b"1"), (b"b", b"2")])
    >>> store.get("files", [b"b", b"c"])
    {b'b': b'2'}
    """

    def __init__(self, path: Path, tables: Sequence[str], max_bytes: int) -> None:
        self.path = path
        self.tables = tables
        self.max_bytes = max_bytes
        self._connection: sqlite3.Connection | None = None
        self._failed = False
        self._warned = False

    @property
    def is_usable(self) -> bool:
        """Whether, as far as it was used, the file could be."""
        return not self._failed

    def get(self, table: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those `keys` that have one."""
        values: dict[bytes, bytes] = {}
        damaged: list[tuple[int]] = []

        def read(connection: sqlite3.Connection) -> None:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[start : start + _KEYS_AT_ONCE]
                rows = connection.execute(
                    f"SELECT rowid, key, value, checksum FROM {table} "
                    f"WHERE key IN ({','.join('?' * len(some))})",
                    some,
                )
                for row, key, value, checksum in rows:
                    if _is_intact(key, value, checksum):
                        values[key] = value
                    else:
                        damaged.append((row,))

        if keys:
            self._attempt("BEGIN", read)
        if damaged:
            self._warn(
                f"must return what was written. Got {len(damaged)} damaged entries at {self.path}. "
                "They are removed and computed anew. Should this come back, delete the folder"
            )
            delete = f"DELETE FROM {table} WHERE rowid = ?"
            self._attempt(
                "BEGIN IMMEDIATE", lambda connection: connection.executemany(delete, damaged)
            )
        return values

    def put(self, table: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Store pairs of key and value, all or none; a key that is there gets the new value."""
        rows = [(key, value, _checksum(key, value)) for key, value in items]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", rows)
            if _used_bytes(connection) > self.max_bytes:
                self._evict(connection)

        if rows:
            self._attempt("BEGIN IMMEDIATE", write)

    def count(self, table: str) -> int:
        """Return the number of entries in a table; a file that is absent stays so."""
        if not os.path.exists(self.path):
            return 0
        count = f"SELECT count(*) FROM {table}"
        return self._attempt("BEGIN", lambda c: int(c.execute(count).fetchone()[0])) or 0

    def n_bytes(self) -> int:
        """Return the bytes on disk, those of the write-ahead log included."""
        total = 0
        for path in self._files():
            with suppress(OSError):  # a log comes and goes
                total += path.stat().st_size
        return total

    def clear(self) -> None:
        """Delete the file, whatever its state; OSError where that is not allowed.

        Another process that has it open goes on with its own view of it, to the end of its run.
        """
        with suppress(Exception):  # of a damaged file
            self.close()
        self._connection = None
        for path in self._files():
            path.unlink(missing_ok=True)
        self._failed = self._warned = False

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def leave(self) -> None:
        """Leave the connection to the process that this one is forked from."""
        if self._connection is not None:
            keep_for_ever(self._connection)  # SQLite does not let it be closed here either
            self._finalizer.detach()
            self._connection = None

    def _files(self) -> list[Path]:
        """Return the files SQLite makes; the main one last, so that no log outlives it."""
        return [Path(f"{self.path}{suffix}") for suffix in ("-journal", "-wal", "-shm", "")]

    def _attempt(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return the result of `work` in one transaction; None if the file cannot be used."""
        if self._failed:
            return None
        try:
            connection = self._open()
            with connection:
                connection.execute(begin)
                return work(connection)
        except Exception as error:  # a damaged file makes sqlite3 raise UnicodeDecodeError, too
            self._failed = True
            with suppress(Exception):
                self.close()
            reason = getattr(error, "strerror", None) or error
            self._warn(
                f"must be readable and writable. Got '{reason}' at {self.path}. This run goes on "
                "without it. Make room or delete the folder"
            )
            return None

    def _open(self) -> sqlite3.Connection:
        """Return the connection, with the tables in place."""
        if self._connection is not None:
            return self._connection
        os.makedirs(self.path.parent, mode=0o700, exist_ok=True)
        connection = sqlite3.connect(
            self.path,
            timeout=_PATIENCE,
            isolation_level=None,  # transactions begin where this file says so
            check_same_thread=False,  # the garbage collector may close it in another thread
        )
        self._connection = connection
        self._finalizer = weakref.finalize(self, connection.close)
        _STORES.add(self)
        connection.text_factory = bytes  # of a damaged row, that is no UTF-8
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        with suppress(sqlite3.OperationalError):  # some network drives only know the older journal
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA cache_size = {-_CACHE_BYTES // 1024}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        if _version(connection) != _VERSION:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                if _version(connection) != _VERSION:  # unless another process was quicker
                    self._create(connection)
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        """Make the tables, in place of those of another version."""
        for table in self.tables:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(
                f"CREATE TABLE {table} (key BLOB UNIQUE, value BLOB, checksum INTEGER)"
            )
        connection.execute(f"PRAGMA user_version = {_VERSION}")

    def _evict(self, connection: sqlite3.Connection) -> None:
        """Remove the oldest entries, a sixteenth at a time, until a tenth of the room is free."""
        n_removed = -1
        while n_removed and _used_bytes(connection) > 0.9 * self.max_bytes:
            n_removed = 0
            for table in self.tables:
                # A row's number grows with time. Asked for together, both would cost a full scan.
                (first,) = connection.execute(f"SELECT min(rowid) FROM {table}").fetchone()
                (last,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
                if first is not None:
                    delete = f"DELETE FROM {table} WHERE rowid <= ?"
                    n_removed += connection.execute(delete, [first + (last - first) // 16]).rowcount

    def _warn(self, trouble: str) -> None:
        """Warn, unless this store did before."""
        if not self._warned:
            self._warned = True
            message = f"The feature cache {trouble}, or pass cache_dir=None."
            warn(message, FeatureCacheWarning)


_STORES: weakref.WeakSet[ByteStore] = weakref.WeakSet()


@in_forked_child
def _leave_connections() -> None:
    """Open each store anew."""
    for store in list(_STORES):
        store.leave()


def _checksum(key: bytes, value: bytes) -> int:
    """Return the checksum of an entry; the key counts, lest values be swapped."""
    return crc32(value, crc32(key))


def _is_intact(key: object, value: object, checksum: object) -> bool:
    """Whether a row of any types is an entry as it was stored."""
    if isinstance(key, bytes) and isinstance(value, bytes):
        return _checksum(key, value) == checksum
    return False


def _version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 for a new file."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the pages that hold something."""
    total, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (total - free) * size
