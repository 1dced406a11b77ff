"""Errors and warnings of the package, and the one way in which it warns.

All warnings are subclasses of UserWarning, so that a filter can name what it is about::

    warnings.simplefilter("ignore", UnknownCategoryWarning)
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Self

__all__ = [
    "AttributeWarning",
    "CallbackWarning",
    "FeatureCacheWarning",
    "ImageError",
    "LabelsFileWarning",
    "UnknownCategoryWarning",
    "UnreadableImageWarning",
    "and_more",
    "naming_argument",
    "naming_cure",
    "warn",
]

# A warning is shown at the line of the user's that led to it, not at one of these packages.
_PACKAGES = tuple(
    folder + os.sep
    for package in ("attrlearn", "sklearn", "joblib")
    if (spec := find_spec(package)) is not None
    for folder in spec.submodule_search_locations or ()
)


class ImageError(OSError):
    """An image cannot be read.

    Parameters
    ----------
    text : str
        What ``str(error)`` gives.
    row, image, reason
        See below.

    Attributes
    ----------
    row : int or None
        Position of the image in X, from 0.
    image : str
        Its path, or for an image in memory its type, such as "of type bytes".
    reason : str
        Why it cannot be read, such as "file is truncated".

    Examples
    --------
    >>> from attrlearn import ImageEmbedder, ImageError
    >>> embedder = ImageEmbedder("squeezenet1_1", weights=None, image_size=32)
    >>> try:
    ...     embedder.fit_transform(["shots/a.jpg"])
    ... except ImageError as error:
    ...     error.row, error.image, error.reason
    (0, 'shots/a.jpg', 'no such file')
    """

    def __init__(
        self, text: str, row: int | None = None, image: str = "", reason: str = ""
    ) -> None:
        super().__init__(text)  # alone, as OSError takes a second argument for its own
        self.row = row
        self.image = image
        self.reason = reason

    def reworded(self, text: str) -> Self:
        """Return the same error in other words."""
        return type(self)(text, self.row, self.image, self.reason)


class UnreadableImageWarning(UserWarning):
    """Images were left out because they cannot be read (``on_bad_image="drop"``)."""


class UnknownCategoryWarning(UserWarning):
    """Rows have a category that the model does not know, or that looks like a missing one."""


class AttributeWarning(UserWarning):
    """An attribute teaches nothing, or looks like something else than an attribute."""


class CallbackWarning(UserWarning):
    """A callback cannot write what it shows of a training; nothing else changes."""


class FeatureCacheWarning(UserWarning):
    """The cache of features on disk cannot be used; nothing else changes."""


class LabelsFileWarning(UserWarning):
    """Rows of a labels file were left out or merged, or a column of it looks like free text."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first line on the stack that is outside attrlearn, scikit-learn and joblib.

    Parameters
    ----------
    message : str
    category : type of Warning, default=UserWarning
    """
    level = 2  # the caller
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGES):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def and_more(n: int, what: str) -> str:
    """Return the ending of an error that stands for `n` further ones.

    Examples
    --------
    >>> and_more(0, "cell"), and_more(2, "cell")
    ('', ' (and 2 more such cells)')
    """
    return f" (and {n} more such {what}{'s' if n > 1 else ''})" if n else ""


@contextmanager
def naming_argument(name: str) -> Iterator[None]:
    """Say in an error which argument it is about.

    Examples
    --------
    >>> with naming_argument("y_val"):
    ...     raise ValueError("y must have one row per image.")
    Traceback (most recent call last):
    ValueError: In y_val: y must have one row per image.
    """
    try:
        yield
    except ImageError as error:
        raise error.reworded(f"In {name}: {error}") from error
    except (ValueError, TypeError, OSError) as error:
        raise type(error)(f"In {name}: {error}") from error


@contextmanager
def naming_cure(cure: str) -> Iterator[None]:
    """Say in the error of an image what helps where ``on_bad_image="drop"`` does not.

    Examples
    --------
    >>> with naming_cure("leave its row out"):
    ...     raise ImageError('Could not read it. Replace it, or pass on_bad_image="drop".')
    Traceback (most recent call last):
    attrlearn.exceptions.ImageError: Could not read it. Replace it, or leave its row out.
    """
    try:
        yield
    except ImageError as error:
        raise error.reworded(str(error).replace('pass on_bad_image="drop"', cure)) from error
