"""What tells one image from another: a hash of its content."""

import os
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from attrlearn.checks.file_state import file_state
from attrlearn.checks.image_types import is_encoded
from attrlearn.checks.urls import is_url
from attrlearn.images.decoding import open_file, open_image
from attrlearn.images.encoded import encoded_bytes
from attrlearn.remote.versions import url_versions

__all__ = ["HASH_BYTES", "content_hash", "file_key", "file_keys"]

HASH_BYTES = 16


def content_hash(image: Any) -> bytes | None:
    """Hash the content of an image.

    Parameters
    ----------
    image : path, URL, bytes, open file, PIL image or uint8 array
        As in `read_image`; an image in memory or an open file is left as it was.

    Returns
    -------
    bytes of length 16, or None
        Of the content of a file, which is not decoded, or of the pixels of an image in memory,
        upright and in RGB. None if it cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> content_hash(np.zeros((2, 8, 3), np.uint8)) == content_hash(np.zeros((2, 8), np.uint8))
    True
    >>> content_hash(np.zeros((2, 8), np.uint8)) == content_hash(np.zeros((4, 4), np.uint8))
    False
    """
    try:
        if isinstance(image, str | os.PathLike):
            with open_file(image) as file:
                image = file.read()
        if is_encoded(image):
            return blake2b(encoded_bytes(image), digest_size=HASH_BYTES).digest()
        pixels = open_image(image)
        hashed = blake2b(repr(pixels.size).encode(), digest_size=HASH_BYTES, person=b"pixels")
        hashed.update(pixels.tobytes())
        return hashed.digest()
    except Exception:  # whoever decodes it will say what is wrong with it
        return None


def file_keys(images: Sequence[Any]) -> list[bytes | None]:
    """Keys of files in their present state, as from `file_key`; servers are asked side by side.

    Examples
    --------
    >>> file_keys([b"an image, not a path", "nowhere.png"])
    [None, None]
    """
    urls = [image for image in images if is_url(image)]
    versions = iter(url_versions(urls) if urls else ())
    return [_key(next(versions)) if is_url(image) else file_key(image) for image in images]


def file_key(image: Any) -> bytes | None:
    """Key of a file in its present state, without reading it: see `file_state`.

    Parameters
    ----------
    image : path or anything else
        Not a URL, for which there is `file_keys`.

    Returns
    -------
    bytes of length 16, or None
        None if it is not a file, or one that may be changing right now.

    Examples
    --------
    >>> file_key(b"an image, not a path") is None
    True
    """
    if not isinstance(image, str | os.PathLike):
        return None
    state = file_state(image)
    return _key(None if state is None else repr(state))


def _key(state: str | None) -> bytes | None:
    """Key of a file in a state; None of an unknown one."""
    return None if state is None else blake2b(state.encode(), digest_size=HASH_BYTES).digest()
