"""Thumbnails of images, compared: is one a copy of the other, if not a faithful one."""

import numpy as np

from attrlearn.inspection.registration import (
    LUMA,
    Registered,
    brightness_gradients,
    find_scales,
    move,
    register,
    smooth,
    stands_out,
)
from attrlearn.inspection.shared_details import detail_distance

__all__ = ["compare_thumbnails", "describe_thumbnails"]

NOISE = 4.0  # grey levels that encoding and resizing change
EDGE_NOISE = 0.12  # and the share of the local gradient that resampling does
TONE_NOISE, FULL_EDGE = 0.7, 16.0  # share of a change of tone that does not reach mixed pixels
MAX_GAIN, MAX_OFFSET = 1.2, 30.0
MIN_SHOWN = 30  # pixels besides the background, else everything is compared
MIN_SEEN_SHARE = 0.7  # of them that must not be clipped to white
WORST = 9.0  # that one pixel counts
FAR = 2.5  # distance from which details are not compared
UNLIKE = 0.4  # share of the variance unexplained by registration from which nothing is compared


def describe_thumbnails(thumbnails: np.ndarray) -> np.ndarray:
    """Describe thumbnails such that copies of an image lie close together.

    Parameters
    ----------
    thumbnails : ndarray of shape (N, 32, 32, 3), uint8

    Returns
    -------
    ndarray of shape (N, 384), float32
        Brightness in 16 x 16 cells and two differences of colour in 8 x 8, as JPEG keeps them,
        without the mean brightness, of length 1: contrast and brightness change nothing.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 100, (1, 32, 32, 3), dtype=np.uint8)
    >>> a, b = describe_thumbnails(np.concatenate([image, 2 * image + 30]))
    >>> round(float(a @ b), 3)
    1.0
    """
    parts = np.split(thumbnails, range(4096, len(thumbnails), 4096))
    return np.concatenate([_describe(part.astype(np.float32)) for part in parts])


def _describe(pixels: np.ndarray) -> np.ndarray:
    """(N, 384) of (N, 32, 32, 3)."""
    luma = pixels @ LUMA
    chroma = pixels[..., ::2] - luma[..., None]
    cells = luma.reshape(-1, 16, 2, 16, 2).mean((2, 4)).reshape(len(pixels), -1)
    cells = cells - cells.mean(1, keepdims=True)
    # A cell of colour is as large as four of brightness.
    colours = 2 * chroma.reshape(-1, 8, 4, 8, 4, 2).mean((2, 4)).reshape(len(pixels), -1)
    described = np.hstack([cells, colours])
    return described / np.maximum(np.linalg.norm(described, axis=1, keepdims=True), 1e-6)


