import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrlearn.decisions.prediction_table import binary_attributes, decide

probabilities = st.lists(st.floats(0, 1) | st.just(np.nan), min_size=1, max_size=8)


def table_of(proba):
    """A table of predictions whose decisions are all wrong."""
    return pd.DataFrame({"hood": 7, "hood_proba": proba, "length": "midi", "length_proba": 0.4})


@given(probabilities, st.floats(0, 1))
def test_a_threshold_decides_by_what_is_above_it(proba, threshold):
    decided = decide(table_of(proba), {"hood": threshold})["hood"]
    expected = [pd.NA if np.isnan(p) else int(p > threshold) for p in proba]
    assert list(map(str, decided)) == list(map(str, expected))


@given(probabilities, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_never_adds_a_positive(proba, one, other):
    low, high = sorted([one, other])
    decided = [decide(table_of(proba), {"hood": t})["hood"].fillna(0) for t in (low, high)]
    assert (decided[1] <= decided[0]).all()


def test_nothing_is_decided_by_a_threshold_of_nan():
    assert decide(table_of([0.0, 0.5, 1.0]), {"hood": np.nan})["hood"].isna().all()


def test_other_columns_and_the_table_itself_stay_as_they_are():
    table = table_of([0.2, 0.8])
    before = table.copy()
    decided = decide(table, {"hood": 0.5})
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(decided.drop(columns="hood"), before.drop(columns="hood"))


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (pd.DataFrame({"a": [0, 1], "b": [1, 0]}), ["a", "b"]),
        (pd.DataFrame({"a": [0, 1], "b": ["x", "y"]}), ["a"]),
        (pd.DataFrame({"b": ["x", "y"]}), []),
    ],
)
def test_binary_attributes_are_those_of_0_and_1(tabular, y, names):
    assert binary_attributes(tabular.fit([[0.0], [1.0]], y)) == names
