"""Where training reads its batches: kept features or activations, or images changed anew."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from attrlearn.checks.image_types import name_of
from attrlearn.exceptions import ImageError
from attrlearn.features.cache import cache_file
from attrlearn.features.extractor import FeatureExtractor
from attrlearn.images.augmentation import Augment, apply_callable, augment
from attrlearn.images.reader import Change, ImageReader, MemoryReader, consecutive
from attrlearn.images.views import count_views
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.processes import current_processes
from attrlearn.nn.split_backbone import split_before_trained
from attrlearn.training.computed_views import collect_in_file, collect_in_memory
from attrlearn.training.view_computation import compute_views, tell_of_bad_images

__all__ = [
    "FeatureSource",
    "ImageSource",
    "MatrixSource",
    "Source",
    "Suffix",
    "open_features",
    "open_source",
]

MEMORY_SHARE = 0.25  # of the memory goes to features, activations or images at most
BATCH_SIZE = 32  # images decoded before they are stored


Suffix = Callable[[Tensor], Tensor]


class Source(Protocol):
    """The inputs of N rows.

    Attributes
    ----------
    suffix : callable or None
        The trainable suffix of the backbone: it maps the inputs (B, ...) of a batch to features
        (B, D). None: the inputs are features.
    """

    @property
    def suffix(self) -> Suffix | None:
        """What of the backbone is left to run."""

    def batches(
        self, parts: list[Tensor], generator: torch.Generator, start: int = 0
    ) -> Iterator[Tensor]:
        """Yield the inputs of each part, the indices of its rows, changed at random.

        What is drawn for a row depends neither on the parts nor on `start`, the part to begin with.
        """

    def take(self, rows: np.ndarray) -> Self:
        """Return a source of some of the rows."""

    def unchanged(self) -> Self:
        """Return a source that changes nothing at random."""


class MatrixSource:
    """Features as the user gave them.

    Parameters
    ----------
    reader : MemoryReader
    rows : ndarray of shape (N,)
        The rows of the reader that this source holds.
    """

    suffix = None

    def __init__(self, reader: MemoryReader, rows: np.ndarray) -> None:
        self.reader = reader
        self.rows = rows

    def batches(
        self, parts: list[Tensor], generator: torch.Generator, start: int = 0
    ) -> Iterator[Tensor]:
        """Yield the features (B, D) of each part."""
        for _, features in self.reader.batches(self.rows[part.numpy()] for part in parts[start:]):
            yield features

    def take(self, rows: np.ndarray) -> Self:
        """Return a source of some of the rows."""
        return type(self)(self.reader, self.rows[rows])

    def unchanged(self) -> Self:
        """Return the source itself."""
        return self


class FeatureSource:
    """Features or activations, computed once, each row in one or more views of its image.

    Parameters
    ----------
    views : Tensor of shape (V, M, D), contiguous
        Each batch reads one view per row, drawn at random, and is float32 whatever these are.
    rows : Tensor of shape (N,), int64, optional
        The rows of `views` that this source holds; None: all.
    suffix : callable, optional
        For activations: what of the backbone is left to run. None: these are features.
    """

    def __init__(
        self, views: Tensor, rows: Tensor | None = None, suffix: Suffix | None = None
    ) -> None:
        self.views = views
        self.rows = torch.arange(views.shape[1]) if rows is None else rows
        self.suffix = suffix

    def batches(
        self, parts: list[Tensor], generator: torch.Generator, start: int = 0
    ) -> Iterator[Tensor]:
        """Return an iterator of the features (B, D), or the activations, of each part."""
        n_views, n_rows = self.views.shape[:2]
        places = self.rows
        if n_views > 1:  # drawn at once, whatever is read of it
            places = places + n_rows * torch.randint(n_views, places.shape, generator=generator)
        return self._read(places[part] for part in parts[start:])

    def _read(self, parts: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield some places (B,) of all views at a time."""
        one_by_one = self.views.flatten(0, 1)
        for places in parts:
            # Half the time of an index per axis, which is not worth as much as a copy of a row.
            yield one_by_one.index_select(0, places.to(self.views.device)).float()

    def take(self, rows: np.ndarray) -> Self:
        """Return a source of some of the rows."""
        return type(self)(self.views, self.rows[torch.from_numpy(rows)], self.suffix)

    def unchanged(self) -> Self:
        """Return a source of the first view."""
        return type(self)(self.views[:1], self.rows, self.suffix)


