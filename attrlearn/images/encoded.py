"""The content of an image file that is in memory or open."""

import threading
from typing import Any

from attrlearn.forks import in_forked_child

__all__ = ["encoded_bytes"]

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
