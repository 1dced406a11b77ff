import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from attrlearn.model_selection.part_queue import PartQueue


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 8), st.integers(0, 2**20), st.booleans())
def test_the_first_part_is_the_one_that_a_search_of_all_finds(n_parts, seed, value_is_room):
    rng = np.random.default_rng(seed)
    room = rng.integers(0, 12, n_parts) + rng.choice([0.0, 0.5])
    value = room if value_is_room else rng.integers(0, 4, n_parts) / 3
    queue = PartQueue(value, room)
    for n_rows in rng.integers(1, 8, 30):
        fitting = [part for part in range(n_parts) if room[part] >= n_rows]
        expected = (
            max(fitting, key=lambda part: (round(value[part], 6), room[part]))
            if fitting
            else room.argmax()
        )
        assert queue.first(n_rows) == expected
        room[expected] -= n_rows
        if not value_is_room:
            value[expected] -= rng.integers(0, 3) / 3
        queue.update(expected)


def test_values_that_differ_by_rounding_are_equal():
    room = np.array([1.0, 2.0])
    assert PartQueue(np.array([0.3, 0.1 + 0.2]), room).first(1) == 1
    assert PartQueue(np.array([0.1 + 0.2, 0.3]), room).first(1) == 1
