"""Features of images, kept on disk from one run to the next."""

import functools
import json
import os
import sys
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

from attrlearn.checks.urls import is_url
from attrlearn.exceptions import FeatureCacheWarning, warn
from attrlearn.features.claims import lock_file
from attrlearn.features.content_hash import HASH_BYTES, content_hash, file_keys
from attrlearn.features.store import ByteStore
from attrlearn.remote.fetching import fetch_all

__all__ = ["CacheInfo", "FeatureCache", "cache_file", "default_cache_dir", "setting_key"]

_ROWS_AT_ONCE = 1_000


class CacheInfo(NamedTuple):
    """What a `FeatureCache` holds, or a `ModelFolder`.

    Attributes
    ----------
    path : Path
        Its file, or the folder.
    n_entries : int
        Features of one view of one image in one setting; models.
    n_bytes : int
        On disk.
    max_bytes : int
        What it may hold.
    """

    path: Path
    n_entries: int
    n_bytes: int
    max_bytes: int


class FeatureCache:
    """Features of images on disk, found by the content of the image and a setting.

    Any number of processes may use one folder at once; each process, and each thread, makes its
    own `FeatureCache`. Nothing is opened before it is needed.

    The cache never fails and never returns another feature than was stored: if its file is
    damaged, locked, or cannot be written, one UserWarning says so, and nothing is found or kept.

    Parameters
    ----------
    folder : path
        Created, for this user alone, if it is absent.
    max_bytes : int, default=10_000_000_000
        About 10 GB: two views of 900,000 images in 1280 features of float32, or in 2352 of
        bfloat16. When there is more, the features stored first are removed, until a tenth of it is
        free. The file does not shrink by that, it fills again; `clear` gives the room back.

    Notes
    -----
    Computers that share a network drive should each have a folder of their own, as SQLite's
    write-ahead log does not work across computers. Processes of one computer that need the same
    features share the work (`attrlearn.features.claims`).

    A file may change between its hash and its decoding. Ask for `content_hashes` once more before
    `put`, which costs next to nothing, and store what stayed the same.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> images = [np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)]
    >>> with FeatureCache(mkdtemp()) as cache:
    ...     content_hashes = cache.content_hashes(images)
    ...     cache.put("resnet18", content_hashes[1:], np.array([[0.5, 0.25]], np.float32))
    ...     found, features = cache.get("resnet18", content_hashes, n_features=2)
    >>> found
    array([False,  True])
    >>> features[1]
    array([0.5 , 0.25], dtype=float32)
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int = 10_000_000_000) -> None:
        self._lock_file = lock_file(folder)
        self._store = ByteStore(cache_file(folder), ("features", "files"), max_bytes)

    @property
    def is_usable(self) -> bool:
        """Whether what is put can be found, as far as the cache was used."""
        return self._store.is_usable

    def content_hashes(
        self, images: Sequence[Any], fetched: dict[int, bytes | OSError] | None = None
    ) -> list[bytes | None]:
        """Digest the content of images; a file known from an earlier call is not read again.

        Parameters
        ----------
        images : sequence of N paths, URLs, bytes, open files, PIL images or uint8 arrays
        fetched : dict, optional
            Receives what had to be fetched from URLs, or why it could not be, by its place in
            `images`.

        Returns
        -------
        list of N bytes or None
            None for an image that cannot be read.
        """
        content_hashes: list[bytes | None] = []
        for some in _chunks(len(images)):
            keys = dict(zip(some, file_keys([images[i] for i in some]), strict=True))
            known = self._store.get("files", [key for key in keys.values() if key])
            hashes = {i: known.get(key) if key else None for i, key in keys.items()}
            unknown = [i for i in some if hashes[i] is None]
            contents = _fetch({i: images[i] for i in unknown if is_url(images[i])})
            hashes |= {i: content_hash(contents.get(i, images[i])) for i in unknown}
            content_hashes += hashes.values()
            keys = _unchanged(keys, {i: images[i] for i in contents})
            learnt = {keys[i]: hashes[i] for i in unknown}
            self._store.put(
                "files", [(key, found) for key, found in learnt.items() if key and found]
            )
            if fetched is not None:
                fetched |= contents
        return content_hashes

    def get(
        self,
        setting: str,
        content_hashes: Sequence[bytes | None],
        n_features: int,
        dtype: DTypeLike = np.float32,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Look features up.

        Parameters
        ----------
        setting : str
            As from `setting_key`: all that a feature depends on besides the image, the view of it
            included.
        content_hashes : sequence of N bytes or None
        n_features : int
            D
        dtype : dtype, default=float32
            With which they were stored. Entries of another size are not found.

        Returns
        -------
        found : ndarray of shape (N,), bool
        features : ndarray of shape (N, D)
            Of the dtype. Meaningless where not found.
        """
        found = np.zeros(len(content_hashes), dtype=bool)
        features = np.zeros((len(content_hashes), n_features), dtype=dtype)
        stored_dtype = _on_disk(features.dtype)
        for some in _chunks(len(content_hashes)):
            keys = {
                i: _feature_key(setting, hashed)
                for i in some
                if (hashed := content_hashes[i]) is not None
            }
            stored = self._store.get("features", list(keys.values()))
            for i, key in keys.items():
                value = stored.get(key, b"")
                if len(value) == stored_dtype.itemsize * n_features:
                    found[i] = True
                    features[i] = np.frombuffer(value, dtype=stored_dtype)
        return found, features

    def put(
        self, setting: str, content_hashes: Sequence[bytes | None], features: np.ndarray
    ) -> None:
        """Store features, all or none of them.

        Called once per batch, it leaves a run that is killed with all but its last batch.

        Parameters
        ----------
        setting : str
        content_hashes : sequence of N bytes or None
            Features of None are not stored.
        features : ndarray of shape (N, D)
            As they are: float32, or int16 for the bits of bfloat16, which numpy does not know. The
            setting must tell the one from the other.
        """
        rows = features.astype(_on_disk(features.dtype), copy=False)
        items = (
            (_feature_key(setting, hashed), row.tobytes())
            for hashed, row in zip(content_hashes, rows, strict=True)
            if hashed is not None
        )
        self._store.put("features", items)

    def info(self) -> CacheInfo:
        """Return where the cache is and how much it holds."""
        store = self._store
        return CacheInfo(store.path, store.count("features"), store.n_bytes(), store.max_bytes)

    def clear(self) -> None:
        """Remove all there is; OSError if the files cannot be deleted."""
        self._store.clear()
        self._lock_file.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def cache_file(folder: str | os.PathLike[str]) -> Path:
    """Return the file of the cache in a folder; ``~`` is the home folder.

    Examples
    --------
    >>> cache_file("features").as_posix()
    'features/attrlearn_features.sqlite'
    """
    return Path(folder).expanduser() / "attrlearn_features.sqlite"


