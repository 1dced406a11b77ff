"""Where computed features stay while they are learnt from: in memory, or in a file mapped to it."""

import mmap
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

__all__ = ["collect_in_file", "collect_in_memory"]

Batches = Iterable[tuple[np.ndarray, Tensor]]


def collect_in_memory(
    batches: Batches, shape: tuple[int, int, int], dtype: torch.dtype
) -> tuple[np.ndarray, Tensor]:
    """Gather views of images in memory.

    Parameters
    ----------
    batches : iterable of (ndarray of shape (b,), Tensor of shape (V, b, D))
        Rows, in order, and their features.
    shape : tuple (V, N, D)
        Of all rows, those included that no batch holds.
    dtype : torch.dtype
        Of the features.

    Returns
    -------
    rows : ndarray of shape (M,)
        Those that the batches hold.
    views : Tensor of shape (V, N, D)
        Their features, in this order, come first; what follows is any number.

    Examples
    --------
    >>> batches = [(np.array([0, 2]), torch.ones(1, 2, 1)), (np.array([3]), torch.zeros(1, 1, 1))]
    >>> rows, views = collect_in_memory(batches, (1, 5, 1), torch.float32)
    >>> rows.tolist(), views[0, :3, 0].tolist()
    ([0, 2, 3], [1.0, 1.0, 0.0])
    """
    views = torch.empty(shape, dtype=dtype)
    rows = [np.empty(0, dtype=np.int64)]
    n_before = 0
    for some, part in batches:
        rows.append(some)
        views[:, n_before : n_before + len(some)] = part
        n_before += len(some)
    return np.concatenate(rows), views


def collect_in_file(
    batches: Batches,
    shape: tuple[int, int, int],
    dtype: torch.dtype,
    folders: Sequence[Path],
) -> tuple[np.ndarray, Tensor]:
    """Gather views of images in a temporary file, which the system pages in and out.

    The file has no name, or on Windows goes when it is closed: nothing is left of it when the
    tensor is freed or the process ends in whatever way.

    Parameters
    ----------
    batches, shape, dtype
        As in `collect_in_memory`.
    folders : sequence of paths
        The first one with room gets the file; it is created, for this user alone, if it is absent.

    Returns
    -------
    rows, views
        As from `collect_in_memory`.

    Raises
    ------
    OSError
        If no folder can be written to and has room, or the disk is full later.
    """
    n_views, n_rows, n_features = shape
    n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    rows = [np.empty(0, dtype=np.int64)]
    n_before = 0
    folder, file = _open(folders, n_bytes)
    with file:
        for some, part in batches:
            rows.append(some)
            with _naming(folder, n_bytes):
                for number in range(n_views):
                    start = (number * n_rows + n_before) * n_features * dtype.itemsize
                    _write(file, start, part[number])
            n_before += len(some)
        with _naming(folder, n_bytes):
            file.truncate(n_bytes)  # to its full length: what is not written takes no room
            content = mmap.mmap(file.fileno(), n_bytes)
    return np.concatenate(rows), torch.frombuffer(content, dtype=dtype).view(shape)


def _open(folders: Sequence[Path], n_bytes: int) -> tuple[Path, IO[bytes]]:
    """The first folder that can be written to and has room, and a new file in it."""
    troubles = []
    for folder in folders:
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            free = shutil.disk_usage(folder).free
            if free >= n_bytes:
                # Unbuffered: closing must write no more, on a disk that is full.
                return folder, tempfile.TemporaryFile(dir=folder, buffering=0)
            troubles.append(f"'{folder}': {free:,} bytes free")
        except OSError as error:
            troubles.append(f"'{folder}': {error.strerror}")
    raise _no_room(n_bytes, troubles)


@contextmanager
def _naming(folder: Path, n_bytes: int) -> Iterator[None]:
    """Say in an error of the system what was to be written, and where."""
    try:
        yield
    except OSError as error:
        raise _no_room(n_bytes, [f"'{folder}': {error.strerror}"]) from error


def _write(file: IO[bytes], start: int, features: Tensor) -> None:
    """Write the features (b, D) from a byte of the file on."""
    file.seek(start)
    content = memoryview(features.contiguous().view(torch.uint8).flatten().numpy())
    while content:
        content = content[file.write(content) :]


def _no_room(n_bytes: int, troubles: list[str]) -> OSError:
    """The error of a disk that cannot hold the features."""
    return OSError(
        "The features of X must go to a temporary file where they take more than a quarter of the "
        f"memory. Got {n_bytes:,} bytes of them, and {'; '.join(troubles)}. Make room there, or "
        "name a folder on a larger disk by cache_dir or by the environment variable TMPDIR."
    )
