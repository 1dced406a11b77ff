"""File systems of fsspec, each made once per process; threads take turns at an archive."""

import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrlearn.forks import in_forked_child, keep_for_ever
from attrlearn.remote.url_parts import UrlParts

__all__ = ["file_system", "renew_archive"]

MAX_OPEN = 32  # archives and hosts; the one that was not used for longest makes room
CONNECT_SECONDS, READ_SECONDS = 15, 60  # that a web server may be silent


class _Place:
    """A file system, made at its first use: a host, a bucket, or an archive of some version."""

    def __init__(self, version: str | None = None) -> None:
        self.version = version
        self.lock = threading.Lock()
        self.fs: Any = None


_places: OrderedDict[str, _Place] = OrderedDict()
_choosing = threading.Lock()


@in_forked_child
def _start_anew() -> None:
    """Leave connections, open files and the event loop to the parent, which goes on with them.

    To close a connection here, as fsspec does at the end of a process, takes it out of the event
    loop of the parent, which then waits for an answer for ever.
    """
    global _places, _choosing
    keep_for_ever(_places)
    _places, _choosing = OrderedDict(), threading.Lock()
    if (fsspec := sys.modules.get("fsspec")) is not None:
        for finalizer in list(getattr(weakref.finalize, "_registry", ())):
            made = finalizer.peek()
            if made and isinstance(made[0], fsspec.AbstractFileSystem):
                keep_for_ever(made)
                finalizer.detach()


@contextmanager
def file_system(url: str) -> Iterator[tuple[Any, str]]:
    """Open the file system of a URL, one thread at a time if it is an archive or keeps copies.

    An archive seeks in one open file, and has read its directory; a copy may be half written. None
    of the file systems remembers what a folder held.

    Parameters
    ----------
    url : str

    Yields
    ------
    fs : fsspec.AbstractFileSystem
    path : str
        Of the file in it.
    """
    parts = UrlParts.of(url)
    with _choosing:
        place = _places.setdefault(_key(parts), _Place())
        _places.move_to_end(_key(parts))
        while len(_places) > MAX_OPEN:
            _places.popitem(last=False)
    with place.lock:
        if place.fs is None:
            place.fs = _make(url)
        path = place.fs._strip_protocol(parts.scheme + parts.path)
        if parts.container or parts.wrappers:
            yield place.fs, path
            return
    yield place.fs, path


def renew_archive(url: str, version: str | None) -> None:
    """Have the archive of a URL opened again, unless it is open in this version; None: unknown."""
    key = _key(UrlParts.of(url))
    with _choosing:
        if version is None or key not in _places or _places[key].version != version:
            _places[key] = _Place(version)


def _key(parts: UrlParts) -> str:
    """What URLs of one file system share: host or bucket, or the archive."""
    host = "" if parts.container else parts.path.partition("/")[0]
    return "".join(parts._replace(path=host))


def _make(url: str) -> Any:
    """A file system that nobody else uses, so that it holds no listing of a folder."""
    import fsspec

    options = {scheme: _web_options() for scheme in ("http", "https") if f"{scheme}://" in url}
    return fsspec.core.url_to_fs(url, skip_instance_cache=True, **options)[0]


def _web_options() -> dict[str, Any]:
    """Options of a web client: patience, proxies; none where the user has set some in fsspec."""
    import aiohttp
    import fsspec

    if any("client_kwargs" in fsspec.config.conf.get(name, {}) for name in ("http", "https")):
        return {}
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
    )
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}
