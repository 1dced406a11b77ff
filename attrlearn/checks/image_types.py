"""What counts as an image: a path, a URL, the content of a file, an open file, or pixels."""

import io
import os
from typing import Any

import numpy as np
from PIL import Image

from attrlearn.checks.urls import is_url, without_secrets

__all__ = ["is_encoded", "is_in_memory", "is_single", "name_of"]


def is_encoded(source: Any) -> bool:
    """Whether it is the content of a file: bytes or the like, or an open binary file.

    Examples
    --------
    >>> is_encoded(b""), is_encoded(io.BytesIO()), is_encoded(io.StringIO()), is_encoded("a.jpg")
    (True, True, False, False)
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return True
    is_file = all(hasattr(source, name) for name in ("read", "seek", "tell"))
    return is_file and not isinstance(source, io.TextIOBase)


def is_in_memory(source: Any) -> bool:
    """Whether an image is in memory, or an open file, rather than a path.

    Examples
    --------
    >>> is_in_memory(b"..."), is_in_memory("a.jpg")
    (True, False)
    """
    return is_encoded(source) or isinstance(source, Image.Image | np.ndarray)


def name_of(source: Any) -> str:
    """Return the path or URL of an image, without a password, or its type if it is in memory.

    Examples
    --------
    >>> name_of("a.jpg"), name_of(b"...")
    ('a.jpg', 'of type bytes')
    """
    if is_in_memory(source):
        return f"of type {type(source).__name__}"
    return without_secrets(source) if is_url(source) else str(source)


def is_single(X: Any) -> bool:
    """Whether X is one image rather than a collection of them.

    Examples
    --------
    >>> is_single("a.jpg"), is_single(["a.jpg"]), is_single(np.zeros((8, 8, 3), np.uint8))
    (True, False, True)
    """
    if isinstance(X, np.ndarray):
        return X.dtype == np.uint8 and X.ndim in (2, 3)
    return isinstance(X, str | os.PathLike) or is_in_memory(X)
