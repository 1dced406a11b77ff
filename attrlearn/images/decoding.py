"""One image, from wherever it comes, to a square of uint8 RGB pixels."""

import io
import os
import stat
import threading
from typing import IO, Any

import numpy as np
import pandas as pd
from PIL import ExifTags, Image, UnidentifiedImageError

from attrlearn.checks.image_types import is_in_memory, name_of
from attrlearn.checks.urls import is_url
from attrlearn.exceptions import ImageError
from attrlearn.forks import in_forked_child
from attrlearn.images.encoded import encoded_bytes
from attrlearn.remote.fetching import fetch

_TURNS = {  # EXIF orientation → what makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

_RULE = (
    "an image must be a path, the content of a file, a PIL image or a uint8 array of shape (H, W), "
    "(H, W, 3) or (H, W, 4)."
)

_copying = threading.Lock()

ImageLike = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | np.ndarray
)


@in_forked_child
def _renew_lock() -> None:
    global _copying
    _copying = threading.Lock()


def read_image(source: ImageLike, size: int, resize: str = "squash") -> np.ndarray:
    """Read an image as a square of uint8 RGB pixels.

    Safe to call from several threads; a PIL image or an open file is left as it was.

    Parameters
    ----------
    source : path, bytes, open file, PIL image or uint8 array (H, W), (H, W, 3) or (H, W, 4)
        A path or a URL; the content of an image file as bytes, bytearray, memoryview or a binary
        file object, which is read from its start; or an image in memory. Of an animation or a
        document with several pages, the first is read.
    size : int
        Side of the result, in pixels.
    resize : {"squash", "pad", "crop"}, default="squash"
        ``"squash"`` ignores the aspect ratio, ``"pad"`` fits the whole image inside, centred on
        white, ``"crop"`` scales the shorter side to `size` and keeps the centre.

    Returns
    -------
    ndarray of shape (size, size, 3), dtype uint8
        Upright (the EXIF orientation is applied), with transparent parts on white.

    Raises
    ------
    ImageError
        If the image cannot be read, or its path is missing. Its text is the bare reason, such as
        ``file is truncated``: the caller knows which row it was.
    TypeError
        If `source` is none of the above.
    ValueError
        If `resize` is none of the above.

    Notes
    -----
    Large JPEGs are decoded at 1/2, 1/4 or 1/8 of their size when that leaves at least a quarter
    more pixels per side than needed. Scaling is bilinear with antialiasing.

    Gray images of 16 bits are scaled so that 65535 becomes 255. Those of 32-bit integers or floats
    do not say which value is white: it is the smallest of 1, 255 and 65535 that no pixel exceeds
    (65535 if all are exceeded), and what lies outside is clipped.

    An image of more than `PIL.Image.MAX_IMAGE_PIXELS` pixels is not decoded.

    Examples
    --------
    >>> import numpy as np
    >>> from attrlearn.images.decoding import read_image
    >>> wide = np.zeros((2, 4, 3), dtype=np.uint8)
    >>> read_image(wide, size=4, resize="pad")[:, :, 0]
    array([[255, 255, 255, 255],
           [  0,   0,   0,   0],
           [  0,   0,   0,   0],
           [255, 255, 255, 255]], dtype=uint8)
    """
    _check_arguments(source, resize)
    try:
        image = _rgb(_upright(_opened(source, size, resize)))
        return np.array(_resized(image, size, resize))
    except Exception as error:  # damaged files make Pillow's decoders raise nearly anything
        raise _error(source, _reason(error, source)) from error


def open_image(source: Image.Image | np.ndarray) -> Image.Image:
    """Return an image in memory as `read_image` sees it before any resizing: upright, in RGB.

    Examples
    --------
    >>> open_image(np.zeros((2, 4), dtype=np.uint8)).mode
    'RGB'
    """
    _check_arguments(source, "squash")
    return _rgb(_upright(_opened(source, 1, "squash")))


