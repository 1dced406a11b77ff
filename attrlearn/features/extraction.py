"""One pass over images: their features looked up, computed, or left to who computes them already.

Processes and threads that need the same features share the work: an image that another one has
claimed is waited for, and while waiting this one computes images that come later.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from attrlearn.features.cache import FeatureCache
from attrlearn.features.claims import Claims
from attrlearn.images.reader import ImageReader, consecutive
from attrlearn.images.views import View, draw_views

__all__ = ["Extraction", "Window"]

CLAIMED_AT_ONCE = 128  # images, or one batch if that is larger: the others share what is left
_POLL = 0.05  # seconds between two looks at what others compute
_PATIENCE = 60.0  # seconds without anything new after which their claims count no longer


@dataclass
class Window:
    """Rows that are looked at together.

    Attributes
    ----------
    rows : ndarray of shape (n,)
    hashes : dict
        Content hash by row; None for an image that the cache does not know.
    found : ndarray of shape (V, n), bool
        Which views of the rows have features.
    bits : ndarray of shape (V, n, D)
        These features, as numpy holds them.
    tried : ndarray of shape (n,), bool
        Whose image was read here: what of it is not found never will be.
    """

    rows: np.ndarray
    hashes: dict[int, bytes | None]
    found: np.ndarray
    bits: np.ndarray
    tried: np.ndarray

    def lacking(self) -> dict[tuple[int, ...], list[int]]:
        """Rows to compute by the numbers of the views that they lack."""
        lacking: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for row, missing, tried in zip(self.rows.tolist(), ~self.found.T, self.tried, strict=True):
            if missing.any() and not tried:
                lacking[tuple(np.flatnonzero(missing).tolist())].append(row)
        return lacking


@dataclass
class Extraction:
    """What a pass over N images needs.

    Parameters
    ----------
    reader : ImageReader
    images : sequence of N images
        None for one that is neither looked up nor kept.
    views : sequence of V views
    settings : sequence of V str
        Under which the cache has the features of each view.
    compute : callable
        From images (b, 3, H, W) uint8 to the bits (b, D) of their features.
    batch_size : int
    n_features : int
        D
    dtype : dtype
        Of the bits.
    cache : FeatureCache or None
    claims : Claims or None
        None: nothing is left to others.
    """

    reader: ImageReader
    images: Sequence[Any]
    views: Sequence[View]
    settings: Sequence[str]
    compute: Callable[[Tensor], np.ndarray]
    batch_size: int
    n_features: int
    dtype: np.dtype
    cache: FeatureCache | None
    claims: Claims | None

    def windows(
        self, parts: Sequence[np.ndarray], count: Callable[[int], object]
    ) -> Iterator[Window]:
        """Yield rows part by part, those of each next to each other, with what was found of them.

        `count` is called with the number of rows that are new.
        """
        ahead = 0  # the last window that was worked on
        for number, rows in enumerate(parts):
            window = self._look_up(rows)
            count(int(window.found.all(axis=0).sum()))
            n_left, waited = self._compute_unclaimed(window, count), 0.0
            while n_left:
                ahead = max(ahead, number) + 1
                if ahead < len(parts):
                    self._compute_unclaimed(self._look_up(parts[ahead]), lambda _: None)
                else:
                    time.sleep(_POLL)
                    waited += _POLL
                if waited > _PATIENCE:
                    self.claims = None
                n_before, n_left = n_left, self._compute_unclaimed(window, count)
                waited = waited if n_left == n_before else 0.0
            self.reader.fetched.clear()
            yield window

    def _look_up(self, rows: np.ndarray) -> Window:
        """What the cache has of some rows."""
        shape = len(self.views), len(rows)
        window = Window(
            rows,
            self._content_hashes(rows),
            np.zeros(shape, dtype=bool),
            np.empty((*shape, self.n_features), dtype=self.dtype),
            np.zeros(len(rows), dtype=bool),
        )
        self._find(window, rows)
        return window

    def _find(self, window: Window, rows: np.ndarray) -> None:
        """Look some rows of a window up."""
        if self.cache is not None and len(rows):
            places = rows - window.rows[0]
            hashes = [window.hashes[row] for row in rows.tolist()]
            for number, setting in enumerate(self.settings):
                found, bits = self.cache.get(setting, hashes, self.n_features, self.dtype)
                window.found[number, places] |= found
                window.bits[number, places[found]] = bits[found]

    def _compute_unclaimed(self, window: Window, count: Callable[[int], object]) -> int:
        """Compute what nobody else does, and return how many rows are left to others."""
        n_left = 0
        at_once = max(1, CLAIMED_AT_ONCE // self.batch_size) * self.batch_size
        for numbers, lacking in window.lacking().items():
            for start in range(0, len(lacking), at_once):
                some = np.array(lacking[start : start + at_once])
                n_left += len(some) - self._compute_claimed(window, some, numbers, count)
        return n_left

    def _compute_claimed(
        self,
        window: Window,
        rows: np.ndarray,
        numbers: tuple[int, ...],
        count: Callable[[int], object],
    ) -> int:
        """Claim rows that lack the views of these numbers; compute and count what was claimed."""
        keys = dict.fromkeys(h for row in rows.tolist() if (h := window.hashes[row]) is not None)
        claims = self.claims if self.cache is not None and self.cache.is_usable else None
        held = set(keys) if claims is None else set(claims.take(keys))
        try:
            mine = np.array([r for r in rows.tolist() if window.hashes[r] in held | {None}], int)
            if claims is not None:
                self._find(window, mine)  # another one may just have been quicker
            places = mine - window.rows[0]
            window.tried[places] = True
            known = window.found[:, places].all(axis=0)
            count(int(known.sum()))
            for part in self._compute(window, mine[~known], numbers):
                count(len(part))
                if claims is not None:
                    claims.release({window.hashes[row] or b"" for row in part.tolist()} & held)
        finally:
            if claims is not None:
                claims.release(held)
        return len(mine)

    def _compute(
        self, window: Window, rows: np.ndarray, numbers: tuple[int, ...]
    ) -> Iterator[np.ndarray]:
        """Compute the views of these numbers, and yield the rows whose features the cache got."""
        views = [self.views[number] for number in numbers]
        parts = [rows[some] for some in consecutive(len(rows), self.batch_size)]
        for part, pixels in self.reader.batches(parts, lambda image, _: draw_views(image, views)):
            if len(part):  # (b, V, 3, H, W)
                bits = np.stack([self.compute(some) for some in pixels.unbind(1)])
                self._keep(window, part, numbers, bits)
                places = np.ix_(numbers, part - window.rows[0])
                window.bits[places], window.found[places] = bits, True
                yield part

    def _keep(
        self, window: Window, rows: np.ndarray, numbers: tuple[int, ...], bits: np.ndarray
    ) -> None:
        """Put the bits (v, b, D) of the views of these numbers into the cache."""
        if self.cache is None:
            return
        # A file may have changed between its hash and its decoding.
        now = self._content_hashes(rows)
        unchanged = [h if h == window.hashes[row] else None for row, h in now.items()]
        for number, some in zip(numbers, bits, strict=True):
            self.cache.put(self.settings[number], unchanged, some)

    def _content_hashes(self, rows: np.ndarray) -> dict[int, bytes | None]:
        """Content hash of each row, as far as the cache asks for it; None for an image of None.

        The reader is given what was fetched to that end.
        """
        if self.cache is None:
            return dict.fromkeys(rows.tolist())
        some = [self.reader.fetched.get(row, self.images[row]) for row in rows.tolist()]
        fetched: dict[int, bytes | OSError] = {}
        hashes = self.cache.content_hashes(some, fetched)
        self.reader.fetched.update({int(rows[i]): content for i, content in fetched.items()})
        return dict(zip(rows.tolist(), hashes, strict=True))
