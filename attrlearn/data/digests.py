"""What tells one picture from another: a digest of its content."""

import os
import time
from hashlib import blake2b
from typing import Any

from attrlearn.data.encoded import encoded_bytes, is_encoded
from attrlearn.data.images import open_file, open_image

__all__ = ["DIGEST_BYTES", "content_digest", "file_key"]

DIGEST_BYTES = 16

_SETTLED_NS = 2_000_000_000  # no file system in use counts time in coarser steps


def content_digest(picture: Any) -> bytes | None:
    """Digest the content of a picture.

    Parameters
    ----------
    picture : path, bytes, open file, PIL image or uint8 array
        As in `read_image`; an image in memory or an open file is left as it was.

    Returns
    -------
    bytes of length 16, or None
        Of the content of a file, which is not decoded, or of the pixels of an image in memory,
        upright and in RGB. None if it cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> content_digest(np.zeros((2, 8, 3), np.uint8)) == content_digest(np.zeros((2, 8), np.uint8))
    True
    >>> content_digest(np.zeros((2, 8), np.uint8)) == content_digest(np.zeros((4, 4), np.uint8))
    False
    """
    try:
        if isinstance(picture, str | os.PathLike):
            with open_file(picture) as file:
                picture = file.read()
        if is_encoded(picture):
            return blake2b(encoded_bytes(picture), digest_size=DIGEST_BYTES).digest()
        image = open_image(picture)
        digest = blake2b(repr(image.size).encode(), digest_size=DIGEST_BYTES, person=b"pixels")
        digest.update(image.tobytes())
        return digest.digest()
    except Exception:  # whoever decodes it will say what is wrong with it
        return None


def file_key(picture: Any) -> bytes | None:
    """Key of a file in its present state, without reading it.

    Made of its absolute path, inode, size, and times of modification and of status change. The
    last is what shows that a file was overwritten in place and its modification time set back;
    Windows has no such time, there that goes unnoticed.

    Parameters
    ----------
    picture : path or anything else

    Returns
    -------
    bytes of length 16, or None
        None if it is not a file, or one touched in the last two seconds: the clock of the file
        system may not tell its next change from this one.

    Examples
    --------
    >>> file_key(b"a picture, not a path") is None
    True
    """
    if not isinstance(picture, str | os.PathLike):
        return None
    try:
        now = time.time_ns()
        state = os.stat(picture)
        path = os.path.abspath(picture)
    except (OSError, ValueError):
        return None
    if max(state.st_mtime_ns, state.st_ctime_ns) > now - _SETTLED_NS:
        return None
    parts = (path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return blake2b(repr(parts).encode(), digest_size=DIGEST_BYTES).digest()
