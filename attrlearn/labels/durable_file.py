"""Files that are whole whenever the process dies: replaced at once, or appended to line by line."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

__all__ = ["append_lines", "remove_leftovers", "replace_file"]


def replace_file(path: Path, content: bytes) -> None:
    """Replace what a file holds, so that it has the old content or the new one, never a part.

    Its permissions and, as far as the system lets us, its owner are kept. When it returns the new
    content is on the disk.

    Parameters
    ----------
    path : path
        No link: that would be replaced.
    content : bytes

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp(), "labels.csv")
    >>> _ = path.write_text("before")
    >>> replace_file(path, b"after")
    >>> path.read_text()
    'after'
    """
    part = path.with_name(f"{_start(path)}{secrets.token_hex(8)}")
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _copy_rights(path, part)
        os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink()
    _flush_folder(path.parent)


def append_lines(path: Path, lines: list[str]) -> None:
    """Append lines to a file, which is made if it is absent; when it returns they are on the disk.

    A line that a killed process left unfinished stays a line of its own.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp(), "labels.csv.log")
    >>> _ = path.write_text("torn")
    >>> append_lines(path, ["one", "two"])
    >>> path.read_text().split()
    ['torn', 'one', 'two']
    """
    is_new = not path.exists()
    with open(path, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _flush_folder(path.parent)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of a file, while no other one writes it."""
    with os.scandir(path.parent) as entries:
        leftovers = [entry.path for entry in entries if entry.name.startswith(_start(path))]
    for leftover in leftovers:
        os.unlink(leftover)


def _start(path: Path) -> str:
    """How the names of unfinished files begin."""
    return f".{path.name[:100]}.part-"


def _copy_rights(path: Path, part: Path) -> None:
    """Give a file the permissions and the owner of another."""
    state = path.stat()
    if hasattr(os, "chown"):
        with suppress(OSError):  # it is up to the system who may give files away
            os.chown(part, state.st_uid, state.st_gid)
    shutil.copymode(path, part)


def _flush_folder(folder: Path) -> None:
    """Have the system write to the disk what a folder contains."""
    if os.name == "nt":  # which cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
