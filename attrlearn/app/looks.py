"""What the page keeps of an uploaded image, so that it is read and predicted once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from attrlearn.images.decoding import read_image
from attrlearn.images.encoded import jpeg_bytes
from attrlearn.inspection import explain
from attrlearn.plots.attribute_maps import overlay

__all__ = ["SIDE", "Look", "explain_looks", "look_at"]

SIDE = 224  # width and height of an image on the page, in CSS pixels
QUALITY = 85  # of its JPEG


class Look(NamedTuple):
    """A small copy of an image as JPEG, None if it is unreadable, and its row of predictions."""

    thumbnail: bytes | None
    row: dict[Any, Any]


def look_at(clf: Any, contents: Sequence[bytes], category: Any = None) -> list[Look]:
    """Read and predict images.

    Parameters
    ----------
    clf : AttributeClassifier
        Fitted on images, with ``on_bad_image="drop"``.
    contents : sequence of N bytes
        The contents of their files.
    category : object, optional
        Of all of them; None: unknown.

    Returns
    -------
    list of N Look
        A row is that of `predict_table`, with the reason in `image_error` if an image is
        unreadable.
    """
    categories = [category] * len(contents) if len(clf.categories_) else None
    table: pd.DataFrame = clf.predict_table(list(contents), categories)
    return [
        Look(_thumbnail(content) if pd.isna(row["image_error"]) else None, row)
        for content, row in zip(contents, table.to_dict("records"), strict=True)
    ]


def explain_looks(
    clf: Any, contents: Sequence[bytes], attribute: Any, category: Any = None
) -> list[bytes]:
    """Draw the heat map of an attribute over images that can be read.

    Parameters
    ----------
    clf, contents, category
        As in `look_at`.
    attribute : hashable

    Returns
    -------
    list of N bytes
        JPEGs of the images as the network sees them, gray under the map.
    """
    categories = [category] * len(contents) if len(clf.categories_) else None
    found = explain(clf, list(contents), [attribute], categories=categories)
    drawn = []
    for image, heat_map in zip(found.images, found.of(attribute), strict=True):
        large = Image.fromarray(image).resize((2 * SIDE, 2 * SIDE), Image.Resampling.BILINEAR)
        drawn.append(jpeg_bytes(overlay(np.asarray(large), heat_map), QUALITY))
    return drawn


def _thumbnail(content: bytes) -> bytes:
    """A square JPEG with the whole image in it, sharp on a screen of twice the density."""
    return jpeg_bytes(read_image(content, 2 * SIDE, "pad"), QUALITY)
