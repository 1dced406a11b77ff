"""What shows that a file at a URL has changed, without its content."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from attrlearn.checks.file_state import file_state
from attrlearn.checks.urls import is_url
from attrlearn.remote.fetching import in_parallel, patiently
from attrlearn.remote.file_systems import file_system, renew_archive
from attrlearn.remote.url_parts import UrlParts

__all__ = ["renew_archives", "url_versions"]

SETTLED_SECONDS = 60  # times are whole seconds, and the clock of a server is not ours

# What fsspec's file systems call them: those of http, s3, gs, abfs, sftp and others.
_CONTENT = (
    *("ETag", "etag", "e_tag", "Content-MD5", "Digest", "content_md5", "md5", "md5Hash"),
    *("crc32c", "generation", "VersionId", "version_id"),
)
_TIMES = ("Last-Modified", "LastModified", "last_modified", "modified", "mtime", "updated")


def url_versions(urls: Sequence[str]) -> list[str | None]:
    """Ask for the versions of files, one request each, and one for all members of an archive.

    Archives that have changed since they were opened are opened again when they are next read.

    Parameters
    ----------
    urls : sequence of N str

    Returns
    -------
    list of N str or None
        Another one for another content. None where there is no such file, where the server gives
        no entity tag, checksum or time of modification, where all it gives is a time in the last
        minute, which may not tell the next change from this one, and where something such as
        ``simplecache::`` may hand on an old copy.
    """
    roots = [_root(url) for url in urls]
    wanted = sorted({root for root in roots if root})
    versions: dict[str | None, str | None] = dict(
        zip(wanted, in_parallel(_version, wanted), strict=True)
    )
    opened = {UrlParts.of(url).container: url for url in urls}
    for container, url in opened.items():
        if container:
            renew_archive(url, versions.get(_root(url)))
    found = [versions.get(root) for root in roots]
    return [version and f"{url} {version}" for url, version in zip(urls, found, strict=True)]


def renew_archives(images: Iterable[Any]) -> None:
    """Have the archives of those images that are members of one opened again if they changed."""
    members = (image for image in images if is_url(image) and "::" in image)
    url_versions(list({UrlParts.of(url).container: url for url in members}.values()))


def _root(url: str) -> str | None:
    """The file that holds all else; None if a copy of it may be read in its place."""
    links = url.split("::")
    return links[-1] if all("://" in link for link in links) else None


def _version(url: str) -> str | None:
    """The version of a file that is no member of an archive."""

    def ask() -> dict[str, Any]:
        with file_system(url) as (fs, path):
            if url.startswith("file://"):
                return {"etag": file_state(path)}
            return fs.info(path)

    try:
        info = patiently(ask)
    except OSError:  # whoever reads it will say what is wrong
        return None
    told = {name: str(info[name]) for name in ("size", *_CONTENT, *_TIMES) if info.get(name)}
    times = [info[name] for name in _TIMES if name in told]
    if any(name in told for name in _CONTENT) or (times and all(map(_is_settled, times))):
        return repr(told)
    return None


def _is_settled(modified: Any) -> bool:
    """Whether a time of modification, a number, a text or a datetime, is long enough ago."""
    try:
        if isinstance(modified, str):
            modified = parsedate_to_datetime(modified)
        seconds = modified.timestamp() if isinstance(modified, datetime) else float(modified)
    except (TypeError, ValueError):
        return False
    return time.time_ns() / 1e9 - seconds >= SETTLED_SECONDS
