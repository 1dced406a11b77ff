"""Drawings of garments that show their attributes."""

import colorsys
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw

CATEGORIES = ("shirt", "dress", "trousers")
PREVALENCES = {
    "long": 0.5,
    "long_sleeves": 0.6,
    "buttons": 0.35,
    "pockets": 0.25,
    "border": 0.15,
    "logo": 0.05,
}
PATTERNS = {"plain": 0.35, "striped": 0.25, "dotted": 0.25, "colour_block": 0.15}

_OVERSAMPLING = 3  # drawn this much larger, then reduced: smooth edges

# Heights in a garment's own coordinates (see _Sketch); plackets and pockets as shares of the hem's.
_HEMS = {"shirt": (0.58, 0.92), "dress": (0.72, 1.1), "trousers": (0.5, 1.05)}  # short, long
_PLACKETS = {"shirt": 0.94, "dress": 0.55}
_POCKETS = {"shirt": 0.66, "dress": 0.6, "trousers": 0.22}
_LOGOS = {"shirt": 0.2, "dress": 0.2, "trousers": 0.38}

_Colour = tuple[int, ...]
_Points = Sequence[tuple[float, float]]


def draw_garment(
    category: str, attributes: Mapping[Hashable, Any], size: int, rng: np.random.Generator
) -> Image.Image:
    """Draw one garment; what its category and attributes leave open is random.

    Parameters
    ----------
    category : str
        One of `CATEGORIES`.
    attributes : mapping
        A value for each of `PREVALENCES` (0 or 1) and ``pattern`` (one of `PATTERNS`).
    size : int
        Width and height in pixels.
    rng : Generator
        Always advanced by the same number of draws.

    Returns
    -------
    image : PIL image of mode RGB

    Examples
    --------
    >>> import numpy as np
    >>> from attrlearn.datasets.garments import PREVALENCES, draw_garment
    >>> attributes = dict.fromkeys(PREVALENCES, 1) | {"pattern": "striped"}
    >>> draw_garment("shirt", attributes, 64, np.random.default_rng(0)).size
    (64, 64)
    """
    hem = _HEMS[category][int(attributes["long"])] * rng.uniform(0.95, 1.05)
    base = _random_colour(rng, saturation=(0.35, 0.8), value=(0.5, 0.9))
    accent = _darker(base, rng.uniform(0.25, 0.45))
    trim = _random_colour(rng, saturation=(0, 0.12), value=(0.88, 1))
    seam = _darker(base, 0.5)
    sketch = _Sketch(_OVERSAMPLING * size, hem, seam, rng)
    fabric = _fabric(attributes["pattern"], sketch.side, base, accent, rng)

    for sleeve in _sleeves(category, attributes["long_sleeves"] == 1):
        sketch.cut(sleeve, fabric)
    body = _body(category, hem)
    sketch.cut(body, fabric)
    if attributes["pattern"] == "colour_block":
        sketch.cut(body, accent, within=_box(0, hem, 1, hem / 2))
    if attributes["border"]:
        sketch.cut(body, trim, within=_box(0, hem, 1, 0.12))
    sketch.polygon(_opening(category), _darker(base, 0.7))
    if attributes["buttons"]:
        end = 0.34 if category == "trousers" else _PLACKETS[category] * hem
        sketch.polygon(_box(0, (end + 0.05) / 2, 0.055, (end - 0.05) / 2), base)
        for y in np.arange(0.1, end - 0.03, 0.1):
            sketch.polygon(_disc(0, y, 0.04), trim)
    if attributes["pockets"]:
        for x in (-0.17, 0.17):
            sketch.polygon(_pocket(x, _POCKETS[category] * hem), trim)
    x = rng.choice([-0.15, 0.15])
    if attributes["logo"]:
        sketch.polygon(_disc(x, _LOGOS[category], 0.13), trim)
        sketch.polygon(_star(x, _LOGOS[category], 0.11, 0.05), seam)
    return _photograph(sketch.canvas, size, rng)


class _Sketch:
    """A canvas with a garment on it, somewhat moved, scaled and tilted.

    Points are in the garment's own coordinates: x to the right of its centre line, y down from its
    top edge, in units of about the length of a long garment.
    """

    def __init__(self, side: int, hem: float, seam: _Colour, rng: np.random.Generator) -> None:
        self.side = side
        self.seam = seam
        corners = [_random_colour(rng, saturation=(0, 0.35), value=(0.55, 1)) for _ in range(4)]
        backdrop = Image.fromarray(np.array(corners, dtype=np.uint8).reshape(2, 2, 3))
        self.canvas = backdrop.resize((side, side), Image.Resampling.BILINEAR)
        self.pen = ImageDraw.Draw(self.canvas)
        tilt = rng.normal(0, 0.06)
        turn = [[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]]
        unit = side * rng.uniform(0.76, 0.88) / max(hem, 0.9)
        self.matrix = np.diag([unit * rng.uniform(0.92, 1.12), unit]) @ turn
        self.origin = side * rng.uniform(0.45, 0.55, 2) - [0, hem / 2] @ self.matrix

    def polygon(self, points: _Points, fill: _Colour) -> None:
        """Fill the polygon and sew its edge."""
        self.pen.polygon(self._place(points), fill)
        self._sew(points)

    def cut(
        self, points: _Points, fabric: Image.Image | _Colour, within: _Points | None = None
    ) -> None:
        """Fill the polygon, or its part within another one, with fabric and sew its edge."""
        mask = self._mask(points)
        if within is not None:
            mask = ImageChops.darker(mask, self._mask(within))
        self.canvas.paste(fabric, (0, 0, self.side, self.side), mask)
        self._sew(points)

    def _place(self, points: _Points) -> list[float]:
        """Pixel coordinates x0, y0, x1, y1, ... of the points."""
        return (np.asarray(points) @ self.matrix + self.origin).ravel().tolist()

    def _mask(self, points: _Points) -> Image.Image:
        """White inside the polygon, black elsewhere."""
        mask = Image.new("L", (self.side, self.side))
        ImageDraw.Draw(mask).polygon(self._place(points), 255)
        return mask

    def _sew(self, points: _Points) -> None:
        """Draw the closed outline."""
        pixels = self._place(points)
        width = max(1, round(self.side * 0.014))
        self.pen.line(pixels + pixels[:4], self.seam, width, joint="curve")


