"""One thumbnail laid over another, by a shift and a scale per axis."""

from typing import NamedTuple

import numpy as np

__all__ = [
    "LUMA",
    "SIDE",
    "Registered",
    "brightness_gradients",
    "find_scales",
    "move",
    "register",
    "smooth",
    "stands_out",
]

SIDE = 32  # of a thumbnail, in pixels
N_STEPS = 3
MAX_SHIFT = 0.25  # of an edge, as a share of half the side
BACKGROUND = 10.0  # grey levels within which a pixel is background
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

_PLACES = np.linspace(-1, 1, SIDE, dtype=np.float32)


class Registered(NamedTuple):
    """Thumbnails, scaled and shifted onto others.

    Attributes
    ----------
    moved : ndarray of shape (P, 32, 32, 3), float32
    inside : ndarray of shape (P, 32, 32), bool
        Where they are not extrapolated.
    """

    moved: np.ndarray
    inside: np.ndarray


def register(a: np.ndarray, scales: np.ndarray) -> Registered:
    """Scale and shift thumbnails (P, 32, 32, 3) by `scales` (P, 4), as from `find_scales`."""
    moved = np.stack([move(a[..., c], scales) for c in range(3)], axis=-1)
    return Registered(moved, _inside(scales))


def smooth(images: np.ndarray) -> np.ndarray:
    """Images under the kernel 1-2-1 in both directions, which sampling differences survive less."""
    for axis in (1, 2):
        ends = np.take(images, [0], axis), np.take(images, [-1], axis)
        longer = np.moveaxis(np.concatenate([ends[0], images, ends[1]], axis), axis, 0)
        images = np.moveaxis((longer[:-2] + 2 * longer[1:-1] + longer[2:]) / 4, 0, axis)
    return np.ascontiguousarray(images)


def find_scales(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(P, 4): scale and shift by which each `a` (P, S, S) comes to lie on `b`, of x and of y."""
    scales = np.zeros((len(a), 4), dtype=np.float32)
    target = b[:, 1:-1, 1:-1].reshape(len(b), -1, 1)
    x, y = _PLACES[None, None, 1:-1], _PLACES[None, 1:-1, None]
    for _ in range(N_STEPS):
        moved = move(a, scales)
        along_x, along_y = (gradient * (SIDE - 1) / 4 for gradient in brightness_gradients(moved))
        inner = moved[:, 1:-1, 1:-1]
        terms = (inner, np.ones_like(inner), along_x * x, along_x, along_y * y, along_y)
        design = np.stack(terms, -1).reshape(len(a), -1, 6)
        normal = design.transpose(0, 2, 1) @ design
        normal += _ridge(normal)
        found = np.linalg.solve(normal, design.transpose(0, 2, 1) @ target)[..., 0]
        scales = scales + found[:, 2:] / found[:, :1].clip(0.3)  # of moved pixels times their gain
        scales = scales.clip(-MAX_SHIFT, MAX_SHIFT)
    return scales


def _ridge(normal: np.ndarray) -> np.ndarray:
    """What keeps the normal equations of an image without any structure solvable."""
    trace = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    return (1e-6 * trace + 1e-3) * np.eye(normal.shape[1], dtype=np.float32)


def move(images: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Images (P, S, S) scaled and shifted, interpolated linearly."""
    across, down = (_interpolation(_source(scales[:, i : i + 2])) for i in (0, 2))
    return down @ images @ across.transpose(0, 2, 1)


def _source(scale: np.ndarray) -> np.ndarray:
    """(P, S): the place, from -1 to 1, from which each pixel of an axis comes."""
    return _PLACES * (1 + scale[:, :1]) + scale[:, 1:]


def _interpolation(places: np.ndarray) -> np.ndarray:
    """(P, S, S): the weight of each pixel at each place."""
    pixels = ((places + 1) * (SIDE - 1) / 2).clip(0, SIDE - 1)
    return np.maximum(0, 1 - np.abs(pixels[..., None] - np.arange(SIDE, dtype=np.float32)))


def _inside(scales: np.ndarray) -> np.ndarray:
    """(P, S, S) bool: where moved images show something of the image that is moved."""
    across, down = (np.abs(_source(scales[:, i : i + 2])) <= 1.02 for i in (0, 2))
    return down[:, :, None] & across[:, None, :]


def brightness_gradients(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences over two pixels along x and along y, (P, S - 2, S - 2) each."""
    along_x = luma[:, 1:-1, 2:] - luma[:, 1:-1, :-2]
    return along_x, luma[:, 2:, 1:-1] - luma[:, :-2, 1:-1]


def stands_out(images: np.ndarray) -> np.ndarray:
    """(P, 32, 32) bool: where a pixel has not the colour of the border."""
    sides = images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]
    border = np.median(np.concatenate(sides, axis=1), axis=1)[:, None, None]
    return np.abs(images - border).max(-1) > BACKGROUND
