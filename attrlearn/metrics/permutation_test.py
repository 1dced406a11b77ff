"""Permutation test: whether probabilities order the cells of an attribute better than chance."""

import numpy as np
from sklearn.utils import check_random_state

from attrlearn.checks.targets import MISSING
from attrlearn.metrics.alignment import Alignment

__all__ = ["permutation_p_values"]

CELLS_AT_ONCE = 8_000_000  # rows x permutations, to bound the memory
MAX_BLOCK = 64  # rows whose counts are uint8: at most 255

# Of each attribute its classes that count, and of each of these the scores of the rows.
Scores = dict[int, dict[int, np.ndarray]]


def permutation_p_values(
    alignment: Alignment,
    n_permutations: int,
    random_state: int | np.random.RandomState | None,
) -> np.ndarray:
    """Test each attribute for an order better than chance; see `attribute_report`.

    Parameters
    ----------
    alignment : Alignment
        Of probabilities.
    n_permutations : int
    random_state : int, RandomState or None

    Returns
    -------
    ndarray of shape (A,)
        Adjusted p-values; NaN where fewer than two classes are labelled.

    Examples
    --------
    >>> from attrlearn.metrics.alignment import align_probabilities
    >>> y, proba = np.repeat([[0], [1]], 5, axis=0), np.linspace(0, 1, 10)[:, None]
    >>> permutation_p_values(align_probabilities(y, proba), n_permutations=99, random_state=0)
    array([0.02])
    """
    readable = ~np.any([np.isnan(proba).any(axis=1) for proba in alignment.predicted], axis=0)
    codes = alignment.codes[readable]
    scores: Scores = {}
    for a, proba in enumerate(alignment.predicted):
        labelled = np.unique(codes[codes[:, a] != MISSING, a])
        if len(labelled) > 1:
            counted = [1] if alignment.attributes.is_binary[a] else labelled
            scores[a] = {c: proba[readable, c] for c in counted}
    p_values = np.full(codes.shape[1], np.nan)
    if scores:
        rng = check_random_state(random_state)
        p_values[list(scores)] = _step_down(_areas(codes, scores, n_permutations, rng))
    return p_values


def _step_down(statistics: np.ndarray) -> np.ndarray:
    """(T,) adjusted p-values of (1 + permutations, T) statistics, those observed first.

    Each is standardised by its own distribution, lest the widest ones make up the maximum. The
    observed one belongs to that distribution, as the identity is one of the permutations.
    """
    varies = np.ptp(statistics, axis=0) > 0
    z = np.full(statistics.shape, -np.inf)  # of a constant: below all, p = 1
    z[:, varies] = statistics[:, varies] - statistics[:, varies].mean(axis=0)
    z[:, varies] /= statistics[:, varies].std(axis=0)
    order = np.argsort(-z[0])
    z = z[:, order]
    maxima = np.maximum.accumulate(z[1:, ::-1], axis=1)[:, ::-1]  # of this one and all less certain
    p_values = (1 + (maxima >= z[0]).sum(axis=0)) / len(z)
    out = np.empty(len(order))
    out[order] = np.maximum.accumulate(p_values)
    return out


def _areas(
    codes: np.ndarray, scores: Scores, n_permutations: int, rng: np.random.RandomState
) -> np.ndarray:
    """(1 + n_permutations, T) AUC, with the rows of `codes` as they are and then permuted."""
    n_rows = len(codes)
    # Gathered over and over: int8 unless there are very many classes.
    codes = codes.astype(np.result_type(np.int8, np.min_scalar_type(codes.max())))
    codes = np.vstack([codes, np.full_like(codes[:1], MISSING)])  # what the grids are padded with
    grids = {
        a: {c: _grids(score) for c, score in by_class.items()} for a, by_class in scores.items()
    }
    areas = np.empty((1 + n_permutations, len(scores)))
    n_draws = max(16, CELLS_AT_ONCE // n_rows)
    for start in range(0, len(areas), n_draws):
        rows = np.stack(
            [
                np.append(rng.permutation(n_rows) if draw else np.arange(n_rows), n_rows)
                for draw in range(start, min(start + n_draws, len(areas)))
            ],
            axis=1,
        )
        for t, (a, by_class) in enumerate(grids.items()):
            labels = codes[:, a].take(rows)
            total = sum(_area(labels, c, of_class) for c, of_class in by_class.items())
            areas[start : start + n_draws, t] = total / len(by_class)
    return areas


def _grids(score: np.ndarray) -> list[np.ndarray]:
    """Rows by rising score, cut into blocks (block, rank in the block), padded with row N.

    With ties there are two, one with the tied rows in reverse: a pair of them is in order in one
    of the two, and so counts half on average.
    """
    n_rows = len(score)
    order = np.argsort(score, kind="stable")
    backwards = n_rows - 1 - np.argsort(score[::-1], kind="stable")
    orders = [order] if np.array_equal(order, backwards) else [order, backwards]
    size = min(MAX_BLOCK, int(n_rows**0.5) + 1)
    padding = (0, -n_rows % size)
    return [np.pad(o, padding, constant_values=n_rows).reshape(-1, size) for o in orders]


def _area(labels: np.ndarray, c: int, grids: list[np.ndarray]) -> np.ndarray:
    """(P,) AUC of class c against the rest, by the (N + 1, P) labels of P permutations."""
    n_own = np.count_nonzero(labels[:, 0] == c)  # the same in each permutation
    n_other = np.count_nonzero(labels[:, 0] != MISSING) - n_own
    in_order = np.mean([_pairs_in_order(labels, c, grid) for grid in grids], axis=0)
    return in_order / (n_own * n_other)


def _pairs_in_order(labels: np.ndarray, c: int, grid: np.ndarray) -> np.ndarray:
    """(P,) number of pairs of a row of class c and one of another class that comes before it.

    Within all blocks at once rank by rank, in counts of one byte, then from block to block: several
    times as fast as cumulative sums over the rows.
    """
    shape = (len(grid), labels.shape[1])  # (blocks, P)
    own, other = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    within = np.zeros(shape, np.uint16)
    for rows in grid.T:
        cells = labels.take(rows, axis=0)
        is_own = cells == c
        own += is_own
        within += is_own * other
        other += (cells != MISSING) & ~is_own
    before = np.cumsum(other, axis=0, dtype=np.int64) - other
    return (own * before + within).sum(axis=0)
