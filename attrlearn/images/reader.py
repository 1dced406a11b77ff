"""Images as batches, decoded ahead of the network by a pool of threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import effective_n_jobs, parallel_config
from torch import Tensor

from attrlearn.checks.image_types import is_in_memory, name_of
from attrlearn.checks.inputs import Inputs
from attrlearn.exceptions import ImageError, UnreadableImageWarning, warn
from attrlearn.images.decoding import read_image
from attrlearn.remote.versions import renew_archives

__all__ = ["ImageReader", "MemoryReader", "consecutive", "no_bad_images", "open_reader"]

Batch = tuple[np.ndarray, Tensor]
Change = Callable[[Tensor, int], Tensor]  # an image (3, H, W) and its row → what is made of it


def no_bad_images() -> pd.DataFrame:
    """Return the table of images that cannot be read, empty."""
    return pd.DataFrame(columns=["row", "image", "reason"])


class MemoryReader:
    """Reads rows of features, which are in memory or mapped to it, in batches.

    Parameters
    ----------
    features : ndarray of shape (N, D), float16, float32 or float64
        Never copied as a whole.

    Examples
    --------
    >>> reader = MemoryReader(np.zeros((5, 7), dtype=np.float32))
    >>> [features.shape for _, features in reader.batches(consecutive(5, 3))]
    [torch.Size([3, 7]), torch.Size([2, 7])]
    """

    def __init__(self, features: np.ndarray) -> None:
        self.features = features

    def __len__(self) -> int:
        return len(self.features)

    def batches(self, parts: Iterable[np.ndarray]) -> Iterator[Batch]:
        """Yield the numbers of the rows of each part, and the rows (B, D) in float32."""
        for rows in parts:
            # By numpy, as torch takes no negative strides and warns of read-only memory.
            yield rows, torch.from_numpy(self.features[rows]).float()

    def report_bad(self) -> pd.DataFrame:
        """Return an empty table: features were checked when they came in."""
        return no_bad_images()


@dataclass
class ImageReader:
    """Reads images in batches of uint8 RGB.

    Parameters
    ----------
    images : sequence of N images
        Paths, URLs, PIL images, bytes, open files or uint8 arrays.
    size : int
        Height and width after resizing, in pixels.
    resize : {"squash", "pad", "crop"}
    n_threads : int
        How many images are decoded at a time.
    on_bad_image : {"raise", "drop"}
        "drop" leaves an image that cannot be read out of its batch and notes it in `bad`.
    ahead : int, default=2
        Batches that are decoded while the network works on one. 0 where several of torch's threads
        work on one layer: those that decode on the same cores make them wait for each other, which
        costs more than it gains.
    decoded : Tensor of shape (N, 3, size, size), uint8, optional
        The images, where memory holds them already: none is decoded again.
    first_row : int, default=0
        Number of the first row in errors and reports.

    Attributes
    ----------
    fetched : dict
        By row, the content of images at URLs that were fetched ahead, or why one was not.
    bad : dict
        Reason by row, for the images that could not be read.

    Examples
    --------
    >>> images = [np.zeros((9, 6, 3), dtype=np.uint8), b"not an image"]
    >>> reader = ImageReader(images, 4, "squash", n_threads=1, on_bad_image="drop")
    >>> [(rows.tolist(), images.shape) for rows, images in reader.batches(consecutive(2, 2))]
    [([0], torch.Size([1, 3, 4, 4]))]
    >>> reader.bad
    {1: 'not an image Pillow can read'}
    """

    images: Sequence[Any]
    size: int
    resize: str
    n_threads: int
    on_bad_image: str
    ahead: int = 2
    decoded: Tensor | None = None
    fetched: dict[int, bytes | OSError] = field(default_factory=dict)
    first_row: int = 0
    bad: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, parts: Iterable[np.ndarray], change: Change | None = None) -> Iterator[Batch]:
        """Yield the rows of each part that could be read, and their images (B, 3, H, W).

        Parameters
        ----------
        parts : iterable of ndarray
        change : callable, optional
            What the threads make of each image; it is what is yielded then. It is called by
            several at once.

        Raises
        ------
        ImageError
            At the first image, in the order of the parts, that cannot be read, unless it is to
            be dropped.
        """
        waiting: deque[tuple[np.ndarray, list[Future]]] = deque()
        pool = ThreadPoolExecutor(self.n_threads, thread_name_prefix="attrlearn-decode")
        try:
            for rows in parts:
                waiting.append((rows, [pool.submit(self._make, int(row), change) for row in rows]))
                if len(waiting) > self.ahead:
                    yield self._collect(*waiting.popleft())
            while waiting:
                yield self._collect(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def report_bad(self) -> pd.DataFrame:
        """Return row, image and reason of the images that were dropped, with one warning."""
        rows = sorted(self.bad)
        images = [_describe(self.images[row]) for row in rows]
        numbers = [self.first_row + row for row in rows]
        if rows:
            warn(
                f"{len(rows)} of {len(self)} images could not be read and were left out. The first "
                f"is {images[0]} (row {numbers[0]}): {self.bad[rows[0]]}.",
                UnreadableImageWarning,
            )
        reasons = [self.bad[row] for row in rows]
        return pd.DataFrame({"row": numbers, "image": images, "reason": reasons})

    def _make(self, row: int, change: Change | None) -> Tensor | None:
        """What is made of an image; None if it is dropped."""
        image = self._read(row) if self.decoded is None else self.decoded[row]
        return image if image is None or change is None else change(image, row)

    def _read(self, row: int) -> Tensor | None:
        """(3, size, size), or None for an image that is dropped."""
        image = self.images[row]
        content = self.fetched.get(row, image)
        try:
            if isinstance(content, OSError):
                raise content
            pixels = read_image(content, self.size, self.resize)
        except OSError as error:
            if self.on_bad_image == "raise":
                number = self.first_row + row
                raise ImageError(
                    f"Could not read image {_describe(image)} (row {number}): {error}. "
                    'Replace it, or pass on_bad_image="drop".',
                    number,
                    name_of(image),
                    str(error),
                ) from error
            self.bad[row] = str(error)
            return None
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def _collect(self, rows: np.ndarray, futures: list[Future]) -> tuple[np.ndarray, Tensor]:
        """The batch, without the images that are dropped."""
        images = [future.result() for future in futures]
        good = np.array([image is not None for image in images], dtype=bool)
        stacked = [image for image in images if image is not None]
        empty = torch.empty(0, 3, self.size, self.size, dtype=torch.uint8)
        return rows[good], torch.stack(stacked) if stacked else empty


def _describe(image: Any) -> str:
    """An image in a sentence: its path in quotes, or its type if it is in memory."""
    return name_of(image) if is_in_memory(image) else repr(name_of(image))


def consecutive(n_rows: int, batch_size: int) -> list[np.ndarray]:
    """The rows 0 to N - 1 in parts of `batch_size`.

    Examples
    --------
    >>> [rows.tolist() for rows in consecutive(5, 2)]
    [[0, 1], [2, 3], [4]]
    """
    return np.split(np.arange(n_rows), range(batch_size, n_rows, batch_size))


def open_reader(
    inputs: Inputs, size: int, resize: str, n_jobs: int | None, on_bad_image: str
) -> MemoryReader | ImageReader:
    """Return a reader of the features or of the images; `n_jobs` None: torch's thread count.

    Examples
    --------
    >>> from attrlearn.checks.inputs import check_inputs
    >>> reader = open_reader(check_inputs(["a.jpg", "b.jpg"]), 224, "squash", 4, "raise")
    >>> len(reader), reader.n_threads
    (2, 4)
    """
    if inputs.features is not None:
        return MemoryReader(inputs.features)
    assert inputs.images is not None
    renew_archives(inputs.images)
    n_threads = torch.get_num_threads() if n_jobs is None else _threads_here(n_jobs)
    return ImageReader(
        inputs.images, size, resize, n_threads, on_bad_image, first_row=inputs.first_row
    )


def _threads_here(n_jobs: int) -> int:
    """How many threads `n_jobs` stands for on this computer, whatever runs the jobs of joblib.

    A cluster would count the cores of all its workers, and processes inside a worker of one are
    not allowed.
    """
    with parallel_config("threading"):
        return effective_n_jobs(n_jobs)