class ImageSource:
    """Images, changed at random anew each epoch.

    Parameters
    ----------
    reader : ImageReader
    rows : ndarray of shape (N,)
        The rows of the reader that this source holds.
    policy : str, callable or None
        See `attrlearn.images.augmentation.augment`, which the threads of the reader call. A
        callable runs in the calling thread.
    suffix : callable
        The backbone.
    """

    def __init__(
        self, reader: ImageReader, rows: np.ndarray, policy: Augment, suffix: Suffix
    ) -> None:
        self.reader = reader
        self.rows = rows
        self.policy = policy
        self.suffix = suffix

    def batches(
        self, parts: list[Tensor], generator: torch.Generator, start: int = 0
    ) -> Iterator[Tensor]:
        """Return an iterator of the images (B, 3, H, W) uint8 of each part."""
        change = self._draw(self.policy, generator) if isinstance(self.policy, str) else None
        return self._read([self.rows[part.numpy()] for part in parts[start:]], change)

    def _read(self, parts: list[np.ndarray], change: Change | None) -> Iterator[Tensor]:
        """Yield the images of some rows at a time."""
        for _, images in self.reader.batches(parts, change):
            yield apply_callable(images, self.policy) if callable(self.policy) else images

    def _draw(self, policy: str, generator: torch.Generator) -> Change:
        """Changes for an epoch: a seed per row, so that the order of the threads is no matter."""
        seeds = torch.randint(2**32, self.rows.shape, generator=generator).tolist()
        seed_of = dict(zip(self.rows.tolist(), seeds, strict=True))
        return lambda image, row: augment(
            image, policy, torch.Generator().manual_seed(seed_of[row])
        )

    def take(self, rows: np.ndarray) -> Self:
        """Return a source of some of the rows."""
        return type(self)(self.reader, self.rows[rows], self.policy, self.suffix)

    def unchanged(self) -> Self:
        """Return a source of the images as they are."""
        return type(self)(self.reader, self.rows, None, self.suffix)


def open_source(
    reader: MemoryReader | ImageReader,
    extractor: FeatureExtractor | None,
    policy: Augment,
    n_views: int | None,
    verbose: int,
) -> tuple[np.ndarray, Source]:
    """Choose what training reads: what comes before all that is trained, computed once.

    These are the features of a frozen backbone; the activations of its frozen prefix, where they
    fit into memory; else images.

    Parameters
    ----------
    reader : MemoryReader or ImageReader
    extractor : FeatureExtractor or None
        Bound to the backbone, on the device that computes; None with a `MemoryReader`.
    policy : str, callable or None
        What can be kept is computed of several views of an image, see `attrlearn.images.views`.
    n_views : int or None
        How many. None: the default, and none of a callable, which changes images anew in each
        epoch.
    verbose : int
        1 or more shows progress.

    Returns
    -------
    rows : ndarray
        The rows that could be read; all images are read once to know.
    source : Source
        Of these rows.
    """
    if isinstance(reader, MemoryReader):
        rows = np.arange(len(reader))
        return rows, MatrixSource(reader, rows)
    assert extractor is not None
    rows, source = _open(reader, extractor, policy, n_views, verbose)
    if len(rows) == 0:
        raise ImageError(
            f"X must hold at least one image that can be read. Got {len(reader)}, none of which "
            f"can. The first: {reader.bad[0]}.",
            0,
            name_of(reader.images[0]),
            reader.bad[0],
        )
    return rows, source


