"""The parts of a URL, which may be a chain such as ``zip://a.jpg::https://host/shots.zip``."""

from typing import NamedTuple

__all__ = ["UrlParts", "join_url", "parent_url", "url_name"]


class UrlParts(NamedTuple):
    """A URL in parts, which make it up if they are put together again.

    Attributes
    ----------
    wrappers : str
        What only hands on what it reads, such as "simplecache::"; mostly "".
    scheme : str
        Of the file: "https://".
    path : str
        Of the file: "host/a.jpg".
    container : str
        What holds the file, such as "::https://host/shots.zip"; mostly "".

    Examples
    --------
    >>> UrlParts.of("zip://a.jpg::simplecache::https://host/shots.zip")
    UrlParts(wrappers='', scheme='zip://', path='a.jpg',
             container='::simplecache::https://host/shots.zip')
    >>> UrlParts.of("simplecache::s3://shots/a.jpg")
    UrlParts(wrappers='simplecache::', scheme='s3://', path='shots/a.jpg', container='')
    """

    wrappers: str
    scheme: str
    path: str
    container: str

    @classmethod
    def of(cls, url: str) -> "UrlParts":
        """Return the parts of a URL."""
        links = url.split("::")
        n = next((i for i, link in enumerate(links) if "://" in link), len(links) - 1)
        start, mark, path = links[n].partition("://") if "://" in links[n] else ("", "", links[n])
        wrappers = "".join(f"{link}::" for link in links[:n])
        container = "".join(f"::{link}" for link in links[n + 1 :])
        return cls(wrappers, start + mark, path, container)

    @property
    def file(self) -> str:
        """The path without the query of a web address."""
        return self.path.partition("?")[0] if self.scheme.startswith("http") else self.path


def join_url(folder: str, name: str) -> str:
    """Return the URL of a file in a folder.

    Examples
    --------
    >>> join_url("https://host/shots", "a.jpg"), join_url("zip://::file:///shots.zip", "a.jpg")
    ('https://host/shots/a.jpg', 'zip://a.jpg::file:///shots.zip')
    """
    parts = UrlParts.of(folder)
    slash = "" if not parts.path or parts.path.endswith("/") else "/"
    return "".join(parts._replace(path=f"{parts.path}{slash}{name}"))


def parent_url(url: str) -> str:
    """Return the URL of the folder of a file.

    Examples
    --------
    >>> parent_url("https://host/shots/labels.csv?version=3")
    'https://host/shots'
    >>> parent_url("zip://labels.csv::file:///shots.zip")
    'zip://::file:///shots.zip'
    """
    parts = UrlParts.of(url)
    return "".join(parts._replace(path=parts.file.rpartition("/")[0]))


def url_name(url: str) -> str:
    """Return the name of a file, without its folder.

    Examples
    --------
    >>> url_name("https://host/shots/labels.csv?version=3")
    'labels.csv'
    """
    return UrlParts.of(url).file.rpartition("/")[2]
