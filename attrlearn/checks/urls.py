"""What is a URL rather than a path, and what of it may be shown."""

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["check_url_support", "is_url", "without_secrets"]

_URL = re.compile(r"[A-Za-z][\w+.-]+(://|::)")  # two letters at least: C:// is a drive
_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^/@\s]+(?=@)")
_SECRET = re.compile(
    r"(?i)([?&][^=&\s]*(?:sig|token|key|secret|passw|credential)[^=&\s]*=)[^&\s'\"]+"
)


def is_url(source: Any) -> bool:
    """Whether an image, a table or a folder is given by URL, ``scheme://`` or a chain of fsspec.

    Examples
    --------
    >>> is_url("s3://shots/a.jpg"), is_url("zip://a.jpg::file:///shots.zip"), is_url("C:/a.jpg")
    (True, True, False)
    """
    return isinstance(source, str) and _URL.match(source) is not None


def without_secrets(text: str) -> str:
    """Replace passwords, signatures and tokens of the URLs in a text by three asterisks.

    Examples
    --------
    >>> without_secrets("https://me:1234@host/a.jpg?width=64&X-Amz-Signature=5678")
    'https://me:***@host/a.jpg?width=64&X-Amz-Signature=***'
    """
    return _SECRET.sub(r"\1***", _PASSWORD.sub(r"\1***", text))


def check_url_support(sources: Iterable[Any]) -> None:
    """Raise ImportError where there are URLs, and not what the extra ``remote`` installs.

    What other schemes than http need (s3fs for ``s3://``) is found out when they are read.

    Examples
    --------
    >>> check_url_support(["a.jpg", b"..."])
    """
    url = next((source for source in sources if is_url(source)), None)
    if url is None:
        return
    try:
        import fsspec.implementations.http  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"URLs need fsspec and aiohttp. Got {without_secrets(url)!r}. "
            "Run: pip install 'attrlearn[remote]'"
        ) from error
