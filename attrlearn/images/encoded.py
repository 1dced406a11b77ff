"""The content of an image file: of one that is in memory or open, or made of pixels."""

import base64
import io
import threading
from typing import Any

import numpy as np
from PIL import Image

from attrlearn.forks import in_forked_child

__all__ = ["encoded_bytes", "jpeg_bytes", "jpeg_url"]

_reading = threading.Lock()


@in_forked_child
def _renew_lock() -> None:
    global _reading
    _reading = threading.Lock()


def encoded_bytes(source: Any) -> bytes:
    """Return the content, of an open file from its start; the file is left where it was.

    Threads take turns.

    Examples
    --------
    >>> from io import BytesIO
    >>> file = BytesIO(b"abc")
    >>> file.read(2), encoded_bytes(file), file.read()
    (b'ab', b'abc', b'c')
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    with _reading:
        place = source.tell()
        source.seek(0)
        try:
            content = source.read()
        finally:
            source.seek(place)
    if not isinstance(content, bytes):
        raise OSError("the file is open as text: open it with mode 'rb'")
    return content


def jpeg_bytes(pixels: np.ndarray, quality: int) -> bytes:
    """Return the content of a JPEG of pixels (H, W, 3), uint8.

    Examples
    --------
    >>> jpeg_bytes(np.zeros((8, 8, 3), np.uint8), quality=80)[6:10]
    b'JFIF'
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def jpeg_url(pixels: np.ndarray, quality: int) -> str:
    """Return a URL that contains a JPEG of pixels (H, W, 3), uint8.

    Examples
    --------
    >>> jpeg_url(np.zeros((8, 8, 3), np.uint8), quality=80)[:23]
    'data:image/jpeg;base64,'
    """
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg_bytes(pixels, quality)).decode()}"
