import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from attrlearn.model_selection.swaps import TILE, Exchange, pick_disjoint, tiles


def count_held(cells: csr_array, part: np.ndarray) -> np.ndarray:
    return (np.arange(4)[:, None] == part) @ (cells.toarray() > 0).astype(int)


@st.composite
def exchanges(draw) -> Exchange:
    """Units of one to three rows in four parts, one of which may be empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    n, c = draw(st.integers(2, 16)), draw(st.integers(1, 6))
    cells = csr_array(rng.binomial(3, rng.uniform(0.02, 0.4, c), (n, c)))
    part = rng.integers(0, draw(st.integers(2, 4)), n)
    weights = rng.choice([1, 1_000_000_000], c)
    return Exchange(rng.integers(1, 4, n), cells, weights, part, count_held(cells, part))


def lacking(exchange: Exchange) -> int:
    return int(((exchange.held == 0) @ exchange.weights).sum())


@settings(deadline=None, max_examples=100)
@given(exchanges())
def test_gains_are_by_how_much_less_is_lacking_after_the_swap(exchange):
    units = np.arange(len(exchange.part))
    gains = exchange.gains(units, units)
    np.testing.assert_array_equal(gains, gains.T)
    before = lacking(exchange)
    for one, other in np.ndindex(gains.shape):
        equal = exchange.n_rows[one] == exchange.n_rows[other]
        if exchange.part[one] == exchange.part[other] or not equal:
            assert gains[one, other] == 0
            continue
        exchange.swap(one, other)
        assert gains[one, other] == before - lacking(exchange)
        exchange.swap(one, other)


@settings(deadline=None, max_examples=50)
@given(exchanges())
def test_swaps_keep_the_count_of_holders(exchange):
    parts = exchange.part.copy()
    exchange.swap(0, 1)
    np.testing.assert_array_equal(exchange.part[:2], parts[[1, 0]])
    np.testing.assert_array_equal(exchange.held, count_held(exchange.cells, exchange.part))


@settings(deadline=None, max_examples=100)
@given(exchanges())
def test_every_swap_that_gains_moves_a_movable_unit(exchange):
    units = np.arange(len(exchange.part))
    movable = exchange.movable()
    for one, other in np.argwhere(exchange.gains(units, units) > 0):
        assert movable[one] or movable[other]


@settings(deadline=None, max_examples=100)
@given(exchanges())
def test_swaps_that_are_picked_gain_what_they_say_one_after_the_other(exchange):
    units, part = np.arange(len(exchange.part)), exchange.part.copy()
    gains = exchange.gains(units, units)
    picked = list(pick_disjoint(gains, part, part))
    assert bool(picked) == bool((gains > 0).any())
    before = lacking(exchange)
    for one, other in picked:
        exchange.swap(one, other)
    assert before - lacking(exchange) == sum(gains[pair] for pair in picked)
    touched = [part[unit] for pair in picked for unit in pair]
    assert len(set(touched)) == len(touched)


def test_tiles_are_all_pairs_once():
    one, other = np.arange(2 * TILE + 5), np.arange(TILE + 3)
    seen = np.zeros((len(one), len(other)), dtype=int)
    for rows, columns in tiles(one, other):
        assert max(len(rows), len(columns)) <= TILE
        seen[np.ix_(rows, columns)] += 1
    assert (seen == 1).all()
    assert list(tiles(one, other[:0])) == list(tiles(one[:0], other)) == []
