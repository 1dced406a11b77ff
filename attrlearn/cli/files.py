"""Atomic writes: output files that are whole or not there, and overwrite nothing that is read."""

import errno
import os
import secrets
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import combinations
from pathlib import Path

from attrlearn.features.cache import cache_file

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None  # type: ignore[assignment]

__all__ = ["cache_output", "check_apart", "check_writable", "is_stream", "whole_file"]

_NO_ROOM = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG")  # Windows knows no quota
    if hasattr(errno, name)
}


def cache_output(cache_dir: str | os.PathLike[str] | None) -> dict[str, str]:
    """The file, by option, that is made in a folder of the user's choice to keep features."""
    if cache_dir is None or cache_dir == "auto":
        return {}
    return {"--cache-dir": str(cache_file(cache_dir))}


def check_writable(path: str | None) -> None:
    """Find out whether a file can be written, before the work whose result it will hold.

    Raises
    ------
    OSError
        If `path` is a folder, or nothing can be written where it would be.
    """
    if path is None:
        return
    target = Path(os.path.realpath(path))
    if os.path.isdir(target) or path.endswith((os.sep, "/")):
        raise IsADirectoryError(f"The output must be a file. Got the folder {path!r}. Add a name.")
    try:
        if os.path.exists(path) and not os.access(path, os.W_OK):
            raise PermissionError(0, "it is read-only")
        if not is_stream(path):
            _try_names(target)
    except OSError as error:
        raise OSError(
            f"The output must be in a folder that can be written. Got {path!r}: {error.strerror}. "
            "Choose another."
        ) from error


def check_apart(outputs: Mapping[str, str | None], inputs: Iterable[tuple[str, str]]) -> None:
    """Raise if a file to write is another one to write, or one that is read, by whatever name.

    Parameters
    ----------
    outputs : mapping of str to path or None
        Files to write, by the option that names them.
    inputs : iterable of (str, path)
        What is read, in words, and where it is.

    Raises
    ------
    ValueError
        If two of them are one file, or one to write is to be the folder of another.
    """
    written = {option: path for option, path in outputs.items() if path and not is_stream(path)}
    for (one, path), (other, second) in combinations(written.items(), 2):
        a, b = (Path(os.path.realpath(name)) for name in (path, second))
        if _identity(path) == _identity(second) or a in b.parents or b in a.parents:
            raise ValueError(
                f"{one} and {other} must be two files. Got {path!r} and {second!r}. "
                "Choose another name."
            )
    present = {_identity(path): option for option, path in written.items() if os.path.exists(path)}
    for what, path in inputs if present else ():
        if option := present.get(_identity(path)):
            raise ValueError(
                f"{option} must not be a file that is read. Got {written[option]!r}, which is "
                f"{what} {path!r}. Choose another name."
            )


def is_stream(path: str | Path) -> bool:
    """Whether a path is written to and never replaced: a device, a pipe, or where we print to.

    ``/dev/stdout`` is a file where the shell redirects it to one, which may hold more already.

    Examples
    --------
    >>> is_stream(os.devnull), is_stream("model.joblib")
    (True, False)
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or _standard_stream(path) is not None


@contextmanager
def whole_file(path: str | Path) -> Iterator[str]:
    """Write a file atomically: yield an empty one's name, move it to `path` if the block succeeds.

    The folder is made if it is not there. A link stays one, and what it leads to is written. A
    device or a pipe is written to. What killed runs left of the same `path` is removed. Where there
    is no room, an OSError names `path`.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as name:
    ...         _ = Path(name).write_text("text")
    ...     os.listdir(folder)
    ['a.txt']
    """
    try:
        with _to_stream(path) if is_stream(path) else _to_file(path) as name:
            yield name
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise OSError(
            f"The output must have room. Got {str(path)!r}: {error.strerror}. Free some, or choose "
            "another place."
        ) from error


@contextmanager
def _to_stream(path: str | Path) -> Iterator[str]:
    """Yield the name of an empty file, and write it to a device or a pipe in the end."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole").with_suffix(Path(path).suffix)
        whole.touch()
        yield str(whole)
        stream = _standard_stream(path)
        if stream is None:
            _copy(whole, path)
        else:  # from where it stands: to open it by name would start at its beginning
            print(end="", flush=True)
            _copy(whole, os.dup(stream))


@contextmanager
def _to_file(path: str | Path) -> Iterator[str]:
    """Yield the name of an empty file, and move it to `path` in the end."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # Short, for a name may be as long as the file system allows; with the suffix some writers need.
    start = f".attrlearn-{zlib.crc32(os.fsencode(target.name)):08x}-"
    for leftover in target.parent.glob(f"{start}*"):
        _remove_unless_held(leftover)
    with _held_file(target.parent, start, target.suffix[:16]) as unfinished:
        yield unfinished
        if target.exists():
            shutil.copymode(target, unfinished)
        try:
            os.replace(unfinished, target)
        except OSError:  # a mount point of a container, or a file of another user in /tmp
            _copy(unfinished, target)


def _identity(path: str) -> object:
    """What is the same for all names of a file."""
    try:
        state = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return state.st_dev, state.st_ino


def _try_names(target: Path) -> None:
    """Raise OSError unless the file, and the folders that it lacks, could be made."""
    folder = next(parent for parent in target.parents if parent.exists())
    for path in (*(folder / name for name in target.relative_to(folder).parts), target):
        with suppress(FileNotFoundError):
            os.lstat(path)  # fails where the name is too long
    with tempfile.TemporaryFile(dir=folder):
        pass


def _standard_stream(path: str | Path) -> int | None:
    """The descriptor of standard output or standard error, if a path leads where it does."""
    for descriptor in (1, 2):
        with suppress(OSError):  # closed
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return descriptor
    return None


def _copy(source: str | Path, target: str | Path | int) -> None:
    """Write what a file holds into another one that is there."""
    with open(source, "rb") as content, open(target, "wb") as file:
        shutil.copyfileobj(content, file)


@contextmanager
def _held_file(folder: Path, start: str, suffix: str) -> Iterator[str]:
    """Yield a new file, which is locked while it is written and removed in the end."""
    while True:
        path = os.path.join(folder, f"{start}{secrets.token_hex(8)}{suffix}")
        # Unlike those of `tempfile`, with the permissions that the user gives to new files.
        held = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        if fcntl is not None:
            with suppress(OSError):  # a drive without locks
                fcntl.flock(held, fcntl.LOCK_EX)
        if os.path.exists(path):
            break
        held.close()  # another process tidied up before the lock was there
    try:
        yield path
    finally:
        held.close()
        Path(path).unlink(missing_ok=True)


def _remove_unless_held(path: Path) -> None:
    """Remove the file of a process that is no more."""
    with suppress(OSError):  # it is locked, or gone
        if fcntl is None:
            path.unlink()
            return
        with open(path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
