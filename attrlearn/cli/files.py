"""Files that are whole or not there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_writable", "whole_file"]


def check_writable(path: str | None) -> None:
    """Find out whether a file can be written, before the work whose result it will hold.

    Raises
    ------
    OSError
        If `path` is a folder, or nothing can be written where it would be.
    """
    if path is None:
        return
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"The output must be a file. Got the folder {path!r}. Add a name.")
    try:
        with tempfile.TemporaryFile(dir=next(p for p in target.absolute().parents if p.exists())):
            pass
    except OSError as error:
        raise OSError(
            f"The output must be in a folder that can be written. Got {path!r}: {error.strerror}. "
            "Choose another."
        ) from error


@contextmanager
def whole_file(path: str | Path) -> Iterator[str]:
    """Yield the name of a file beside `path`, and move it to `path` if the block succeeds.

    The folder is made if it is not there.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as name:
    ...         _ = Path(name).write_text("text")
    ...     os.listdir(folder)
    ['a.txt']
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        yield str(unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
