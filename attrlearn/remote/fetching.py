"""The content of a file at a URL, in spite of servers that fail at times."""

import errno
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from attrlearn.checks.urls import check_url_support, without_secrets
from attrlearn.remote.file_systems import file_system

__all__ = ["fetch", "fetch_all", "in_parallel", "patiently"]

N_CONNECTIONS = 16  # at once, where nothing but the network is waited for
WAITS = (0.5, 1.0, 2.0)  # seconds before a request that failed is made again

S = TypeVar("S")
T = TypeVar("T")

_BROKEN_OFF = {"ClientPayloadError", "ServerDisconnectedError"}  # of aiohttp, which may be absent


def fetch(url: str) -> bytes:
    """Return the content of a file; several threads may do so at once.

    Raises
    ------
    FileNotFoundError, PermissionError, OSError
        If it cannot be fetched. The text is the bare reason.
    ImportError
        Without the extra ``remote``.
    """
    check_url_support([url])

    def read() -> bytes:
        with file_system(url) as (fs, path):
            return fs.cat_file(path)

    return patiently(read)


def fetch_all(urls: Iterable[str]) -> list[bytes | OSError]:
    """Return the content of files, fetched side by side, or why one cannot be fetched."""

    def read(url: str) -> bytes | OSError:
        try:
            return fetch(url)
        except OSError as error:
            return error

    return in_parallel(read, urls)


def in_parallel(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Return what is made of each item, where making it is mostly waiting for a server.

    Examples
    --------
    >>> in_parallel(len, ["a", "bc"])
    [1, 2]
    """
    with ThreadPoolExecutor(N_CONNECTIONS, thread_name_prefix="attrlearn-fetch") as pool:
        return list(pool.map(work, items))


def patiently(work: Callable[[], T]) -> T:
    """Return what a request gives, which is made again where its failure may pass.

    Raises
    ------
    FileNotFoundError, PermissionError, OSError
        In words for a person, without the URL.
    """
    for n, wait in enumerate((*WAITS, None), 1):
        try:
            return work()
        except Exception as error:  # of as many libraries as there are schemes
            cause = _cause(error)
            if wait is None or not _may_pass(cause):
                raise _worded(cause, f", tried {n} times" if n > 1 else "") from error
            time.sleep(wait)
    raise AssertionError


def _cause(error: Exception) -> Exception:
    """The error of the web client where fsspec says of every one that there is no such file."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and type(cause).__module__.startswith("aiohttp"):
        assert isinstance(cause, Exception)
        return cause
    return error


def _may_pass(error: Exception) -> bool:
    """Whether a server is overloaded, silent, or has broken off."""
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status >= 500 or status in (408, 429)
    return (
        isinstance(error, TimeoutError | ConnectionResetError | BrokenPipeError)
        or getattr(error, "errno", None) == errno.ECONNRESET
        or type(error).__name__ in _BROKEN_OFF
    )


def _worded(error: Exception, tried: str) -> OSError:
    """The error in the same words whatever library it comes from."""
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError | KeyError) or status in (404, 410):
        return FileNotFoundError("no such file")
    if isinstance(status, int):
        kind = PermissionError if status in (401, 403) else OSError
        return kind(f"the server answered {status} {getattr(error, 'message', '')}".strip() + tried)
    if isinstance(error, TimeoutError):
        return TimeoutError(f"the server did not answer in time{tried}")
    if "range requests" in str(error):  # by fsspec, with a cure that is none here
        return OSError(
            "its server sends whole files only: have the archive copied to a temporary file by "
            "'::simplecache::' in place of the last '::'"
        )
    kind = PermissionError if isinstance(error, PermissionError) else OSError
    return kind(without_secrets(str(error).rstrip(".") or type(error).__name__) + tried)