def open_features(
    reader: ImageReader,
    extractor: FeatureExtractor,
    policy: Augment,
    n_views: int | None,
    verbose: int,
) -> tuple[np.ndarray, FeatureSource]:
    """Compute the features of a backbone as it is.

    Parameters
    ----------
    reader, extractor, policy, n_views, verbose
        As in `open_source`; of images that a callable changes each epoch, those as they are.

    Returns
    -------
    rows : ndarray
        The rows that could be read.
    source : FeatureSource
        Of these rows.
    """
    n_views = count_views(policy, n_views) or 1
    shape = n_views, len(reader), extractor.backbone.n_features
    batches = compute_views(reader, extractor, policy, n_views, verbose)
    if _fits(shape, extractor.dtype):
        rows, views = collect_in_memory(batches, shape, extractor.dtype)
        views = views.to(extractor.backbone.mean.device)
    else:
        rows, views = collect_in_file(batches, shape, extractor.dtype, _folders(extractor))
    return rows, FeatureSource(views, torch.arange(len(rows)))


def _open(
    reader: ImageReader,
    extractor: FeatureExtractor,
    policy: Augment,
    n_views: int | None,
    verbose: int,
) -> tuple[np.ndarray, Source]:
    """Rows that can be read, and as much of the way to their features as can be kept."""
    backbone = extractor.backbone
    n_views = count_views(policy, n_views)
    if n_views is None:
        return _open_images(reader, policy, backbone)
    if backbone.is_frozen:
        return open_features(reader, extractor, policy, n_views, verbose)
    split = split_before_trained(backbone)
    if split is None:
        return _open_images(reader, policy, backbone)
    shape = n_views, len(reader), split.prefix.n_features
    if not _fits(shape, extractor.dtype):
        return _open_images(reader, policy, backbone)
    batches = compute_views(reader, extractor.uncached(split.prefix), policy, n_views, verbose)
    rows, views = collect_in_memory(batches, shape, extractor.dtype)
    return rows, FeatureSource(views, torch.arange(len(rows)), split.suffix)


def _open_images(
    reader: ImageReader, policy: Augment, backbone: Backbone
) -> tuple[np.ndarray, ImageSource]:
    """Rows that can be read, and their images: decoded, if memory allows, else to be decoded.

    Of several processes each decodes its share of every batch in each epoch.
    """
    processes = current_processes()
    shape = (len(reader), 3, reader.size, reader.size)
    fits = processes.n == 1 and _fits(shape, torch.uint8)
    decoded = np.empty(shape if fits else 0, dtype=np.uint8)

    def read() -> np.ndarray:
        parts = consecutive(len(reader), BATCH_SIZE)[processes.rank :: processes.n]
        rows = [np.empty(0, dtype=np.int64)]
        for some, images in reader.batches(parts):
            rows.append(some)
            if fits:
                decoded[some] = images.numpy()
        return np.concatenate(rows)

    readable = np.sort(np.concatenate(processes.gather(processes.attempt(read))))
    tell_of_bad_images(reader, processes)
    # On a CPU training needs all cores.
    ahead = 0 if backbone.mean.device.type == "cpu" else reader.ahead
    kept = torch.from_numpy(decoded) if fits else None
    again = replace(reader, on_bad_image="raise", ahead=ahead, decoded=kept)
    return readable, ImageSource(again, readable, policy, backbone)


def _folders(extractor: FeatureExtractor) -> list[Path]:
    """Where a temporary file of features may be: beside the cache, else where the system says."""
    folders = [] if extractor.cache_dir is None else [cache_file(extractor.cache_dir).parent]
    with suppress(FileNotFoundError):  # there may be none that can be written to
        folders.append(Path(tempfile.gettempdir()))
    return folders


def _fits(shape: tuple[int, ...], dtype: torch.dtype) -> bool:
    """Whether so much may be kept in memory."""
    available = MEMORY_SHARE * _memory() / current_processes().n_here
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize <= available


def _memory() -> int:
    """Bytes that this machine has; 0 where it does not tell, so that nothing is kept."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0
