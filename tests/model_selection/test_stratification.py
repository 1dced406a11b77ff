import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from attrlearn.model_selection.stratification import (
    NEGATIVE,
    POSITIVE,
    Strata,
    count_cells,
    count_lacking,
    fill_gaps,
    stratify,
)
from attrlearn.model_selection.swaps import Exchange


@st.composite
def tables(draw, max_rows=40) -> pd.DataFrame:
    """Binary attributes, and one of three classes, with gaps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    n, a = draw(st.integers(6, max_rows)), draw(st.integers(1, 5))
    y = pd.DataFrame((rng.random((n, a)) < rng.uniform(0.02, 0.7, a)).astype(float))
    y["kind"] = rng.choice(["x", "y", "z"], n, p=[0.6, 0.3, 0.1])
    return y.mask(rng.random(y.shape) < rng.uniform(0, 0.7))


@st.composite
def dealt(draw, max_rows=40) -> tuple[Strata, np.ndarray, int]:
    """Units, rows or groups; their parts, dealt out at random; the number of parts."""
    table = draw(tables(max_rows))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    groups = rng.integers(0, 12, len(table)) if draw(st.booleans()) else None
    strata, _ = count_cells(table, groups)
    n_parts = draw(st.integers(2, 4))
    return strata, rng.permutation(len(strata.n_rows)) % n_parts, n_parts


def make_table(n_rows: int, n_attributes: int) -> pd.DataFrame:
    """Binary attributes of which 1 to 50% are positive, with a third of gaps."""
    rng = np.random.default_rng(0)
    positive = rng.random((n_rows, n_attributes)) < np.geomspace(0.01, 0.5, n_attributes)
    return pd.DataFrame(positive.astype(float)).mask(rng.random(positive.shape) < 1 / 3)


@contextmanager
def at_most_calls(most: int) -> Iterator[None]:
    """Fail as soon as functions of the package were called more often."""
    n_calls = 0

    def count(frame, event, _):
        nonlocal n_calls
        n_calls += event == "call" and frame.f_globals["__name__"].startswith("attrlearn.")
        assert n_calls <= most

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


def lacking_positives(strata: Strata, part: np.ndarray, n_parts: int) -> int:
    return count_lacking(strata, part, n_parts) // POSITIVE


@settings(deadline=None, max_examples=50)
@given(tables())
def test_units_hold_the_cells_of_their_rows(table):
    groups = np.arange(len(table)) // 3
    strata, unit = count_cells(table, groups)
    np.testing.assert_array_equal(unit, groups)
    np.testing.assert_array_equal(strata.n_rows, np.bincount(groups))
    one_by_one, _ = count_cells(table)
    cells = pd.DataFrame(one_by_one.cells.toarray())
    np.testing.assert_array_equal(strata.cells.toarray(), cells.groupby(groups).sum())
    expected = np.concatenate([table[name].value_counts() for name in table])
    np.testing.assert_array_equal(np.sort(cells.sum()), np.sort(expected))


def test_only_the_zero_of_a_binary_attribute_is_a_negative():
    table = pd.DataFrame({"hood": [0.0, 1.0, 1.0], "length": [0.0, 1.0, 2.0], "neck": list("aab")})
    strata, _ = count_cells(table)
    assert strata.weights.tolist() == [NEGATIVE, *[POSITIVE] * 6]


@settings(deadline=None, max_examples=50)
@given(dealt())
def test_what_is_lacking_is_counted_as_a_table_shows_it(case):
    strata, part, n_parts = case
    cells = pd.DataFrame(strata.cells.toarray())
    held = cells.groupby(part).sum().reindex(range(n_parts), fill_value=0)
    assert count_lacking(strata, part, n_parts) == ((held == 0) @ strata.weights).sum()


@settings(deadline=None, max_examples=50)
@given(tables(), st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(0, 9))
def test_parts_of_rows_are_as_large_as_asked(table, room, seed):
    room = np.array([min(rows, len(table) // 4) for rows in room])
    room = np.append(room, len(table) - room.sum())
    strata, _ = count_cells(table)
    for rng in (None, np.random.RandomState(seed)):
        part = stratify(strata, room, rng)
        np.testing.assert_array_equal(np.bincount(part, minlength=len(room)), room)


@settings(deadline=None, max_examples=50)
@given(tables(), st.integers(2, 30), st.integers(2, 5), st.integers(0, 9))
def test_parts_of_groups_exceed_their_share_by_less_than_a_group(table, n_groups, n_parts, seed):
    groups = np.random.default_rng(seed).integers(0, n_groups, len(table)) ** 2 // n_groups
    strata, _ = count_cells(table, groups)
    room = np.full(n_parts, len(table) / n_parts)
    part = stratify(strata, room, np.random.RandomState(seed))
    sizes = np.bincount(part, strata.n_rows, minlength=n_parts)
    assert sizes.max() < room[0] + strata.n_rows.max()
    assert np.count_nonzero(sizes) == min(n_parts, len(strata.n_rows))


def test_a_group_that_fits_nowhere_goes_where_most_room_is():
    strata = Strata(
        n_rows=np.array([4, 4, 2, 1, 1]),
        cells=csr_array([[0, 4], [1, 0], [2, 1], [1, 1], [1, 0]]),
        weights=np.array([POSITIVE, POSITIVE]),
    )
    part = stratify(strata, np.full(3, 4.0), None)
    assert np.bincount(part, strata.n_rows).tolist() == [4, 3, 5]


@settings(deadline=None, max_examples=50)
@given(tables(), st.integers(2, 5), st.integers(0, 9))
def test_the_rarest_class_is_spread_as_evenly_as_can_be(table, n_parts, seed):
    strata, _ = count_cells(table)
    assume(strata.cells.nnz)
    room = np.bincount(np.arange(len(table)) % n_parts, minlength=n_parts)
    part = stratify(strata, room, np.random.RandomState(seed))
    rarest = strata.cells[:, [strata.cells.sum(axis=0).argmin()]].toarray()[:, 0]
    assert np.ptp(np.bincount(part, rarest, minlength=n_parts)) <= 1


@settings(deadline=None, max_examples=50)
@given(dealt())
def test_swaps_keep_the_sizes_and_open_no_gap(case):
    strata, part, n_parts = case
    given_part = part.copy()
    filled = fill_gaps(strata, part, n_parts)
    np.testing.assert_array_equal(part, given_part)
    for count in (
        lambda p: np.bincount(p, strata.n_rows, minlength=n_parts).tolist(),
        lambda p: np.bincount(p, minlength=n_parts).tolist(),
    ):
        assert count(filled) == count(part)
    assert count_lacking(strata, filled, n_parts) <= count_lacking(strata, part, n_parts)
    assert lacking_positives(strata, filled, n_parts) <= lacking_positives(strata, part, n_parts)


@settings(deadline=None, max_examples=50)
@given(dealt(max_rows=18))
def test_swaps_end_where_no_swap_helps(case):
    strata, part, n_parts = case
    filled = fill_gaps(strata, part, n_parts)
    lowest = count_lacking(strata, filled, n_parts)
    for one, other in combinations(range(len(part)), 2):
        if strata.n_rows[one] == strata.n_rows[other]:
            swapped = filled.copy()
            swapped[[one, other]] = filled[[other, one]]
            assert count_lacking(strata, swapped, n_parts) >= lowest


@pytest.mark.parametrize("most_pairs", [0, 1, 20_000, 300_000])
def test_no_more_pairs_are_compared_than_the_bound(monkeypatch, most_pairs):
    compared = []
    gains = Exchange.gains

    def count(exchange, one, other):
        compared.append(len(one) * len(other))
        return gains(exchange, one, other)

    monkeypatch.setattr(Exchange, "gains", count)
    monkeypatch.setattr("attrlearn.model_selection.stratification.MOST_PAIRS", most_pairs)
    strata, _ = count_cells(make_table(150, 30))
    part = np.arange(150) % 60
    filled = fill_gaps(strata, part, 60)
    assert sum(compared) <= most_pairs
    np.testing.assert_array_equal(np.bincount(filled), np.bincount(part))
    assert count_lacking(strata, filled, 60) <= count_lacking(strata, part, 60)
    np.testing.assert_array_equal(filled, fill_gaps(strata, part, 60))


@pytest.mark.parametrize("n_parts", [2, 10, 50, 100, 150, 200, 299, 300])
def test_any_number_of_parts_takes_fewer_calls_than_there_are_cells(n_parts):
    strata, _ = count_cells(make_table(300, 77))
    room = np.bincount(np.arange(300) % n_parts)
    with at_most_calls(int(strata.cells.sum())):
        part = stratify(strata, room, np.random.RandomState(0))
        filled = fill_gaps(strata, part, n_parts)
    np.testing.assert_array_equal(np.bincount(filled), room)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (["a", "b"], r"groups must have one entry per row of y. Got shape \(2,\) for 3 rows"),
        (["a", None, "b"], "groups must have no missing entry. Got one at row 1"),
    ],
)
def test_groups_that_do_not_fit_are_an_error(groups, words):
    with pytest.raises(ValueError, match=words):
        count_cells(pd.DataFrame({"hood": [0.0, 1.0, 1.0]}), groups)
