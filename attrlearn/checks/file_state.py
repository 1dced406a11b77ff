"""What shows that a file has changed, without reading it."""

import os
import time

__all__ = ["FileState", "file_state"]

_SETTLED_NS = 2_000_000_000  # no file system in use counts time in coarser steps

FileState = tuple[str, int, int, int, int]


def file_state(path: str | os.PathLike[str]) -> FileState | None:
    """Return the absolute path, inode, size, and times of modification and of status change.

    The last is what shows that a file was overwritten in place and its modification time set back;
    Windows has no such time, there that goes unnoticed.

    Parameters
    ----------
    path : path

    Returns
    -------
    tuple, or None
        None if there is no such file, or it was touched in the last two seconds: the clock of the
        file system may not tell its next change from this one.

    Examples
    --------
    >>> file_state("nowhere.png") is None
    True
    """
    try:
        now = time.time_ns()
        state = os.stat(path)
        absolute = os.path.abspath(path)
    except (OSError, ValueError):
        return None
    if max(state.st_mtime_ns, state.st_ctime_ns) > now - _SETTLED_NS:
        return None
    return (absolute, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
