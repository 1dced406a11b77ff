"""Features of a frozen backbone: from the cache, else computed, once per picture and view."""

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

import attrlearn
from attrlearn.data.batches import PictureReader, consecutive
from attrlearn.data.cache import FeatureCache, setting_key
from attrlearn.data.images import is_in_memory
from attrlearn.forks import in_forked_child
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.engines import Engine, open_engine
from attrlearn.training.precision import send

__all__ = ["FeatureExtractor", "extractor_of"]

ROWS_AT_ONCE = 512  # looked up in the cache and held in memory


class FeatureExtractor:
    """Turns pictures into features.

    Several threads may use one. The engine is prepared for the first picture that the cache does
    not hold.

    Parameters
    ----------
    engine : {"torch", "openvino"}
    dtype : torch.dtype
    batch_size : int
        Pictures that the backbone sees at once.
    cache_dir : path or None
        Folder of the cache; None: nothing is kept.
    """

    def __init__(
        self,
        engine: str,
        dtype: torch.dtype,
        batch_size: int,
        cache_dir: str | PathLike | None,
    ) -> None:
        self.engine = engine
        self.dtype = dtype
        self.batch_size = batch_size
        self.cache_dir = cache_dir
        self._opened: Engine | None = None
        self._weights = ""
        self._lock = threading.Lock()

    def uncached(self) -> Self:
        """Return an extractor alike for another backbone, that keeps nothing on disk."""
        return type(self)(self.engine, self.dtype, self.batch_size, None)

    def batches(
        self,
        backbone: Backbone,
        reader: PictureReader,
        *,
        mirror: bool = False,
        keep_memory: bool = True,
        verbose: int = 0,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the features of all pictures, some hundred at a time.

        Parameters
        ----------
        backbone : Backbone
            Always the same one, on the device that computes; it no longer learns.
        reader : PictureReader
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
        pictures = [
            picture if keep_memory or not is_in_memory(picture) else None
            for picture in reader.pictures
        ]
        cache = nullcontext() if self.cache_dir is None else FeatureCache(self.cache_dir)
        with (
            cache as kept,
            tqdm(total=len(reader), desc="features", unit="image", disable=not verbose) as progress,
        ):
            for rows in consecutive(len(reader), ROWS_AT_ONCE):
                digests = _digests(kept, pictures, rows)
                done, views = self._look_up(kept, backbone, reader, digests, n_views)
                progress.update(int(done.sum()))
                missing = {row: digests[row] for row in rows[~done].tolist()}
                computed = self._compute(kept, backbone, reader, pictures, missing, n_views)
                for part, fresh in computed:
                    places = part - rows[0]
                    views[:, places], done[places] = fresh, True
                    progress.update(len(part))
                yield rows[done], views[:, done]

    def _look_up(
        self,
        cache: FeatureCache | None,
        backbone: Backbone,
        reader: PictureReader,
        digests: dict[int, bytes | None],
        n_views: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which of the rows (n,) the cache holds, and their views (V, n, D)."""
        if cache is None:
            shape = (n_views, len(digests), backbone.n_features)
            return np.zeros(len(digests), dtype=bool), np.empty(shape, dtype=np.float32)
        key = self._key(backbone, reader)
        return cache.get(key, list(digests.values()), n_views, backbone.n_features)

    def _compute(
        self,
        cache: FeatureCache | None,
        backbone: Backbone,
        reader: PictureReader,
        pictures: Sequence[Any],
        digests: dict[int, bytes | None],
        n_views: int,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and their views (V, b, D), which the cache gets too."""
        if not digests:
            return
        engine = self._open(backbone)
        device = backbone.mean.device
        rows = np.array(list(digests))
        parts = [rows[some] for some in consecutive(len(rows), self.batch_size)]
        for part, images in reader.batches(parts):
            if len(part):
                views = self._run(engine, send(images, device), n_views)
                if cache is not None:
                    # A file may have changed between its digest and its decoding.
                    now = _digests(cache, pictures, part)
                    unchanged = [d if d == digests[row] else None for row, d in now.items()]
                    cache.put(self._key(backbone, reader), unchanged, views)
                yield part, views

    def _run(self, engine: Engine, images: Tensor, n_views: int) -> np.ndarray:
        """(V, B, D) float32."""
        views = [images, images.flip(3)][:n_views]
        return torch.stack([engine(view) for view in views]).cpu().numpy()

    def _key(self, backbone: Backbone, reader: PictureReader) -> str:
        """Name of all that a feature depends on besides its picture."""
        self._weights = self._weights or backbone.content_hash()
        return setting_key(
            backbone=backbone.name,
            weights=self._weights,
            image_size=reader.size,
            resize=reader.resize,
            dtype=str(self.dtype),
            engine=self.engine,
            attrlearn=attrlearn.__version__,
            pillow=PIL.__version__,
            torch=torch.__version__,
        )

    def _open(self, backbone: Backbone) -> Engine:
        """The engine, prepared once."""
        with self._lock:
            if self._opened is None:
                self._opened = open_engine(self.engine, backbone, self.dtype)
            return self._opened


def _digests(
    cache: FeatureCache | None, pictures: Sequence[Any], rows: np.ndarray
) -> dict[int, bytes | None]:
    """Content of each row, as far as the cache asks for it; None for a picture that is None."""
    if cache is None:
        return dict.fromkeys(rows.tolist())
    some = [pictures[row] for row in rows]
    return dict(zip(rows.tolist(), cache.digests(some), strict=True))


_EXTRACTORS: WeakKeyDictionary[Backbone, tuple[tuple, FeatureExtractor]] = WeakKeyDictionary()


@in_forked_child
def _forget_extractors() -> None:
    """Open engines anew."""
    global _EXTRACTORS
    _EXTRACTORS = WeakKeyDictionary()


def extractor_of(
    backbone: Backbone,
    engine: str,
    dtype: torch.dtype,
    batch_size: int,
    cache_dir: str | PathLike | None,
) -> FeatureExtractor:
    """Return the extractor of a backbone, the same as long as its weights are.

    So that the backbone is prepared for its engine once, and not for every prediction. Its content
    is compared: torch does not tell every way in which weights can be edited.

    Parameters
    ----------
    backbone : Backbone
    engine, dtype, batch_size, cache_dir
        As in `FeatureExtractor`.
    """
    options = (engine, dtype, batch_size, cache_dir)
    key = (*options, backbone.checksum(), backbone.mean.device)
    if backbone not in _EXTRACTORS or _EXTRACTORS[backbone][0] != key:
        _EXTRACTORS[backbone] = key, FeatureExtractor(*options)
    return _EXTRACTORS[backbone][1]
