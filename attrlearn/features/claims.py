"""Claims: who computes what, among all processes and threads that share a folder."""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from attrlearn.forks import in_forked_child

try:
    import fcntl
except ImportError:  # Windows, where everybody computes what it needs
    fcntl = None  # type: ignore[assignment]

__all__ = ["Claims", "lock_file"]


@dataclass
class _LockFile:
    """A file that this process has open as long as it holds a claim in it."""

    descriptor: int
    places: set[int] = field(default_factory=set)


# One per file and process: to close a second one would give up the locks of the first.
_lock_files: dict[str, _LockFile] = {}
_guard = threading.Lock()


@in_forked_child
def _hold_nothing() -> None:
    """Leave the claims to the process that this one is forked from."""
    global _lock_files, _guard
    for file in _lock_files.values():
        os.close(file.descriptor)
    _lock_files, _guard = {}, threading.Lock()


class Claims:
    """Keys, each of which one thread of one process holds at a time.

    A key stands for a byte of a file that stays empty, and who holds the key has locked that byte.
    The operating system gives up the locks of a process that dies. Nothing here waits.

    Where nothing can be locked (Windows, a folder that is read-only, a drive that knows no locks)
    everybody gets all keys.

    Parameters
    ----------
    folder : path
        Of the file, which is made if it is absent.
    purpose : str
        What the keys are claimed for. Claims for another purpose do not meet these.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = mkdtemp()
    >>> one, other = Claims(folder, "resnet18"), Claims(folder, "resnet18")
    >>> one.take([b"shirt", b"dress"])
    [b'shirt', b'dress']
    >>> other.take([b"dress", b"skirt"])
    [b'skirt']
    >>> one.release([b"dress"])
    >>> other.take([b"dress"])
    [b'dress']
    >>> one.release([b"shirt"])
    >>> other.release([b"dress", b"skirt"])
    """

    def __init__(self, folder: str | os.PathLike[str], purpose: str) -> None:
        self.path = os.path.realpath(lock_file(folder))
        self.purpose = purpose.encode()
        self._works = fcntl is not None

    def take(self, keys: Iterable[bytes]) -> list[bytes]:
        """Claim keys, each once, and return those that nobody else holds."""
        keys = list(keys)
        if not (keys and self._works):
            return keys
        with _guard:
            try:
                file = self._open()
                return [key for key in keys if _lock(file, self._place(key))]
            except OSError:
                self._works = False
                return keys
            finally:
                self._close_unless_held()

    def release(self, keys: Iterable[bytes]) -> None:
        """Give up keys that this object got from `take`."""
        with _guard:
            file = _lock_files.get(self.path)
            for place in {self._place(key) for key in keys} & (file.places if file else set()):
                assert file is not None
                file.places.remove(place)
                with suppress(OSError):
                    fcntl.lockf(file.descriptor, fcntl.LOCK_UN, 1, place)
            self._close_unless_held()

    def _open(self) -> _LockFile:
        """Return the file, which other threads may have open already."""
        if self.path not in _lock_files:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            _lock_files[self.path] = _LockFile(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666))
        return _lock_files[self.path]

    def _close_unless_held(self) -> None:
        """Close the file after the last claim of this process."""
        file = _lock_files.get(self.path)
        if file is not None and not file.places:
            os.close(_lock_files.pop(self.path).descriptor)

    def _place(self, key: bytes) -> int:
        """The byte that stands for a key; two keys that share one are claimed one by one."""
        return int.from_bytes(blake2b(key + self.purpose, digest_size=7).digest(), "little")


def lock_file(folder: str | os.PathLike[str]) -> Path:
    """Return the file of the claims in a folder; ``~`` is the home folder.

    Examples
    --------
    >>> lock_file("features").as_posix()
    'features/attrlearn_features.lock'
    """
    return Path(folder).expanduser() / "attrlearn_features.lock"


def _lock(file: _LockFile, place: int) -> bool:
    """Whether a byte of a file could be locked, which no other thread or process has locked."""
    if place in file.places:
        return False
    try:
        fcntl.lockf(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError):  # another process has; systems differ in the error
        return False
    file.places.add(place)
    return True
