"""What the files of images say of themselves, read once each."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
from joblib import effective_n_jobs, parallel_config
from PIL import ExifTags, Image
from tqdm import tqdm

from attrlearn.checks.image_types import is_encoded, is_in_memory, name_of
from attrlearn.features.content_hash import content_hash
from attrlearn.images.decoding import open_file, open_image, read_image
from attrlearn.images.encoded import encoded_bytes
from attrlearn.inspection.registration import SIDE
from attrlearn.remote.versions import renew_archives

__all__ = ["ImageFacts", "count_threads", "read_facts"]

ONE_COLOUR = 6  # grey levels between the extremes of a thumbnail that is all one colour
SAME_FORMAT = {"MPO": "JPEG"}  # of a camera that stores a preview behind the image
TURNED = {5, 6, 7, 8}  # EXIF orientations that swap width and height


@dataclass(frozen=True)
class ImageFacts:
    """What was read of N images.

    Attributes
    ----------
    table : DataFrame of N rows
        `image`, its name; `format`, `width`, `height` (upright), `mode` and `n_bytes`; `hash` of
        its content; `one_colour`; `suffix_format`, the format that its name promises; `reason`
        why it cannot be read and `missing`, whether that is because there is no such file.
    thumbnails : ndarray of shape (N, 32, 32, 3), uint8
        Black where an image cannot be read.
    """

    table: pd.DataFrame
    thumbnails: np.ndarray


def count_threads(n_jobs: int | None) -> int:
    """How many threads `n_jobs` stands for on this computer; None: as many as there are cores.

    Raises
    ------
    ValueError
        If it is 0.

    Examples
    --------
    >>> count_threads(3)
    3
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0. Got 0. Pass -1 for all cores.")
    with parallel_config("threading"):
        return effective_n_jobs(-1 if n_jobs is None else n_jobs)


def read_facts(images: Sequence[Any], n_threads: int = 1, *, verbose: int = 0) -> ImageFacts:
    """Read hash, header and thumbnail of images, each file once.

    Parameters
    ----------
    images : sequence of N paths, URLs, PIL images, bytes, open files or uint8 arrays
    n_threads : int, default=1
    verbose : int, default=0
        1: a bar.

    Returns
    -------
    ImageFacts
        An image that cannot be read has its reason in it; nothing is raised.

    Examples
    --------
    >>> facts = read_facts([np.zeros((4, 6, 3), np.uint8), b"no image", "nowhere.png"])
    >>> facts.table[["width", "missing", "reason"]]
       width  missing                        reason
    0    6.0    False                          <NA>
    1    NaN    False  not an image Pillow can read
    2    NaN     True                  no such file
    """
    renew_archives(images)
    thumbnails = np.zeros((len(images), SIDE, SIDE, 3), dtype=np.uint8)

    def read(row: int) -> dict[str, Any]:
        facts: dict[str, Any] = {"image": name_of(images[row]), "reason": None, "missing": False}
        try:
            _read(images[row], facts, thumbnails[row])
        except Exception as error:
            facts["missing"] = isinstance(error.__cause__ or error, FileNotFoundError)
            facts["reason"] = "no such file" if facts["missing"] else _reason(error)
        return facts

    with ThreadPoolExecutor(n_threads) as pool:
        rows = pool.map(read, range(len(images)))
        found = list(tqdm(rows, "reading", len(images), leave=False, disable=not verbose))
    columns = ["image", "format", "width", "height", "mode", "n_bytes", "hash", "one_colour"]
    table = pd.DataFrame(found, columns=[*columns, "suffix_format", "reason", "missing"])
    words = ("format", "mode", "hash", "suffix_format", "reason")
    text: dict[str, Any] = dict.fromkeys(words, "string")
    numbers: dict[str, Any] = dict.fromkeys(("width", "height", "n_bytes"), float)
    table["one_colour"] = [fact.get("one_colour", False) for fact in found]
    return ImageFacts(table.astype(text | numbers), thumbnails)


def _read(image: Any, facts: dict[str, Any], thumbnail: np.ndarray) -> None:
    """Fill in the facts and the thumbnail of an image, as far as it can be read."""
    if pd.api.types.is_scalar(image) and pd.isna(image):
        raise FileNotFoundError
    if is_in_memory(image) and not is_encoded(image):
        content: Any = open_image(image)
        facts |= {"mode": getattr(image, "mode", content.mode), "hash": _hex(image)}
        facts["width"], facts["height"] = content.size
    else:
        content = _content(image)
        facts |= {"n_bytes": len(content), "hash": _hex(content)}
        facts["suffix_format"] = None if is_in_memory(image) else _suffix_format(image)
        Image.init()
        if content:
            _read_header(content, facts)
    thumbnail[:] = read_image(content, SIDE)
    values = thumbnail.reshape(-1, 3)
    facts["one_colour"] = bool((np.ptp(values, axis=0) <= ONE_COLOUR).all())


def _content(image: Any) -> bytes:
    """The bytes of a file, or of one in memory."""
    if is_encoded(image):
        return encoded_bytes(image)
    if os.path.isdir(image):
        raise IsADirectoryError("is a folder")
    with open_file(image) as file:
        return file.read()


def _hex(image: Any) -> str | None:
    """The content hash as text."""
    hashed = content_hash(image)
    return None if hashed is None else hashed.hex()


def _read_header(content: bytes, facts: dict[str, Any]) -> None:
    """Fill in what the header says; nothing if Pillow does not know it, as decoding tells why."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            size, kind, mode = image.size, str(image.format), image.mode
            orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        return
    facts["width"], facts["height"] = size[::-1] if orientation in TURNED else size
    facts |= {"format": SAME_FORMAT.get(kind, kind), "mode": mode}


def _suffix_format(image: Any) -> str | None:
    """The format that the suffix of a file promises, None if it promises nothing."""
    kind = Image.registered_extensions().get(PurePath(str(image)).suffix.lower())
    return SAME_FORMAT.get(str(kind), kind)


def _reason(error: Exception) -> str:
    """Why an image cannot be read."""
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
