"""Images under the heat maps of their attributes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from attrlearn.inspection.heat_maps import BATCH_SIZE, AttributeMaps, explain
from attrlearn.metrics.final_estimator import attribute_names, last_step
from attrlearn.plots.grid import as_label, divide, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AttributeMapDisplay", "overlay"]

CELL, TITLE = 1.6, 0.42  # inches: side of an image, and height of the two lines above it
LEGEND = 0.35  # inches
NAME_WIDTH = 19
COLORMAP = "inferno"
ALPHA = 0.85  # of the highest value; 0 is transparent


class AttributeMapDisplay:
    """Images, each under the heat maps of some of its attributes.

    Make one with `from_estimator` or `from_maps`.

    Parameters
    ----------
    maps : AttributeMaps
        As from `attrlearn.inspection.explain`.
    shown : list of N lists of str
        The attributes that are shown of each image.

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all can be read.
    axes_ : ndarray of shape (N, 1 + columns), of Axes
        A row per image: the image itself, then its maps. What is not needed is empty.
    ax_, figure_
        The axes that they divide, and its figure.

    Notes
    -----
    The title of a map is the attribute, with the class if it is not 1, and the probability of that
    class. Colours are those of "inferno", whose lightness rises evenly, over the image in gray: the
    higher the value, the less of the image is seen. A map is scaled by itself: colours of two maps
    cannot be compared, their probabilities can.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from attrlearn import AttributeClassifier
    >>> from attrlearn.plots import AttributeMapDisplay
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    >>> clf = AttributeClassifier("squeezenet1_1", weights=None, image_size=32, max_epochs=1)
    >>> clf = clf.fit(images, [[0, 1], [1, 0]] * 4)
    >>> ax = Figure().subplots()
    >>> AttributeMapDisplay.from_estimator(clf, images[:3], ax=ax).axes_.shape
    (3, 3)
    """

    def __init__(self, *, maps: AttributeMaps, shown: Sequence[Sequence[Any]]) -> None:
        self.maps = maps
        self.shown = shown

    @classmethod
    def from_estimator(
        cls,
        clf: Any,
        images: Any,
        attributes: Any = None,
        *,
        categories: Any = None,
        top: int = 5,
        batch_size: int = BATCH_SIZE,
        ax: "Axes | None" = None,
    ) -> Self:
        """Explain images and draw their heat maps.

        Parameters
        ----------
        clf, images, attributes, categories, batch_size
            As in `attrlearn.inspection.explain`.
        top : int, default=5
            See `from_maps`. Without effect on `attributes`, which are all shown.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeMapDisplay

        Raises
        ------
        ValueError
            If `explain` cannot explain that, or an argument breaks a rule.
        """
        _check_top(top)
        clf, images = last_step(clf, images)
        chosen = _most_probable(clf, images, categories, top) if attributes is None else attributes
        maps = explain(clf, images, chosen, categories=categories, batch_size=batch_size)
        return cls.from_maps(maps, top=top if attributes is None else None, ax=ax)

    @classmethod
    def from_maps(
        cls, maps: AttributeMaps, *, top: int | None = 5, ax: "Axes | None" = None
    ) -> Self:
        """Draw heat maps.

        Parameters
        ----------
        maps : AttributeMaps
            As from `attrlearn.inspection.explain`.
        top : int or None, default=5
            Where there are more attributes, these many are shown of each image: those whose class
            has the highest probability, in the order of it. None: all.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeMapDisplay

        Raises
        ------
        ValueError
            If `top` is less than 1.
        """
        if top is not None:
            _check_top(top)
        if top is None or len(maps.attributes) <= top:
            return cls(maps=maps, shown=[maps.attributes] * len(maps)).plot(ax=ax)
        order = np.argsort(-maps.probabilities.to_numpy(), axis=1, kind="stable")[:, :top]
        shown = [[maps.attributes[a] for a in row] for row in order]
        return cls(maps=maps, shown=shown).plot(ax=ax)

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height in inches of a figure in which all can be read."""
        n_rows, n_columns = self._shape
        width, height = n_columns * (CELL + 0.08), n_rows * (CELL + TITLE) + LEGEND
        return round(width + 0.2, 1), round(height + 0.2, 1)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        AttributeMapDisplay
        """
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        n_rows, n_columns = self._shape
        self.axes_ = np.array(divide(self.ax_, n_rows, n_columns)).reshape(n_rows, n_columns)
        for inner in self.axes_.flat:
            inner.set_axis_off()
        for row, (first, *others) in enumerate(self.axes_):
            first.set_title(
                as_label(f"row {self.maps.probabilities.index[row]}", NAME_WIDTH), **_FONT
            )
            if np.isnan(self.maps.maps[row, 0, 0, 0]):
                first.text(0.5, 0.5, "unreadable", ha="center", va="center", **_FONT)
                continue
            first.imshow(self.maps.images[row])
            for inner, name in zip(others, self.shown[row], strict=False):
                inner.imshow(overlay(self.maps.images[row], self.maps.of(name)[row]))
                inner.set_title(self._title(row, name), **_FONT)
        self.ax_.set_title(
            "Evidence, from none (gray) to the most in a map (bright)", fontsize=9, pad=-4
        )
        return self

    @property
    def _shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.maps), 1 + max(map(len, self.shown))

    def _title(self, row: int, name: Any) -> str:
        """What a map is about, and the probability."""
        value = self.maps.classes[name].iloc[row]
        probability = f"{self.maps.probabilities[name].iloc[row]:.2f}"
        label = as_label(name, NAME_WIDTH)
        is_one = not isinstance(value, str) and value == 1
        return f"{label}\n{probability if is_one else f'{as_label(value, 16)} {probability}'}"


_FONT: dict[str, Any] = {"fontsize": 8}


def overlay(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """Lay a heat map over an image.

    Parameters
    ----------
    image : ndarray of shape (S, S, 3), uint8
        It is grayed.
    heat_map : ndarray of shape (H, H), float
        From 0 to 1, enlarged to the image. It is scaled to a maximum of 1.

    Returns
    -------
    ndarray of shape (S, S, 3), uint8

    Examples
    --------
    >>> overlay(np.full((2, 2, 3), 90, dtype=np.uint8), np.zeros((2, 2)))[0, 0].tolist()
    [90, 90, 90]
    """
    import matplotlib
    from PIL import Image

    size = image.shape[1], image.shape[0]
    enlarged = Image.fromarray(heat_map.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    values = np.asarray(enlarged)
    # The root shows what a cubed mean hides; the floor of the map is nothing.
    values = np.sqrt((values / max(float(values.max()), 1e-9)).clip(0, 1))
    gray = image @ np.array([0.299, 0.587, 0.114])
    gray = gray[..., None]
    colours = 255 * matplotlib.colormaps[COLORMAP](0.25 + 0.75 * values)[..., :3]
    alpha = (ALPHA * values)[..., None]
    return ((1 - alpha) * gray + alpha * colours).round().clip(0, 255).astype(np.uint8)


def _most_probable(clf: Any, images: Any, categories: Any, top: int) -> list[Any] | None:
    """Names of the attributes that are among the most probable of any image; None: all."""
    names = attribute_names(clf)
    if names is None or len(names) <= top:
        return None
    proba, classes = clf.predict_proba(images, categories), clf.classes_
    if isinstance(proba, list):
        pairs = zip(proba, classes, strict=True)
        columns = [p[:, 1] if list(c) == [0, 1] else p.max(axis=1) for p, c in pairs]
        proba = np.column_stack(columns)
    chosen = np.unique(np.argsort(-proba, axis=1, kind="stable")[:, :top])
    return [names[a] for a in chosen]


def _check_top(top: int) -> None:
    """Raise unless some attribute is shown."""
    if top < 1:
        raise ValueError(f"top must be at least 1. Got {top}. Pass the number of maps per image.")
