"""Whether two thumbnails, laid over each other, have the same details, whatever their tone is."""

import numpy as np

from attrlearn.inspection.registration import Registered, smooth, stands_out

__all__ = ["detail_distance"]

BLACK, WHITE = 3.0, 245.0  # grey levels beyond which details are clipped
N_BLURS = 3  # what they take away is detail
MARGIN = 2  # pixels from the outline of what is shown to its inner part
MIN_INNER = 150  # pixels of it
MIN_DETAIL = 3.0  # grey levels, root mean square
MAX_TINT = 0.08  # difference between colour channels in the logarithm of brightness
SCALE = 10.0  # a correlation of 0.95 is the distance 0.5
NO_MATCH = 9.0


def detail_distance(registered: Registered, b: np.ndarray) -> np.ndarray:
    """Tell how little the details of thumbnails are correlated, near which two have one tint.

    Parameters
    ----------
    registered : Registered
        P thumbnails, laid over those of `b`.
    b : ndarray of shape (P, 32, 32, 3), float32

    Returns
    -------
    ndarray of shape (P,), float
        10 times (1 - r), where r is the smaller of two correlations of what blurring takes away:
        over all that is shown and not clipped, and over its inner part, without the outline that
        other items may have too. 9 where this tells nothing: the inner part has fewer than 150
        pixels or hardly any detail, or another tint.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> b = np.full((2, 32, 32, 3), 240, np.float32)
    >>> b[:, 4:28, 4:28] = rng.integers(20, 200, (2, 24, 24, 3))
    >>> everywhere = np.ones((2, 32, 32), bool)
    >>> detail_distance(Registered(1.2 * b, everywhere), b).round(2).tolist()
    [0.0, 0.0]
    >>> detail_distance(Registered(b[::-1], everywhere), b).round(2).tolist()
    [9.0, 9.0]
    """
    a, inside = registered
    clipped = (a >= WHITE) | (b >= WHITE) | (a <= BLACK) | (b <= BLACK)
    shown_a, shown_b = stands_out(a), stands_out(b)
    shown = (inside & (shown_a | shown_b))[..., None] & ~clipped
    shown[:, [0, -1]] = shown[:, :, [0, -1]] = False
    inner = (inside & _without_outline(shown_a & shown_b))[..., None] & ~clipped.any(
        -1, keepdims=True
    )
    weight = inner.astype(np.float32)
    overall, _ = _correlation(_details(a), _details(b), shown)
    within, detail = _correlation(_details(a, weight), _details(b, weight), inner)
    useful = (inner.sum((1, 2, 3)) >= MIN_INNER) & (detail >= MIN_DETAIL)
    useful &= _tint(a, b, weight) <= MAX_TINT
    distance = SCALE * (1 - np.minimum(overall, within))
    return np.where(useful, distance.clip(0, NO_MATCH), NO_MATCH)


def _without_outline(shown: np.ndarray) -> np.ndarray:
    """(P, 32, 32) bool without what lies within the margin of what is not shown."""
    for _ in range(MARGIN):
        padded = np.pad(shown, ((0, 0), (1, 1), (1, 1)), constant_values=True)
        rows = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1]
        shown = shown & rows & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return shown


def _details(images: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """What blurring takes away from images; of a weight, from those pixels alone."""
    blurred = images if weight is None else images * weight
    for _ in range(N_BLURS):
        blurred = smooth(blurred)
        weight = None if weight is None else smooth(weight)
    return images - (blurred if weight is None else blurred / np.maximum(weight, 1e-3))


def _correlation(x: np.ndarray, y: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P,) correlation of details over some pixels, and the smaller root mean square of both."""
    where = np.broadcast_to(where, x.shape)
    xx, yy, xy = ((p * q * where).sum((1, 2, 3)) for p, q in ((x, x), (y, y), (x, y)))
    size = np.sqrt(np.minimum(xx, yy) / np.maximum(where.sum((1, 2, 3)), 1))
    return xy / np.sqrt(np.maximum(xx * yy, 1e-6)), size


def _tint(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(P,) by how much the ratio of both brightnesses differs between the colour channels."""
    total = np.maximum(weight.sum((1, 2)), 1)
    first, second = ((x * weight).sum((1, 2)) / total for x in (a, b))
    return np.ptp(np.log((second + 8) / (first + 8)), axis=1)
