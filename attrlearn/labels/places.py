"""Where a labels file and its images are: a path, or a URL."""

import os
from pathlib import Path

from attrlearn.checks.urls import is_url, without_secrets
from attrlearn.remote.fetching import fetch
from attrlearn.remote.url_parts import join_url, parent_url, url_name

__all__ = ["Place", "folder_of_images", "join", "name_and_suffix", "path_or_url", "read_content"]

Place = Path | str  # str: a URL


def path_or_url(path: str | os.PathLike[str]) -> Place:
    """Return a URL as it is, anything else as a path.

    Examples
    --------
    >>> path_or_url("s3://shots/labels.csv")
    's3://shots/labels.csv'
    """
    return path if isinstance(path, str) and is_url(path) else Path(path)


def folder_of_images(table: Place, image_dir: str | os.PathLike[str] | None) -> Place:
    """Return `image_dir`; where that is None, the folder of the table.

    Examples
    --------
    >>> folder_of_images("s3://shots/labels.csv", None)
    's3://shots'
    """
    if image_dir is not None:
        return path_or_url(image_dir)
    return parent_url(table) if isinstance(table, str) else table.parent


def join(folder: Place, name: str) -> str:
    """Return the path or URL of what a table names; a name that is a URL stands for itself.

    Examples
    --------
    >>> join("s3://shots", "a.jpg"), join(Path("shots"), "s3://shots/a.jpg")
    ('s3://shots/a.jpg', 's3://shots/a.jpg')
    """
    if is_url(name):
        return name
    return join_url(folder, name) if isinstance(folder, str) else str(folder / name)


def name_and_suffix(place: Place) -> tuple[str, str]:
    """Return the name of a file, and its suffix in lower case.

    Examples
    --------
    >>> name_and_suffix("https://host/Labels.CSV?version=3")
    ('Labels.CSV', '.csv')
    """
    name = url_name(place) if isinstance(place, str) else place.name
    return name, os.path.splitext(name)[1].lower()


def read_content(place: Place) -> bytes:
    """Return the content of a labels file; FileNotFoundError or OSError if it is out of reach."""
    shown = without_secrets(str(place))
    missing = f"The labels file must exist. Got {shown!r}. Check the path."
    if isinstance(place, Path):
        if not place.is_file():
            raise FileNotFoundError(missing)
        return place.read_bytes()
    try:
        return fetch(place)
    except FileNotFoundError as error:
        raise FileNotFoundError(missing) from error
    except OSError as error:
        raise OSError(
            f"The labels file must be within reach. Got {shown!r}: {error}. Check the URL."
        ) from error
