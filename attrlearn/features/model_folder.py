"""Models as an inference backend has converted them, kept on disk from one run to the next."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from zlib import crc32

from attrlearn.features.cache import CacheInfo

__all__ = ["ModelFolder"]

_SUFFIX, _UNFINISHED = ".model", ".part"
_CHECKSUM_BYTES = 4
_ABANDONED = 3_600  # seconds after which nobody goes on writing a file


class ModelFolder:
    """Bytes under short names, a file each, that any number of processes read and write at once.

    It never raises and never returns other bytes than were kept: a file that is damaged is as good
    as none, and nothing is kept where nothing can be written.

    Parameters
    ----------
    cache_dir : path
        The folder of the feature cache; its folder `attrlearn_models` is created, for this user
        alone, by the first `put`.
    max_bytes : int, default=2_000_000_000
        About 2 GB: two hundred small models or a few of the largest. When there is more, those used
        longest ago are removed.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = ModelFolder(mkdtemp())
    >>> folder.put("resnet18", b"layers", b"weights")
    >>> folder.get("resnet18").tobytes()
    b'layersweights'
    >>> folder.get("resnet50") is None
    True
    """

    def __init__(self, cache_dir: str | os.PathLike[str], max_bytes: int = 2_000_000_000) -> None:
        self.path = Path(cache_dir).expanduser() / "attrlearn_models"
        self.max_bytes = max_bytes

    def get(self, name: str) -> memoryview | None:
        """Return what is kept under a name, if anything."""
        path = self._file(name)
        try:
            content = memoryview(path.read_bytes())
        except OSError:
            return None
        checksum, rest = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if _checksum(name, rest) != checksum:
            return None
        with suppress(OSError):  # it may be another user's
            os.utime(path)
        return rest

    def put(self, name: str, *parts: bytes) -> None:
        """Keep some bytes, one after another, in place of what that name had."""
        if sum(map(len, parts)) > self.max_bytes:
            return
        with suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.path, suffix=_UNFINISHED, delete=False) as file:
                try:
                    file.writelines((_checksum(name, *parts), *parts))
                    file.close()
                    os.replace(file.name, self._file(name))  # never half a file, for no reader
                except BaseException:
                    file.close()
                    os.unlink(file.name)
                    raise
            self._make_room()

    def info(self) -> CacheInfo:
        """Return where the models are, how many, and how much they take on disk."""
        states = [state for _, state in self._files(_SUFFIX)]
        return CacheInfo(self.path, len(states), sum(s.st_size for s in states), self.max_bytes)

    def clear(self) -> None:
        """Remove all there is; OSError if a file cannot be deleted."""
        for path, _ in self._files(_SUFFIX, _UNFINISHED):
            path.unlink(missing_ok=True)
        with suppress(OSError):  # it is absent, or holds what others put there
            self.path.rmdir()

    def _file(self, name: str) -> Path:
        return self.path / f"{name}{_SUFFIX}"

    def _files(self, *suffixes: str) -> Iterator[tuple[Path, os.stat_result]]:
        """Yield the files and their states."""
        with suppress(OSError):
            for path in self.path.iterdir():
                if path.suffix in suffixes:
                    with suppress(OSError):  # another process has just removed it
                        yield path, path.stat()

    def _make_room(self) -> None:
        """Remove what killed processes left, and models until the others are small enough."""
        for path, state in self._files(_UNFINISHED):
            if state.st_mtime < time.time() - _ABANDONED:
                path.unlink(missing_ok=True)
        files = sorted(self._files(_SUFFIX), key=lambda file: file[1].st_mtime_ns)
        surplus = sum(state.st_size for _, state in files) - self.max_bytes
        for path, state in files:
            if surplus <= 0:
                break
            path.unlink(missing_ok=True)
            surplus -= state.st_size


def _checksum(name: str, *parts: bytes | memoryview) -> bytes:
    """Checksum of what is kept; the name counts, lest files be swapped."""
    checksum = crc32(name.encode())
    for part in parts:
        checksum = crc32(part, checksum)
    return checksum.to_bytes(_CHECKSUM_BYTES, "little")
