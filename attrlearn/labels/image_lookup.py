"""Images in folders: all there are, and those that the names in a table stand for."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)


def has_image_suffix(name: str) -> bool:
    """Whether a name ends like that of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def images_by_stem(files: Iterable[str]) -> dict[str, list[str]]:
    """Return the images among files by their name without suffix, each list sorted."""
    by_stem = defaultdict(list)
    for file in sorted(files):
        if has_image_suffix(file):
            by_stem[os.path.splitext(file)[0]].append(file)
    return by_stem


def list_images(folder: Path) -> list[str]:
    """Paths of all images in a folder and the folders below it, sorted.

    What is hidden, its name beginning with a dot, is passed over. Links are followed, but no folder
    is entered twice.
    """
    entered = set()
    images = []
    for root, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        place = os.path.realpath(root)
        shown = [] if place in entered else [name for name in files if name[0] != "."]
        folders[:] = [name for name in folders if name[0] != "." and place not in entered]
        entered.add(place)
        images += [str(Path(root, name)) for name in shown if has_image_suffix(name)]
    return sorted(images)


def find_images(names: Iterable[str], folder: Path) -> list[list[str]]:
    """Files in `folder` each name may stand for: none, one, or several with different suffixes.

    A name that is no file and has no image suffix stands for the images called so. Each folder
    is listed once, which is quicker than asking for every name, above all on a network drive.
    """
    listings: dict[str, tuple[set[str], dict[str, list[str]]]] = {}

    def find(name: str) -> list[str]:
        inner, name = os.path.split(os.path.normpath(name))
        if inner not in listings:
            listings[inner] = _list_folder(folder / inner)
        files, by_stem = listings[inner]
        if name in files:
            return [os.path.join(inner, name)]
        if not has_image_suffix(name):
            return [os.path.join(inner, file) for file in by_stem.get(name, [])]
        # A file system that ignores case may still have it.
        return [os.path.join(inner, name)] if (folder / inner / name).is_file() else []

    return [find(name) for name in names]


def _raise(error: OSError) -> None:
    """Raise the error of a folder that cannot be listed, which would else be passed over."""
    raise error


def _list_folder(folder: Path) -> tuple[set[str], dict[str, list[str]]]:
    """Return the files of a folder, and its images by their name without suffix."""
    if not folder.is_dir():
        return set(), {}
    with os.scandir(folder) as entries:
        files = {entry.name for entry in entries if entry.is_file()}
    return files, images_by_stem(files)
