"""Heat maps: where in an image a fitted classifier finds the evidence for an attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.utils.validation import check_is_fitted

from attrlearn.checks.attributes import class_probabilities
from attrlearn.checks.inputs import Inputs, check_inputs, encode_categories
from attrlearn.images.reader import ImageReader, consecutive, open_reader
from attrlearn.inspection.evidence import EvidenceProbe
from attrlearn.metrics.final_estimator import last_step
from attrlearn.nn.device import resolve_device

__all__ = ["AttributeMaps", "explain"]

BATCH_SIZE = 16


@dataclass(frozen=True)
class AttributeMaps:
    """Heat maps of images, as `explain` gives them.

    Attributes
    ----------
    maps : ndarray of shape (N, A', H, H), float32
        From 0 to 1, in the coordinates of `images`. NaN for an image that cannot be read.
    attributes : list of A' names
    classes : DataFrame of shape (N, A')
        The class that a map is about.
    probabilities : DataFrame of shape (N, A')
        Of that class.
    images : ndarray of shape (N, S, S, 3), uint8
        The images as the network saw them.
    resize : {"squash", "pad", "crop"}
        How they became square.
    """

    maps: np.ndarray
    attributes: list[Any]
    classes: pd.DataFrame
    probabilities: pd.DataFrame
    images: np.ndarray
    resize: str

    def __len__(self) -> int:
        return len(self.maps)

    def of(self, attribute: Any) -> np.ndarray:
        """Return the maps (N, H, H) of an attribute."""
        if attribute not in self.attributes:
            raise KeyError(
                f"attribute must be one that was explained. Got {attribute!r}. They are "
                f"{self.attributes}."
            )
        return self.maps[:, self.attributes.index(attribute)]

    def on_original(self, row: int, attribute: Any, size: tuple[int, int]) -> np.ndarray:
        """Return a map in the coordinates of the original image.

        Parameters
        ----------
        row : int
        attribute : hashable
        size : tuple of int
            Width and height of the upright original in pixels, as ``PIL.Image.size`` is.

        Returns
        -------
        ndarray of shape (height, width), float32
            0 where ``resize="crop"`` has cut the image off.
        """
        width, height = size
        square = self.of(attribute)[row]
        if self.resize == "crop":
            side = min(size)
            left, top = (width - side) // 2, (height - side) // 2
            out = np.zeros((height, width), dtype=np.float32)
            out[top : top + side, left : left + side] = _scaled(square, (side, side))
            return out
        if self.resize == "squash":
            return _scaled(square, size)
        shown_width, shown_height = (len(square) * edge / max(size) for edge in size)
        x, y = (len(square) - shown_width) / 2, (len(square) - shown_height) / 2
        return _scaled(square, size, (x, y, x + shown_width, y + shown_height))


def explain(
    clf: Any,
    images: Any,
    attributes: Any = None,
    *,
    categories: Any = None,
    classes: Mapping[Any, Any] | None = None,
    map_size: int | None = None,
    batch_size: int = BATCH_SIZE,
) -> AttributeMaps:
    """Show where in images a classifier finds the evidence for each attribute.

    Parameters
    ----------
    clf : AttributeClassifier, or a pipeline or search that ends in one
        Fitted on images. Nothing of it changes: a copy of its network is differentiated.
    images : X of N rows
        As `predict_proba` of `clf` takes it. What comes before the classifier in a pipeline
        transforms it first.
    attributes : list of names, or name, optional
        The A' attributes to explain. None: all.
    categories : array-like of shape (N,), optional
        As in `AttributeClassifier.predict_proba`.
    classes : mapping of attribute to class, optional
        The class to find evidence for. Without one it is 1 of a binary attribute, also where 0 is
        predicted, and the predicted class of a categorical one.
    map_size : int, optional
        H, the side of a map in pixels. None: the `image_size` of the classifier.
    batch_size : int, default=16
        Images that are differentiated at once. It makes no difference but in memory and time.

    Returns
    -------
    AttributeMaps

    Raises
    ------
    ValueError
        If the classifier was fitted on features, or an attribute or a class is unknown.
    TypeError
        If `clf` does not end in an AttributeClassifier.
    ImageError
        If an image cannot be read, unless the classifier has ``on_bad_image="drop"``.

    Notes
    -----
    The log-odds of the class, ``log p - log(1 - p)`` of the averaged probability of all heads, are
    differentiated by the last activation of each shape in the backbone: where its stages end, or of
    a vision transformer the patch tokens of each encoder block. In each of them the evidence of a
    position is the sum over the channels of gradient times activation, where positive, as in
    HiResCAM [2]_; at most the same sum of what the activation differs by from that of a plain image
    of the mean colour, or else the padding of convolutions would draw evidence into a corner. A
    plain image has none: its map is 0. Unlike in Grad-CAM [1]_ gradients are not averaged over the
    positions: those of a standard deviation differ by position. Early activations know where
    exactly, late ones what (as in LayerCAM [3]_): each is scaled to a maximum of 1, enlarged, and
    the map is the third power of their geometric mean.

    Any other map has its bright spots: what stands out in an image draws some evidence for
    anything: a head with shuffled weights, as in the sanity checks of [4]_, still finds marks on
    plain ground, but does not tell those of one attribute from those of another.

    A map is scaled by itself, so that positions can be compared within a map. Values of different
    images or attributes cannot: read the probabilities for that. A map is no segmentation, and it
    is drawn for any class, be it improbable. It is computed by torch in float32, whatever the
    classifier predicts with.

    An attribute takes a backward pass through the backbone. The maps take ``N * A' * H * H * 4``
    bytes, 15 MB for 77 attributes of an image of 224 pixels: pass some images at a time, some
    `attributes`, or a smaller `map_size`. Activations of `batch_size` images are held beside them.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
       Gradient-Based Localization", ICCV 2017.
    .. [2] R. L. Draelos and L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations
       of convolutional neural networks", 2020.
    .. [3] P.-T. Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for
       Localization", IEEE Transactions on Image Processing, 2021.
    .. [4] J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from attrlearn import AttributeClassifier
    >>> from attrlearn.inspection import explain
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    >>> clf = AttributeClassifier("squeezenet1_1", weights=None, image_size=32, max_epochs=1)
    >>> clf = clf.fit(images, [[0, 1], [1, 0]] * 4)
    >>> explain(clf, images[:3], "Attr1").maps.shape
    (3, 1, 32, 32)
    """
    clf, images = last_step(clf, images)
    _check_classifier(clf)
    _check_positive("batch_size", batch_size)
    backbone = clf.network_.backbone
    size = backbone.image_size if map_size is None else map_size
    _check_positive("map_size", size)
    columns = _columns(clf, attributes)
    codes = _given_codes(clf, columns, classes or {})
    # Of all rows and before the maps: it checks them, warns, and knows what is predicted.
    proba = _by_class(clf, clf.predict_proba(images, categories))
    for name in columns:
        if name not in codes:
            codes[name] = np.nan_to_num(proba[name]).argmax(axis=1)
    codes = {name: np.broadcast_to(codes[name], len(proba[name])) for name in columns}
    inputs = check_inputs(images, categories)
    maps, seen = _compute(clf, inputs, columns, codes, size, batch_size)
    known_classes = _classes(clf)
    return AttributeMaps(
        maps,
        list(columns),
        pd.DataFrame({n: known_classes[n][codes[n]] for n in columns}, inputs.index),
        pd.DataFrame(
            {n: np.take_along_axis(proba[n], codes[n][:, None], 1)[:, 0] for n in columns},
            inputs.index,
        ),
        seen,
        clf._resize,
    )


@torch.inference_mode(False)  # whose tensors have no gradients, if the caller has turned it on
def _compute(
    clf: Any,
    inputs: Inputs,
    columns: Mapping[Any, slice],
    codes: Mapping[Any, np.ndarray],
    size: int,
    batch_size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Maps (N, A', H, H), NaN for an image that cannot be read, and images (N, S, S, 3)."""
    side = clf.network_.backbone.image_size
    reader = open_reader(inputs, side, clf._resize, clf.n_jobs, clf.on_bad_image)
    assert isinstance(reader, ImageReader)
    seen = np.zeros((len(inputs), side, side, 3), dtype=np.uint8)
    maps = np.full((len(inputs), len(columns), size, size), np.nan, dtype=np.float32)
    probe = EvidenceProbe(clf.network_, resolve_device(clf.device), size)
    categories = encode_categories(inputs.categories, clf.categories_, len(inputs))
    for rows, pixels in reader.batches(consecutive(len(inputs), batch_size)):
        if not len(rows):
            continue
        targets = [(columns[name], torch.from_numpy(codes[name][rows])) for name in columns]
        maps[rows] = probe.maps(pixels, torch.from_numpy(categories[rows]), targets).numpy()
        seen[rows] = pixels.permute(0, 2, 3, 1).numpy()
    return maps, seen


def _check_classifier(clf: Any) -> None:
    """Raise unless it is fitted, and on images."""
    check_is_fitted(clf)
    if not hasattr(clf, "network_"):
        raise TypeError(
            f"clf must be an AttributeClassifier, or end in one. Got {clf!r}. Fit one "
            "on the images."
        )
    if clf.network_.backbone is None:
        raise ValueError(
            "clf must be fitted on images to have heat maps. Got one with backbone=None, which "
            "sees features without places. Fit AttributeClassifier with a backbone on the images."
        )


def _check_positive(name: str, value: Any) -> None:
    """Raise unless it is a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1. Got {value!r}. Pass one like 16.")


def _classes(clf: Any) -> dict[Any, np.ndarray]:
    """The classes of each attribute."""
    several = isinstance(clf.classes_, list)
    classes = clf.classes_ if several else [np.arange(2)] * len(clf.attribute_names_)
    return dict(zip(clf.attribute_names_, classes, strict=True))


def _by_class(clf: Any, proba: Any) -> dict[Any, np.ndarray]:
    """Class probabilities (N, k) of each attribute."""
    return dict(zip(clf.attribute_names_, class_probabilities(proba), strict=True))


def _columns(clf: Any, attributes: Any) -> dict[Any, slice]:
    """Where the classes of the chosen attributes stand among those of all."""
    names = clf.attribute_names_
    if attributes is None:
        attributes = names
    elif isinstance(attributes, str) or not isinstance(
        attributes, Sequence | np.ndarray | pd.Index
    ):
        attributes = [attributes]
    ends = dict(zip(names, np.cumsum([len(c) for c in _classes(clf).values()]), strict=True))
    for name in attributes:
        if name not in ends:
            raise ValueError(
                f"attributes must be names of attributes of the classifier. Got {name!r}. "
                f"They are {names}."
            )
    if not len(attributes):
        raise ValueError("attributes must name at least one. Got none. Pass None for all.")
    sizes = {name: len(known) for name, known in _classes(clf).items()}
    return {name: slice(int(ends[name]) - sizes[name], int(ends[name])) for name in attributes}


def _given_codes(
    clf: Any, columns: Mapping[Any, slice], classes: Mapping[Any, Any]
) -> dict[Any, np.ndarray]:
    """The code of the class of each attribute for which it does not depend on the image."""
    known = _classes(clf)
    for name, value in classes.items():
        if name not in columns:
            raise ValueError(
                f"classes must be of attributes that are explained. Got {name!r}. They are "
                f"{list(columns)}."
            )
        if value not in known[name].tolist():
            raise ValueError(
                f"classes must hold classes of their attribute. Got {value!r} of {name!r}. Its "
                f"classes are {known[name].tolist()}."
            )
    wanted = {name: 1 for name in columns if known[name].tolist() == [0, 1]} | dict(classes)
    return {n: np.array(known[n].tolist().index(value)) for n, value in wanted.items()}


def _scaled(
    values: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    """A part of a map at a width and a height."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box))
