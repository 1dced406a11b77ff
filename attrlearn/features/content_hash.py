"""What tells one image from another: a hash of its content."""

import os
import time
from hashlib import blake2b
from typing import Any

from attrlearn.checks.image_types import is_encoded
from attrlearn.images.decoding import open_file, open_image
from attrlearn.images.encoded import encoded_bytes

__all__ = ["HASH_BYTES", "content_hash", "file_key"]

HASH_BYTES = 16

_SETTLED_NS = 2_000_000_000  # no file system in use counts time in coarser steps


def content_hash(image: Any) -> bytes | None:
    """Hash the content of an image.

    Parameters
    ----------
    image : path, bytes, open file, PIL image or uint8 array
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


def file_key(image: Any) -> bytes | None:
    """Key of a file in its present state, without reading it.

    Made of its absolute path, inode, size, and times of modification and of status change. The
    last is what shows that a file was overwritten in place and its modification time set back;
    Windows has no such time, there that goes unnoticed.

    Parameters
    ----------
    image : path or anything else

    Returns
    -------
    bytes of length 16, or None
        None if it is not a file, or one touched in the last two seconds: the clock of the file
        system may not tell its next change from this one.

    Examples
    --------
    >>> file_key(b"an image, not a path") is None
    True
    """
    if not isinstance(image, str | os.PathLike):
        return None
    try:
        now = time.time_ns()
        state = os.stat(image)
        path = os.path.abspath(image)
    except (OSError, ValueError):
        return None
    if max(state.st_mtime_ns, state.st_ctime_ns) > now - _SETTLED_NS:
        return None
    parts = (path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return blake2b(repr(parts).encode(), digest_size=HASH_BYTES).digest()
