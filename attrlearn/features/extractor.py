"""Features of a frozen backbone: from the cache, else computed, once per image and view."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from os import PathLike
from typing import Any, Self

import numpy as np
import PIL
import torch
import torchvision
from torch import Tensor
from tqdm import tqdm

from attrlearn._version import __version__
from attrlearn.checks.image_types import is_in_memory
from attrlearn.checks.urls import is_url
from attrlearn.features.cache import FeatureCache, setting_key
from attrlearn.features.claims import Claims
from attrlearn.features.extraction import Extraction
from attrlearn.features.prepared import prepare
from attrlearn.images.reader import ImageReader, consecutive
from attrlearn.images.views import ORIGINAL, View
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.device import send

__all__ = ["ROWS_AT_ONCE", "FeatureExtractor", "rows_at_once"]

ROWS_AT_ONCE = 512  # looked up in the cache and held in memory
URLS_AT_ONCE = 128  # of which the content is held as well, so that it is fetched once

# As what numpy, which knows no bfloat16, holds the bits of features.
_BITS = {torch.float32: torch.float32, torch.bfloat16: torch.int16}


class FeatureExtractor:
    """Turns images into the features of one backbone.

    Several threads may use one. The inference backend is prepared for the first image that the
    cache does not hold, once per setting and weights.

    Parameters
    ----------
    backbone : Backbone
        On the device that computes; it does not learn while this is in use.
    backend : {"torch", "openvino"}
    dtype : {torch.float32, torch.bfloat16}
        Of the backbone, and so of the features: they are rounded to it once, when they are
        computed, so that those from the cache are the same.
    batch_size : int
        Images that the backbone sees at once.
    cache_dir : path or None
        Folder of the cache; None: nothing is kept.
    as_built : bool, default=False
        Whether nobody can have edited the backbone since it was built. Else its weights are read,
        to see whether they are those for which features were kept or a backend was prepared.
    """

    def __init__(
        self,
        backbone: Backbone,
        backend: str,
        dtype: torch.dtype,
        batch_size: int,
        cache_dir: str | PathLike | None,
        *,
        as_built: bool = False,
    ) -> None:
        self.backbone = backbone
        self.backend = backend
        self.dtype = dtype
        self.batch_size = batch_size
        self.cache_dir = cache_dir
        self._prepared = prepare(backbone, backend, dtype, as_built=as_built)

    def uncached(self, backbone: Backbone) -> Self:
        """Return an extractor alike for another backbone, that keeps nothing on disk."""
        return type(self)(backbone, self.backend, self.dtype, self.batch_size, None)

    def batches(
        self,
        reader: ImageReader,
        *,
        views: Sequence[View] = (ORIGINAL,),
        parts: Sequence[np.ndarray] | None = None,
        keep_memory: bool = True,
        verbose: int = 0,
    ) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Yield the features of all images, some hundred at a time.

        Parameters
        ----------
        reader : ImageReader
        views : sequence of V views, default=(ORIGINAL,)
            Of each image. Only those that the cache does not hold are computed.
        parts : sequence of ndarray, optional
            Rows that are next to each other, to take in place of all.
        keep_memory : bool, default=True
            Whether the cache is for images in memory too, rather than for files alone.
        verbose : int, default=0
            1 or more shows progress.

        Yields
        ------
        rows : ndarray of shape (n,)
            Those of a part that could be read, in order.
        features : Tensor of shape (V, n, D)
            Of the dtype of the extractor, on the CPU.
        """
        if parts is None:
            parts = consecutive(len(reader), rows_at_once(reader))
        images = [
            image if keep_memory or not is_in_memory(image) else None for image in reader.images
        ]
        cache = nullcontext() if self.cache_dir is None else FeatureCache(self.cache_dir)
        with (
            cache as kept,
            tqdm(
                total=sum(map(len, parts)), desc="features", unit="image", disable=not verbose
            ) as progress,
        ):
            extraction = self._extraction(reader, images, views, kept)
            for window in extraction.windows(parts, progress.update):
                done = window.found.all(axis=0)
                bits = torch.from_numpy(window.bits[:, done])
                yield window.rows[done], bits.view(self.dtype)

    def run(self, images: Tensor) -> Tensor:
        """Return the features (B, D), on the CPU, of images (B, 3, H, W) uint8."""
        run = self._prepared.open(self.backbone, self.cache_dir)
        return run(send(images, self.backbone.mean.device)).to(self.dtype).cpu()

    def _extraction(
        self,
        reader: ImageReader,
        images: Sequence[Any],
        views: Sequence[View],
        cache: FeatureCache | None,
    ) -> Extraction:
        """A pass over images."""
        claims = None
        if self.cache_dir is not None:
            claims = Claims(self.cache_dir, self._setting(reader, ORIGINAL))
        return Extraction(
            reader,
            images,
            views,
            [self._setting(reader, view) for view in views],
            lambda some: _bits_of(self.run(some)),
            self.batch_size,
            self.backbone.n_features,
            _bits_of(torch.empty(0, dtype=self.dtype)).dtype,
            cache,
            claims,
        )

    def _setting(self, reader: ImageReader, view: View) -> str:
        """Name of all that a feature depends on besides its image."""
        return setting_key(
            backbone=self.backbone.name,
            weights=self._prepared.state.content_hash,
            image_size=reader.size,
            resize=reader.resize,
            policy=view.policy,
            view=view.number,
            dtype=str(self.dtype),
            engine=self.backend,
            attrlearn=__version__,
            pillow=PIL.__version__,
            torch=torch.__version__,
            torchvision=torchvision.__version__,
        )


def rows_at_once(reader: ImageReader) -> int:
    """Return how many images are looked up in the cache, and computed, at a time."""
    return URLS_AT_ONCE if any(map(is_url, reader.images)) else ROWS_AT_ONCE


def _bits_of(features: Tensor) -> np.ndarray:
    """The features in the same memory, as numpy holds them."""
    return features.view(_BITS[features.dtype]).numpy()