def compare_thumbnails(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tell how much more two thumbnails differ than copies of one image do.

    Parameters
    ----------
    first, second : ndarray of shape (P, 32, 32, 3), uint8

    Returns
    -------
    ndarray of shape (P,), float
        0 for equal thumbnails; 1 where they differ by as much as encoding and resizing typically
        change; at most 9.

    Notes
    -----
    One thumbnail is laid over the other by Gauss-Newton steps on their brightness (Lucas and
    Kanade, 1981), with a scale and a shift per axis, which undoes a crop; then brightness and
    contrast are fitted, clipped at black and white. What remains, squared, is divided by the
    variance that copying leaves there: that of compression, and more on edges, where resampling
    changes pixels. The mean over what is no background, the colour of the border, is returned, of
    the better of both directions. On a white background, where outlines alone make any two bags
    alike, this asks what is inside them.

    Small images and clipped highlights leave larger differences. Where the distance is below 2.5,
    it is therefore no larger than `attrlearn.inspection.shared_details.detail_distance`.

    References
    ----------
    B. D. Lucas and T. Kanade, "An Iterative Image Registration Technique with an Application to
    Stereo Vision", IJCAI 1981.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    >>> compare_thumbnails(images, images).round(3).tolist()
    [0.0, 0.0]
    >>> bool((compare_thumbnails(images, images[::-1]) > 2).all())
    True
    """
    distance = np.full(len(first), WORST)
    if len(first) == 0:
        return distance
    a, b = (smooth(images.astype(np.float32)) for images in (first, second))
    one_way, likely = _differences(a, b)
    distance[likely] = one_way
    if likely.any():
        other_way, again = _differences(b[likely], a[likely])
        rows = np.flatnonzero(likely)[again]
        distance[rows] = np.minimum(distance[rows], other_way)
    return distance


def _differences(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The differences after `a` is laid over `b`, and (P,) of which pairs they are."""
    scales = find_scales(a @ LUMA, b @ LUMA)
    luma = move(a @ LUMA, scales)
    likely = _unexplained(luma, b @ LUMA) < UNLIKE
    if not likely.any():
        return np.empty(0), likely
    a, b, scales = a[likely], b[likely], scales[likely]
    registered = register(a, scales)
    difference = _difference(registered, b)
    near = np.flatnonzero(difference < FAR)
    part = Registered(registered.moved[near], registered.inside[near])
    difference[near] = np.minimum(difference[near], detail_distance(part, b[near]))
    return difference, likely


def _unexplained(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(P,) share of the variance of `b` that no multiple of `a` explains."""
    a, b = (x.reshape(len(x), -1) - x.mean((1, 2))[:, None] for x in (a, b))
    product, square = (a * b).sum(1), (a * a).sum(1) * (b * b).sum(1)
    return 1 - np.where(product > 0, product**2 / np.maximum(square, 1e-6), square <= 1e-6)


def _difference(registered: Registered, b: np.ndarray) -> np.ndarray:
    """(P,) mean squared difference over what is no background, in units of what copying leaves."""
    moved, target = registered.moved[:, 1:-1, 1:-1], b[:, 1:-1, 1:-1]
    inside = registered.inside[:, 1:-1, 1:-1]
    pairs = _gradient_pairs(registered.moved, b)
    along_x, along_y = (np.maximum(*map(np.abs, pair)) for pair in pairs)
    edges = (along_x + along_y) / 2
    variance = NOISE**2 + (EDGE_NOISE * edges) ** 2
    toned = _tone(moved, target, inside / variance)
    mixed = TONE_NOISE * np.minimum(edges / FULL_EDGE, 1)[..., None] * (toned - moved)
    squares = (toned - target) ** 2 / (variance[..., None] + mixed**2)
    squares = np.minimum(squares.mean(-1), WORST)
    shown = inside & (stands_out(registered.moved) | stands_out(b))[:, 1:-1, 1:-1]
    # White that was clipped, or will be, says no more than that the other is as bright.
    bright = (moved >= 250) & (target >= toned) | (toned >= 250) & (target >= 250)
    seen = shown & ~bright.all(-1)
    n_shown, n_seen = shown.sum((1, 2)), seen.sum((1, 2))
    found = (squares * seen).sum((1, 2)) / np.maximum(n_seen, 1)
    found[n_seen < MIN_SEEN_SHARE * n_shown] = WORST
    plain = ((moved - target) ** 2).mean((1, 2, 3)) / NOISE**2
    return np.where(n_shown < MIN_SHOWN, np.minimum(plain, WORST), found)


def _gradient_pairs(a: np.ndarray, b: np.ndarray) -> "zip[tuple[np.ndarray, np.ndarray]]":
    """The gradients of both along x, then along y."""
    return zip(brightness_gradients(a @ LUMA), brightness_gradients(b @ LUMA), strict=True)


def _tone(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`a` with the contrast and brightness of `b`, clipped; fitted twice, then without outliers."""
    x, y = (part.reshape(len(part), -1) for part in (a, b))
    unclipped = (x > 2) & (x < 225) & (y > 2) & (y < 225)
    weights = np.repeat(weights.reshape(len(x), -1), 3, axis=1) * unclipped
    toned = x
    for _ in range(2):
        n, sx, sxx = weights.sum(1), (weights * x).sum(1), (weights * x * x).sum(1)
        sd, sxd = (weights * (y - x)).sum(1), (weights * x * (y - x)).sum(1)
        prior = 0.01 * x.shape[1] / NOISE**2  # pixels that say that nothing changed
        sxx, n = sxx + prior * 50**2, n + prior
        determinant = sxx * n - sx**2
        gain = 1 + (sxd * n - sd * sx) / determinant
        gain = gain.clip(1 / MAX_GAIN, MAX_GAIN)
        offset = ((sd - (gain - 1) * sx) / n).clip(-MAX_OFFSET, MAX_OFFSET)
        toned = (gain[:, None] * x + offset[:, None]).clip(0, 255)
        weights = weights * (np.abs(toned - y) < 3 * NOISE + 0.25 * np.abs(toned - x))
    return toned.reshape(a.shape).astype(np.float32)
