"""Which images are nearly the same: pairs, groups of them, and what a random split leaks."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import gammaln
from tqdm import tqdm

from attrlearn.inspection.thumbnails import compare_thumbnails, describe_thumbnails

__all__ = ["Pairs", "feature_pairs", "group_rows", "near_pairs", "thumbnail_pairs", "twins_apart"]

MAX_NEIGHBOURS = 5  # of a row among those before it
ROWS_AT_ONCE = 1024
PAIRS_AT_ONCE = 256
CANDIDATE = 0.2  # cosine distance of descriptions from which thumbnails are not compared
SKETCH = 256  # width to which features are projected to find candidates


class Pairs(NamedTuple):
    """Pairs of rows, each later row with earlier ones.

    Attributes
    ----------
    first, second : ndarray of shape (P,), int
        ``first < second``.
    distance : ndarray of shape (P,), float
    """

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray


def near_pairs(
    vectors: np.ndarray, max_distance: float, n_threads: int = 1, *, verbose: int = 0
) -> Pairs:
    """Find the pairs of rows within a cosine distance, in blocks.

    Parameters
    ----------
    vectors : ndarray of shape (N, D), float32
        Each of length 1.
    max_distance : float
    n_threads : int, default=1
        Blocks that are compared at a time.
    verbose : int, default=0
        1: a bar.

    Returns
    -------
    Pairs
        Of a row with up to five of those before it, its nearest. Rows that are near to each other
        are connected by them, however many there are: the k-th of them is near to one before it.

    Examples
    --------
    >>> near_pairs(np.float32([[1, 0], [0, 1], [1, 0]]), 0.1).second
    array([2])
    """
    starts = range(0, len(vectors), ROWS_AT_ONCE)

    def search(start: int) -> Pairs:
        stop = start + ROWS_AT_ONCE
        near = vectors[start:stop] @ vectors[:stop].T
        near[np.arange(near.shape[1]) >= start + np.arange(len(near))[:, None]] = -2
        return _nearest(near, 1 - max_distance, start)

    with ThreadPoolExecutor(n_threads) as pool:
        found = list(
            tqdm(
                pool.map(search, starts), "comparing", len(starts), leave=False, disable=not verbose
            )
        )
    return _joined(found)


def _nearest(near: np.ndarray, least: float, start: int) -> Pairs:
    """Pairs of a block (B, N) of similarities, which is changed, its rows counted from `start`."""
    many = np.flatnonzero((near >= least).sum(1) > MAX_NEIGHBOURS)
    for row in many:
        kept = np.argpartition(-near[row], MAX_NEIGHBOURS)[:MAX_NEIGHBOURS]
        nearest = near[row, kept]
        near[row] = -2
        near[row, kept] = nearest
    second, first = np.nonzero(near >= least)
    return Pairs(first, second + start, 1 - near[second, first])


def _joined(parts: list[Pairs]) -> Pairs:
    """Pairs of several parts in one."""
    if not parts:
        return Pairs(np.empty(0, int), np.empty(0, int), np.empty(0))
    fields = (np.concatenate(field) for field in zip(*parts, strict=True))
    return Pairs(*fields)


def thumbnail_pairs(
    thumbnails: np.ndarray, max_distance: float, n_threads: int = 1, *, verbose: int = 0
) -> Pairs:
    """Find the pairs of thumbnails that look like copies of one image.

    Parameters
    ----------
    thumbnails : ndarray of shape (N, 32, 32, 3), uint8
    max_distance : float
        As `attrlearn.inspection.thumbnails.compare_thumbnails` measures it.
    n_threads, verbose
        See `near_pairs`.

    Returns
    -------
    Pairs

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    >>> thumbnail_pairs(images[[0, 1, 2, 1]], 0.5).first
    array([1])
    """
    if len(thumbnails) == 0:
        return _joined([])
    described = describe_thumbnails(thumbnails)
    likely = near_pairs(described, CANDIDATE, n_threads, verbose=verbose)
    parts = np.split(
        np.arange(len(likely.first)), range(PAIRS_AT_ONCE, len(likely.first), PAIRS_AT_ONCE)
    )

    def compare(rows: np.ndarray) -> np.ndarray:
        return compare_thumbnails(thumbnails[likely.first[rows]], thumbnails[likely.second[rows]])

    with ThreadPoolExecutor(n_threads) as pool:
        compared = pool.map(compare, parts)
        found = list(tqdm(compared, "checking", len(parts), leave=False, disable=not verbose))
    distance = np.concatenate(found)
    return _within(Pairs(likely.first, likely.second, distance), max_distance)


def feature_pairs(
    features: np.ndarray, max_distance: float, n_threads: int = 1, *, verbose: int = 0
) -> Pairs:
    """Find the pairs within a cosine distance of standardised features.

    Parameters
    ----------
    features : ndarray of shape (N, D)
    max_distance : float
    n_threads, verbose
        See `near_pairs`.

    Returns
    -------
    Pairs

    Notes
    -----
    Wide features are first projected at random to 256 numbers, whose distances are within 20
    percent of the true ones nearly always; what is near there is measured exactly.

    Examples
    --------
    >>> features = np.random.default_rng(0).normal(size=(5, 300))
    >>> feature_pairs(features[[0, 1, 2, 3, 4, 2]], 0.05).second
    array([5])
    """
    if len(features) == 0:
        return _joined([])
    vectors = _standardised(features)
    sketch, wide = vectors, vectors.shape[1] > 2 * SKETCH
    if wide:
        draw = np.random.default_rng(0).standard_normal
        sketch = _unit(vectors @ draw((vectors.shape[1], SKETCH), dtype=np.float32))
    found = near_pairs(sketch, max_distance * (1.5 if wide else 1), n_threads, verbose=verbose)
    if not wide:
        return found
    parts = np.split(np.arange(len(found.first)), range(8192, len(found.first), 8192))
    products = [(vectors[found.first[i]] * vectors[found.second[i]]).sum(1) for i in parts]
    return _within(Pairs(found.first, found.second, 1 - np.concatenate(products)), max_distance)


def _standardised(features: np.ndarray) -> np.ndarray:
    """(N, D) float32 of length 1, each column of mean 0 and variance 1 before."""
    vectors = np.asarray(features, dtype=np.float32)
    spread = vectors.std(0, dtype=np.float64)
    spread[spread <= 1e-6 * np.abs(vectors).max(0)] = np.inf  # constant
    return _unit(((vectors - vectors.mean(0, dtype=np.float64)) / spread).astype(np.float32))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _within(pairs: Pairs, max_distance: float) -> Pairs:
    """The pairs that are no further apart."""
    near = pairs.distance <= max_distance
    return Pairs(*(field[near] for field in pairs))


def group_rows(n_rows: int, *links: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Number the groups of rows that links connect.

    Parameters
    ----------
    n_rows : int
        N.
    *links : pairs of ndarray of int
        Rows, and the rows they are linked to.

    Returns
    -------
    ndarray of shape (N,), int
        In the order in which the groups first appear; a row without a link is one of its own.

    Examples
    --------
    >>> group_rows(4, (np.array([0]), np.array([3])))
    array([0, 1, 2, 0])
    """
    first = np.concatenate([np.empty(0, int), *(link[0] for link in links)])
    second = np.concatenate([np.empty(0, int), *(link[1] for link in links)])
    graph = coo_array((np.ones(len(first), bool), (first, second)), (n_rows, n_rows))
    labels = connected_components(graph, directed=False)[1]
    _, start, codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(start))
    return order[codes]


def twins_apart(groups: np.ndarray, n_splits: int = 5) -> float:
    """Expected number of rows that a random split tests although it trains on one of their group.

    Parameters
    ----------
    groups : ndarray of shape (N,), int
        As from `group_rows`.
    n_splits : int, default=5
        Folds of about N / n_splits rows, each of which is tested once.

    Returns
    -------
    float
        The sum over all rows of the probability that not all others of its group are in its fold:
        for a group of g rows 1 - C(N / k - 1, g - 1) / C(N - 1, g - 1).

    Examples
    --------
    >>> round(twins_apart(np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8])), 3)  # 1 of 9 places is beside
    1.778
    """
    n_rows = len(groups)
    sizes = np.bincount(groups)
    sizes = sizes[sizes > 1].astype(float)
    fold = n_rows / n_splits
    together = np.zeros(len(sizes))
    fits = sizes <= fold
    together[fits] = np.exp(
        _log_choose(fold - 1, sizes[fits] - 1) - _log_choose(n_rows - 1.0, sizes[fits] - 1)
    )
    return float((sizes * (1 - together)).sum())


def _log_choose(n: float, k: np.ndarray) -> np.ndarray:
    """The logarithm of the number of ways to choose k of n, which need not be whole."""
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