def open_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file, or fetch it; OSError for a pipe or a device, which may never end."""
    if isinstance(path, str) and is_url(path):
        return io.BytesIO(fetch(path))
    try:
        mode = os.stat(path).st_mode
    except ValueError:  # an embedded null byte, which `open` words alike in all versions
        mode = stat.S_IFREG
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError("is a pipe or a device: pass its content as bytes")
    return open(path, "rb")


def _check_arguments(source: Any, resize: str) -> None:
    """Raise unless `source` is of a known type and `resize` a known way."""
    if resize not in ("squash", "pad", "crop"):
        raise ValueError(f'resize must be "squash", "pad" or "crop". Got {resize!r}.')
    if isinstance(source, np.ndarray):
        channels = source.shape[2:]
        if source.dtype != np.uint8 or source.ndim < 2 or channels not in ((), (3,), (4,)):
            raise _error(source, f"{_RULE} Got an array of {source.dtype}, shape {source.shape}")
    elif not (isinstance(source, str | os.PathLike) or is_in_memory(source)):
        if pd.api.types.is_scalar(source) and pd.isna(source):
            raise _error(source, "the path is missing")
        raise TypeError(f"{_RULE} Got {type(source).__name__}.")


def _opened(source: ImageLike, size: int, resize: str) -> Image.Image:
    """Return `source` as a loaded image that is ours alone and holds no file open."""
    if isinstance(source, Image.Image):
        # Pillow loads pixels late and not thread-safely, and a list may hold one image twice.
        with _copying:
            return source.copy()
    if isinstance(source, np.ndarray):
        return Image.fromarray(source)
    with (
        open_file(source)
        if isinstance(source, str | os.PathLike)
        else io.BytesIO(encoded_bytes(source))
    ) as file:
        return _decoded(file, size, resize)


def _decoded(file: IO[bytes], size: int, resize: str) -> Image.Image:
    """Return the first image in `file`, loaded; a large JPEG at a fraction of its size."""
    start = file.read(32)
    if not start:
        raise OSError("is empty (0 bytes)")
    file.seek(0)
    Image.init()  # left to `open`, threads that come first could miss some of the formats
    try:
        image = Image.open(file)
    except UnidentifiedImageError as error:
        raise OSError(_unknown_format(start)) from error
    if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError  # Pillow itself only warns up to twice the limit
    # Scaled decoding right down to `size` would be visibly sharper than a full decode.
    side = (max if resize == "pad" else min)(image.size)
    enough = size * 5 // 4
    image.draft(None, (-(-image.width * enough // side), -(-image.height * enough // side)))
    image.load()
    return image


def _upright(image: Image.Image) -> Image.Image:
    """Return `image` turned as its EXIF orientation asks."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # damaged EXIF beside good pixels
        return image
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _rgb(image: Image.Image) -> Image.Image:
    """Return `image` in mode RGB, its transparent parts on white."""
    if 0 in image.size:
        raise OSError("has no pixels")
    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        # Before any scaling, which would mix in the colours hidden under transparent pixels.
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a gray image of more than 8 bits in mode L."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    levels = (65535,) if image.mode.startswith("I;") else (1, 255, 65535)
    white = next((level for level in levels if values.max() <= level), 65535)
    gray = np.rint(values.clip(0, white) / (white / 255)).astype(np.uint8)
    gray[values == image.info.get("transparency", np.nan)] = 255
    return Image.fromarray(gray)


def _resized(image: Image.Image, size: int, resize: str) -> Image.Image:
    """Return `image` as a square with sides of `size`."""
    width, height = image.size
    box, shape = (0, 0, width, height), (size, size)
    if resize == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        box = (left, top, left + side, top + side)
    elif resize == "pad":
        scale = size / max(width, height)
        shape = max(1, round(width * scale)), max(1, round(height * scale))
    image = image.resize(shape, Image.Resampling.BILINEAR, box, reducing_gap=2.0)
    if shape == (size, size):
        return image
    square = Image.new("RGB", (size, size), "white")
    square.paste(image, ((size - shape[0]) // 2, (size - shape[1]) // 2))
    return square


def _error(source: object, reason: str) -> ImageError:
    """The error of an image whose row is not known here."""
    return ImageError(reason, image=name_of(source), reason=reason)


def _reason(error: Exception, source: object) -> str:
    """Return why the image could not be read, in words for a person."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels, a possible decompression bomb"
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        return "is a folder"
    if "truncated" in str(error).lower():
        return "file is truncated"
    return str(getattr(error, "strerror", None) or error).rstrip(".") or type(error).__name__


def _unknown_format(start: bytes) -> str:
    """Return why Pillow knows no format for a file that starts with these bytes."""
    brands = {start[at : at + 4] for at in range(8, 32, 4)} if start[4:8] == b"ftyp" else set()
    if brands & {b"avif", b"avis"}:
        if "AVIF" not in Image.SAVE:  # registered only by a Pillow that was built with it
            return "AVIF needs Pillow 11.3 or newer: pip install --upgrade pillow"
    elif brands & _HEIC_BRANDS and "HEIF" not in Image.OPEN:
        return (
            "HEIC needs the plug-in pillow-heif: pip install pillow-heif, then call "
            "pillow_heif.register_heif_opener()"
        )
    return "not an image Pillow can read"
