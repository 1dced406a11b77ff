"""Where training reads its batches: kept features or activations, or pictures changed anew."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from attrlearn.data.augment import Augment, augment
from attrlearn.data.batches import MemoryReader, PictureReader, consecutive
from attrlearn.data.image_error import ImageError
from attrlearn.data.images import name_of
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.cut import cut_before_trained
from attrlearn.training.features import FeatureExtractor

__all__ = ["FeatureSource", "PictureSource", "Source", "open_source"]

MEMORY_SHARE = 0.25  # of the memory goes to pictures or activations at most
BATCH_SIZE = 32  # pictures decoded before they are stored


class Source(Protocol):
    """The inputs of N rows."""

    def batches(self, parts: list[Tensor], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the inputs of each part, the indices of its rows, changed at random."""

    def take(self, rows: np.ndarray) -> Self:
        """Return a source of some of the rows."""

    def unchanged(self) -> Self:
        """Return a source that changes nothing at random."""


class FeatureSource:
    """Features or activations, computed once, each row in one or more views of its picture.

    Parameters
    ----------
    views : Tensor of shape (V, M, D) or (V, M, ...)
        Each batch reads one view per row, drawn at random.
    rows : Tensor of shape (N,), int64, optional
        The rows of `views` that this source holds; None: all.
    """

    def __init__(self, views: Tensor, rows: Tensor | None = None) -> None:
        self.views = views
        self.rows = torch.arange(views.shape[1]) if rows is None else rows

    def batches(self, parts: list[Tensor], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the features (B, D), or the activations, of each part."""
        n_views = len(self.views)
        for part in parts:
            rows = self.rows[part]
            if n_views == 1:
                yield self.views[0, rows]
            else:
                yield self.views[torch.randint(n_views, rows.shape, generator=generator), rows]

    def take(self, rows: np.ndarray) -> Self:
        """Return a source of some of the rows."""
        return type(self)(self.views, self.rows[torch.from_numpy(rows)])

    def unchanged(self) -> Self:
        """Return a source of the first view."""
        return type(self)(self.views[:1], self.rows)


class PictureSource:
    """Pictures, changed at random anew each epoch.

    Parameters
    ----------
    reader : PictureReader, or MemoryReader of decoded pictures
    rows : ndarray of shape (N,)
        The rows of the reader that this source holds.
    policy : "flip", callable or None
        See `attrlearn.data.augment.augment`.
    """

    def __init__(
        self, reader: MemoryReader | PictureReader, rows: np.ndarray, policy: Augment
    ) -> None:
        self.reader = reader
        self.rows = rows
        self.policy = policy

    def batches(self, parts: list[Tensor], generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the pictures (B, 3, H, W) uint8 of each part."""
        for _, images in self.reader.batches(self.rows[part.numpy()] for part in parts):
            yield augment(images, self.policy, generator)

    def take(self, rows: np.ndarray) -> Self:
        """Return a source of some of the rows."""
        return type(self)(self.reader, self.rows[rows], self.policy)

    def unchanged(self) -> Self:
        """Return a source of the pictures as they are."""
        return type(self)(self.reader, self.rows, None)


def open_source(
    reader: MemoryReader | PictureReader,
    backbone: Backbone | None,
    policy: Augment,
    extractor: FeatureExtractor | None,
    verbose: int,
) -> tuple[np.ndarray, Source]:
    """Choose what training reads: what comes before all that is trained, computed once.

    These are the features of a frozen backbone; the activations before its first trained part,
    where they fit into memory; else pictures.

    Parameters
    ----------
    reader : MemoryReader or PictureReader
    backbone : Backbone or None
        On the device that computes; None with a `MemoryReader`.
    policy : "flip", callable or None
        "flip" takes two views of a picture from a frozen backbone; a callable changes pictures
        anew each epoch, so that there are no features to keep.
    extractor : FeatureExtractor or None
        Of the backbone.
    verbose : int
        1 or more shows progress.

    Returns
    -------
    rows : ndarray
        The rows that could be read; all pictures are read once to know.
    source : Source
        Of these rows.
    """
    if isinstance(reader, MemoryReader):
        return np.arange(len(reader)), FeatureSource(reader.rows[None])
    assert backbone is not None
    assert extractor is not None
    rows, source = _open(reader, backbone, policy, extractor, verbose)
    if len(rows) == 0:
        raise ImageError(
            f"X must hold at least one image that can be read. Got {len(reader)}, none of which "
            f"can. The first: {reader.bad[0]}.",
            0,
            name_of(reader.pictures[0]),
            reader.bad[0],
        )
    return rows, source


def _open(
    reader: PictureReader,
    backbone: Backbone,
    policy: Augment,
    extractor: FeatureExtractor,
    verbose: int,
) -> tuple[np.ndarray, Source]:
    """Rows that can be read, and as much of the way to their features as can be kept."""
    if callable(policy):
        return _open_pictures(reader, policy, backbone.mean.device)
    n_views = 1 + (policy == "flip")
    if backbone.is_frozen:
        rows, views = _compute(reader, backbone, n_views, extractor, verbose)
        return rows, FeatureSource(views.to(backbone.mean.device), torch.from_numpy(rows))
    cut = cut_before_trained(backbone)
    if cut is None or not _fits(4 * n_views * len(reader) * cut.frozen.n_features):
        return _open_pictures(reader, policy, backbone.mean.device)
    backbone.rest = cut.rest
    rows, views = _compute(reader, cut.frozen, n_views, extractor.uncached(), verbose)
    return rows, FeatureSource(views.unflatten(2, cut.shape), torch.from_numpy(rows))


def _compute(
    reader: PictureReader,
    backbone: Backbone,
    n_views: int,
    extractor: FeatureExtractor,
    verbose: int,
) -> tuple[np.ndarray, Tensor]:
    """Rows that can be read, and the features (V, N, D) of all rows, any number where not."""
    views = torch.empty(n_views, len(reader), backbone.n_features, dtype=torch.float32)
    rows = [np.empty(0, dtype=np.int64)]
    for some, part in extractor.batches(backbone, reader, mirror=n_views == 2, verbose=verbose):
        rows.append(some)
        views[:, some] = torch.from_numpy(part)
    return np.concatenate(rows), views


def _open_pictures(
    reader: PictureReader, policy: Augment, device: torch.device
) -> tuple[np.ndarray, PictureSource]:
    """Rows that can be read, and their pictures: decoded, if memory allows, else to be decoded."""
    shape = (len(reader), 3, reader.size, reader.size)
    fits = _fits(int(np.prod(shape, dtype=np.int64)))
    decoded = np.empty(shape if fits else 0, dtype=np.uint8)
    rows = [np.empty(0, dtype=np.int64)]
    for some, images in reader.batches(consecutive(len(reader), BATCH_SIZE)):
        rows.append(some)
        if fits:
            decoded[some] = images.numpy()
    ahead = 0 if device.type == "cpu" else reader.ahead  # there, training needs all cores
    again = MemoryReader(decoded) if fits else replace(reader, on_bad_image="raise", ahead=ahead)
    readable = np.concatenate(rows)
    return readable, PictureSource(again, readable, policy)


def _fits(n_bytes: int) -> bool:
    """Whether so much may be kept in memory."""
    return n_bytes <= MEMORY_SHARE * _memory()


def _memory() -> int:
    """Bytes that this machine has; 0 where it does not tell, so that nothing is kept."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0
