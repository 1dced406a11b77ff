"""Images at URLs: which of them the names in a table stand for, and whether they are there."""

import posixpath
from collections.abc import Iterable
from urllib.parse import unquote

from attrlearn.checks.urls import check_url_support, is_url, without_secrets
from attrlearn.labels.image_lookup import has_image_suffix, images_by_stem
from attrlearn.remote.fetching import in_parallel, patiently
from attrlearn.remote.file_systems import file_system
from attrlearn.remote.url_parts import join_url
from attrlearn.remote.versions import renew_archives

__all__ = ["find_remote_images"]


def find_remote_images(
    names: Iterable[str], folder: str, *, is_checked: bool
) -> dict[str, list[str]]:
    """Files that each name may stand for, by name: none, one, or several of different suffixes.

    A folder is listed once, where its server can do that; for what is not in the list the server is
    asked one by one, several at a time.

    Parameters
    ----------
    names : iterable of str
        URLs, or names of files in `folder`.
    folder : str
        A URL; anything if all names are URLs.
    is_checked : bool
        Whether to look for all of them. Else only for names without the suffix of an image; the
        others, and whatever cannot be listed, are taken to be there.

    Raises
    ------
    OSError
        If a server does not say whether an image is there.
    """
    listings: dict[str, tuple[set[str], dict[str, list[str]]]] = {}

    def find(name: str) -> list[str]:
        """Its files, none if only the server knows."""
        inner, file = posixpath.split(name)
        if is_url(name) or (has_image_suffix(name) and not is_checked):
            return []
        if inner not in listings:
            listings[inner] = _list_folder(join_url(folder, inner) if inner else folder)
        files, by_stem = listings[inner]
        if file in files:
            return [name]
        matches = [] if has_image_suffix(name) else by_stem.get(file, [])
        return [posixpath.join(inner, match) for match in matches]

    plain = {name: name if is_url(name) else posixpath.normpath(name) for name in names}
    check_url_support([folder, *plain])
    renew_archives([folder, *plain.values()])
    found = {name: find(file) for name, file in plain.items()}
    unknown = {name: plain[name] for name, files in found.items() if not files}
    if is_checked:
        urls = [file if is_url(file) else join_url(folder, file) for file in unknown.values()]
        there = dict(zip(unknown, in_parallel(_is_there, urls), strict=True))
        unknown = {name: file for name, file in unknown.items() if there[name]}
    return found | {name: [file] for name, file in unknown.items()}


def _list_folder(url: str) -> tuple[set[str], dict[str, list[str]]]:
    """The files of a folder, none if it has no list, and its images by name without suffix."""

    def read() -> list[dict]:
        with file_system(url) as (fs, path):
            entries = fs.ls(path, detail=True)
            fs.invalidate_cache()  # the next question is about the next state
            return entries

    try:
        entries = patiently(read)
    except OSError:
        return set(), {}
    files = [entry["name"] for entry in entries if entry["type"] != "directory"]
    names = {posixpath.basename(name) for name in files}
    if url.startswith("http"):  # links of a page
        names = {unquote(name) for name in names}
    return names, images_by_stem(names)


def _is_there(url: str) -> bool:
    """Whether there is a file at a URL."""

    def ask() -> bool:
        with file_system(url) as (fs, path):
            return bool(fs.info(path))

    try:
        return patiently(ask)
    except (FileNotFoundError, PermissionError):  # servers forbid what is not there, too
        return False
    except OSError as error:
        raise OSError(
            f"The server must say whether there is an image {without_secrets(url)!r}. Got: "
            f"{error}. Try again, or pass on_missing_image='keep' not to ask."
        ) from error