def _body(category: str, hem: float) -> _Points:
    """Outline without sleeves: the right half and its mirror image."""
    half = {
        "shirt": [(0.12, 0.0), (0.33, 0.06), (0.29, 0.3), (0.31, hem)],
        "dress": [(0.11, 0.0), (0.27, 0.05), (0.2, 0.38), (0.22 + 0.22 * hem, hem)],
        "trousers": [(0.26, 0.0), (0.31, 0.2), (0.29, hem), (0.06, hem), (0.0, 0.36)],
    }[category]
    return half + [(-x, y) for x, y in reversed(half)]


def _sleeves(category: str, long: bool) -> list[_Points]:
    """Outlines of both sleeves; trousers have none."""
    if category == "trousers":
        return []
    x = 0.32 if category == "shirt" else 0.26
    wrist = [(x + 0.14, 0.58), (x + 0.04, 0.62)] if long else [(x + 0.15, 0.22), (x + 0.06, 0.29)]
    right = [(x, 0.05), *wrist, (x - 0.05, 0.25)]
    return [right, [(-x, y) for x, y in right]]


def _opening(category: str) -> _Points:
    """Outline of the neck or the waistband."""
    return {
        "shirt": [(-0.12, 0.0), (0.12, 0.0), (0.07, 0.06), (-0.07, 0.06)],
        "dress": [(-0.11, 0.0), (0.11, 0.0), (0.0, 0.1)],
        "trousers": [(-0.26, 0.0), (0.26, 0.0), (0.27, 0.05), (-0.27, 0.05)],
    }[category]


def _box(x: float, y: float, width: float, height: float) -> _Points:
    """Corners of a rectangle about (x, y); width and height count from there to the edges."""
    left, right, top, bottom = x - width, x + width, y - height, y + height
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _pocket(x: float, y: float) -> _Points:
    """Corners of a patch with a pointed lower edge."""
    *top, right, left = _box(x, y, 0.1, 0.07)
    return [*top, right, (x, y + 0.11), left]


def _disc(x: float, y: float, radius: float) -> _Points:
    """Corners of a polygon that passes for a circle."""
    return _star(x, y, radius, radius)


def _star(x: float, y: float, outer: float, inner: float) -> _Points:
    """Corners of a five-pointed star."""
    turns = [(k, inner if k % 2 else outer) for k in range(10)]
    return [
        (x + radius * np.sin(np.pi * k / 5), y - radius * np.cos(np.pi * k / 5))
        for k, radius in turns
    ]


def _fabric(
    pattern: str, side: int, base: _Colour, accent: _Colour, rng: np.random.Generator
) -> Image.Image:
    """Square of cloth with stripes or dots of random spacing and slant, or plain."""
    spacing, slant = side * rng.uniform(1, 1.3), rng.normal(0, 0.12)
    cloth = Image.new("RGB", (side, side), base)
    if pattern not in ("striped", "dotted"):
        return cloth
    period = spacing * (0.18 if pattern == "striped" else 0.1)
    x = (np.arange(side) * 2 * np.pi / period).astype(np.float32)
    y = x[:, None]
    ink = np.cos(math.cos(slant) * y + math.sin(slant) * x)  # (side, side)
    if pattern == "dotted":
        ink += np.cos(math.cos(slant) * x - math.sin(slant) * y) - 0.8
    cloth.paste(accent, (0, 0, side, side), Image.fromarray(255 * (ink > 0).astype(np.uint8)))
    return cloth


def _photograph(canvas: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Reduce the canvas to (size, size), in uneven light and with noise."""
    pixels = np.asarray(canvas.reduce(_OVERSAMPLING), dtype=np.float32)
    lamps = Image.fromarray(rng.uniform(0.8, 1.15, (3, 3)).astype(np.float32))
    light = np.asarray(lamps.resize((size, size), Image.Resampling.BICUBIC))[..., None]
    noise = rng.uniform(2, 7) * rng.standard_normal(pixels.shape, dtype=np.float32)
    return Image.fromarray((pixels * light + noise).clip(0, 255).astype(np.uint8))


def _random_colour(
    rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> _Colour:
    """Colour of any hue."""
    rgb = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    return tuple(round(255 * part) for part in rgb)


def _darker(colour: _Colour, factor: float) -> _Colour:
    """The colour times a factor below 1."""
    return tuple(round(factor * part) for part in colour)
