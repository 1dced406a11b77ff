import re

import numpy as np
import pandas as pd
import pytest

from attrlearn.checks.pairing import check_paired


def series(*labels):
    return pd.Series(range(len(labels)), index=pd.Index(labels, tupleize_cols=False))


@pytest.mark.parametrize(
    ("labels", "others", "row"),
    [
        (["a", "b", "c"], ["a", "c", "b"], 1),
        ([0, 1, 2], [0.0, 2.0, 1.0], 1),
        (["a", 1, None, (1, 2)], [(1, 2), 1, None, "a"], 0),
        (["a", "a", "b"], ["a", "b", "a"], 1),
        (pd.date_range("2024", periods=3), pd.date_range("2024", periods=3)[[0, 2, 1]], 1),
    ],
    ids=["text", "numbers", "mixed", "duplicates", "dates"],
)
def test_the_same_labels_in_another_order_are_an_error_at_the_first_row(labels, others, row):
    X, y = series(*labels), series(*others)
    words = (
        "y must have its rows in the order of X. "
        f"Got label {others[row]!r} at row {row}, where X has {labels[row]!r}: the same labels"
    )
    with pytest.raises(ValueError, match=re.escape(words)):
        check_paired({"X": X, "y": y})


def test_the_error_ends_in_a_cure_that_works():
    X, y = series("a", "b"), series("b", "a")
    words = (
        r"Pass y\.loc\[X\.index\], or y\.set_axis\(X\.index\) if the rows do belong together by "
        r"position\.$"
    )
    with pytest.raises(ValueError, match=words):
        check_paired({"X": X, "y": y})
    check_paired({"X": X, "y": y.loc[X.index]})
    check_paired({"X": X, "y": y.set_axis(X.index)})


def test_duplicate_labels_are_not_to_be_looked_up():
    X, y = series("a", "a", "b"), series("a", "b", "a")
    with pytest.raises(ValueError, match=r"order\. Give both unique labels .*, or y\.set_axis\(X"):
        check_paired({"X": X, "y": y})
    check_paired({"X": X, "y": y.set_axis(X.index)})


@pytest.mark.parametrize(
    "y",
    [
        series("a", "b", "c"),
        series(0, 1, 2),
        series("a", "b", "d"),
        series("a", "c", "c"),
        series("c", "b"),
        series("c", "b", "a").to_numpy(),
        ["c", "b", "a"],
        None,
    ],
    ids=["equal", "reset", "other", "other counts", "shorter", "array", "list", "nothing"],
)
def test_all_else_belongs_together_by_position(y):
    check_paired({"X": series("a", "b", "c"), "y": y})


def test_two_of_three_may_be_the_ones_that_are_out_of_step():
    X, y, weight = series("a", "b"), series(0, 1), series(1, 0)
    for first in (X, X.tolist()):
        with pytest.raises(
            ValueError, match=r"^sample_weight must .* the order of y\. Got label 1 at"
        ):
            check_paired({"X": first, "y": y, "sample_weight": weight})


def test_levels_of_an_index_are_compared_as_a_whole():
    index = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
    X = pd.DataFrame({"width": np.zeros(3)}, index=index)
    check_paired({"X": X, "y": X.copy()})
    with pytest.raises(
        ValueError, match=r"Got label \('b', 'x'\) at row 0, where X has \('a', 'x'\)"
    ):
        check_paired({"X": X, "y": X.iloc[::-1]})
