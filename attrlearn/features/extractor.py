"""Features of a frozen backbone: from the cache, else computed, once per image and view."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from os import PathLike
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np
import PIL
import torch
from torch import Tensor
from tqdm import tqdm

from attrlearn._version import __version__
from attrlearn.checks.image_types import is_in_memory
from attrlearn.features.backends import Backend, open_backend
from attrlearn.features.cache import FeatureCache, setting_key
from attrlearn.forks import in_forked_child
from attrlearn.images.reader import ImageReader, consecutive
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.device import send

__all__ = ["FeatureExtractor"]

ROWS_AT_ONCE = 512  # looked up in the cache and held in memory


class FeatureExtractor:
    """Turns images into the features of one backbone.

    Several threads may use one. The inference backend is prepared for the first image that the
    cache does not hold, once per backbone, setting and weights.

    Parameters
    ----------
    backbone : Backbone
        On the device that computes; it does not learn while this is in use.
    backend : {"torch", "openvino"}
    dtype : torch.dtype
    batch_size : int
        Images that the backbone sees at once.
    cache_dir : path or None
        Folder of the cache; None: nothing is kept.
    """

    def __init__(
        self,
        backbone: Backbone,
        backend: str,
        dtype: torch.dtype,
        batch_size: int,
        cache_dir: str | PathLike | None,
    ) -> None:
        self.backbone = backbone
        self.backend = backend
        self.dtype = dtype
        self.batch_size = batch_size
        self.cache_dir = cache_dir
        self._prepared = _prepare(backbone, backend, dtype)

    def uncached(self, backbone: Backbone) -> Self:
        """Return an extractor alike for another backbone, that keeps nothing on disk."""
        return type(self)(backbone, self.backend, self.dtype, self.batch_size, None)

    def batches(
        self,
        reader: ImageReader,
        *,
        mirror: bool = False,
        keep_memory: bool = True,
        verbose: int = 0,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the features of all images, some hundred at a time.

        Parameters
        ----------
        reader : ImageReader
        mirror : bool, default=False
            Whether a second view, mirrored left to right, is wanted.
        keep_memory : bool, default=True
            Whether the cache is for images in memory too, rather than for files alone.
        verbose : int, default=0
            1 or more shows progress.

        Yields
        ------
        rows : ndarray of shape (n,)
            Those that could be read, in order.
        views : ndarray of shape (1 or 2, n, D), float32
        """
        n_views = 1 + mirror
        images = [
            image if keep_memory or not is_in_memory(image) else None for image in reader.images
        ]
        cache = nullcontext() if self.cache_dir is None else FeatureCache(self.cache_dir)
        with (
            cache as kept,
            tqdm(total=len(reader), desc="features", unit="image", disable=not verbose) as progress,
        ):
            for rows in consecutive(len(reader), ROWS_AT_ONCE):
                hashes = _content_hashes(kept, images, rows)
                done, views = self._look_up(kept, reader, hashes, n_views)
                progress.update(int(done.sum()))
                missing = {row: hashes[row] for row in rows[~done].tolist()}
                for part, fresh in self._compute(kept, reader, images, missing, n_views):
                    places = part - rows[0]
                    views[:, places], done[places] = fresh, True
                    progress.update(len(part))
                yield rows[done], views[:, done]

    def _look_up(
        self,
        cache: FeatureCache | None,
        reader: ImageReader,
        hashes: dict[int, bytes | None],
        n_views: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which of the rows (n,) the cache holds, and their views (V, n, D)."""
        n_features = self.backbone.n_features
        if cache is None:
            views = np.empty((n_views, len(hashes), n_features), dtype=np.float32)
            return np.zeros(len(hashes), dtype=bool), views
        return cache.get(self._setting(reader), list(hashes.values()), n_views, n_features)

    def _compute(
        self,
        cache: FeatureCache | None,
        reader: ImageReader,
        images: Sequence[Any],
        hashes: dict[int, bytes | None],
        n_views: int,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and their views (V, b, D), which the cache gets too."""
        if not hashes:
            return
        run = self._prepared.open(self.backbone)
        device = self.backbone.mean.device
        rows = np.array(list(hashes))
        parts = [rows[some] for some in consecutive(len(rows), self.batch_size)]
        for part, pixels in reader.batches(parts):
            if len(part):
                views = _run(run, send(pixels, device), n_views)
                if cache is not None:
                    # A file may have changed between its hash and its decoding.
                    now = _content_hashes(cache, images, part)
                    unchanged = [h if h == hashes[row] else None for row, h in now.items()]
                    cache.put(self._setting(reader), unchanged, views)
                yield part, views

    def _setting(self, reader: ImageReader) -> str:
        """Name of all that a feature depends on besides its image."""
        return setting_key(
            backbone=self.backbone.name,
            weights=self._prepared.hash_weights(self.backbone),
            image_size=reader.size,
            resize=reader.resize,
            dtype=str(self.dtype),
            engine=self.backend,
            attrlearn=__version__,
            pillow=PIL.__version__,
            torch=torch.__version__,
        )


class _Prepared:
    """What a backbone in one state, on one inference backend, is prepared for once.

    Without a reference to the backbone, so that it goes when its model goes.
    """

    def __init__(self, backend: str, dtype: torch.dtype, checksum: int, device: torch.device):
        self.state = (backend, dtype, checksum, device)
        self._hash = ""
        self._opened: Backend | None = None
        self._lock = threading.Lock()

    def hash_weights(self, backbone: Backbone) -> str:
        """Hash of the weights."""
        self._hash = self._hash or backbone.content_hash()
        return self._hash

    def open(self, backbone: Backbone) -> Backend:
        """The backbone as the inference backend runs it."""
        backend, dtype, *_ = self.state
        with self._lock:
            if self._opened is None:
                self._opened = open_backend(backend, backbone, dtype)
            return self._opened


_PREPARED: WeakKeyDictionary[Backbone, _Prepared] = WeakKeyDictionary()


@in_forked_child
def _forget_prepared() -> None:
    """Open backends anew."""
    global _PREPARED
    _PREPARED = WeakKeyDictionary()


def _prepare(backbone: Backbone, backend: str, dtype: torch.dtype) -> _Prepared:
    """What the backbone was prepared for, as long as its weights are the same.

    Its content is compared: torch does not tell every way in which weights can be edited.
    """
    new = _Prepared(backend, dtype, backbone.checksum(), backbone.mean.device)
    known = _PREPARED.get(backbone)
    if known is None or known.state != new.state:
        _PREPARED[backbone] = known = new
    return known


def _run(run: Backend, images: Tensor, n_views: int) -> np.ndarray:
    """(V, B, D) float32."""
    views = [images, images.flip(3)][:n_views]
    return torch.stack([run(view) for view in views]).cpu().numpy()


def _content_hashes(
    cache: FeatureCache | None, images: Sequence[Any], rows: np.ndarray
) -> dict[int, bytes | None]:
    """Content hash of each row, as far as the cache asks for it; None for an image that is None."""
    if cache is None:
        return dict.fromkeys(rows.tolist())
    some = [images[row] for row in rows]
    return dict(zip(rows.tolist(), cache.content_hashes(some), strict=True))