def default_cache_dir() -> Path | None:
    """Folder that the environment variable ``ATTRLEARN_CACHE`` names, else the user's own.

    Returns
    -------
    Path or None
        By default ``attrlearn`` in the place for caches: ``%LOCALAPPDATA%`` on Windows,
        ``~/Library/Caches`` on macOS, elsewhere ``$XDG_CACHE_HOME`` or ``~/.cache``. None, with one
        UserWarning per process, where it would be in a home folder and the user has none.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, ATTRLEARN_CACHE="scratch/features"):
    ...     default_cache_dir().as_posix()
    'scratch/features'
    """
    try:
        return _user_cache_dir()
    except RuntimeError:  # from pathlib, in containers that run as any user
        _warn_of_no_home()
        return None


def _user_cache_dir() -> Path:
    """Return the folder; RuntimeError where it would be in a home folder that there is not."""
    if chosen := os.environ.get("ATTRLEARN_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "attrlearn"


@functools.cache
def _warn_of_no_home() -> None:
    """Warn at the first call."""
    warn(
        "The feature cache must have a folder. Got no home folder of this user: nothing is kept. "
        "Set the environment variable ATTRLEARN_CACHE to a folder, or pass cache_dir=None.",
        FeatureCacheWarning,
    )


def setting_key(**parts: str | float | bool | None) -> str:
    """Short name of all that a feature depends on besides the image.

    Parameters
    ----------
    **parts : str, int, float, bool or None
        Backbone, hash of its weights, size of the image, view, ... Their order does not matter,
        their type does.

    Returns
    -------
    str of length 32

    Raises
    ------
    TypeError
        If a part is an object, whose text may not tell it from another.

    Examples
    --------
    >>> setting_key(backbone="resnet18", size=224) == setting_key(size=224, backbone="resnet18")
    True
    >>> setting_key(size=224) == setting_key(size="224")
    False
    """
    text = json.dumps(parts, sort_keys=True, default=np.generic.item)
    return blake2b(text.encode(), digest_size=HASH_BYTES).hexdigest()


def _chunks(n_rows: int) -> Iterator[range]:
    """Yield the rows, so many at a time that a transaction stays short."""
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        yield range(start, min(start + _ROWS_AT_ONCE, n_rows))


def _fetch(urls: dict[int, str]) -> dict[int, bytes | OSError]:
    """What is at URLs, by place."""
    return dict(zip(urls, fetch_all(urls.values()), strict=True)) if urls else {}


def _unchanged(keys: dict[int, bytes | None], urls: dict[int, str]) -> dict[int, bytes | None]:
    """The keys by place, None for those URLs that have changed while they were fetched."""
    asked = {i: url for i, url in urls.items() if keys[i]}
    now = dict(zip(asked, file_keys(list(asked.values())), strict=True))
    return {i: key if now.get(i, key) == key else None for i, key in keys.items()}


def _on_disk(dtype: np.dtype) -> np.dtype:
    """Return the dtype with the least byte first, whatever the machine."""
    return dtype.newbyteorder("<")


def _feature_key(setting: str, hashed: bytes) -> bytes:
    """Return the key of the features of an image."""
    return blake2b(hashed + setting.encode(), digest_size=HASH_BYTES).digest()
