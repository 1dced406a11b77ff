import numpy as np
import pytest

from attrlearn.checks.text_columns import NA_VALUES
from attrlearn.labels.notation import binary_notation, missing_mark
from attrlearn.labels.tables import TextTable


def table_of(has_header=True, **columns):
    arrays = {name: np.array(cells, dtype=object) for name, cells in columns.items()}
    return TextTable("t.csv", arrays, np.arange(9), has_header=has_header)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["0", "1", "1.0", "1"], ["0", "1"]),
        (["0.0", "NA"], ["0.0", "1.0"]),
        (["-1.0", ""], ["0.0", "1.0"]),
        (["TRUE", "NA"], ["FALSE", "TRUE"]),
        (["false"], ["false", "true"]),
        ([" True ", "False"], ["False", "True"]),
        (["+1"], ["0", "+1"]),
        (["NA", ""], ["no", "yes"]),  # nothing of its own: that of the others
    ],
)
def test_values_are_written_as_the_column_writes_them(cells, expected):
    others = ["false", "true"] if "no" in expected else ["0", "1"]
    table = table_of(a=cells, b=others)
    found = binary_notation(table, "a", ["a", "b"], NA_VALUES)
    assert [found[0], found[1]] == (others if "no" in expected else expected)


def test_without_any_value_they_are_0_and_1():
    assert binary_notation(table_of(a=["NA"]), "a", ["a"], NA_VALUES) == {0: "0", 1: "1"}


@pytest.mark.parametrize(
    ("cells", "others", "has_header", "expected"),
    [
        (["-1", "-1", "NA"], ["1"], True, "-1"),
        (["1", "0"], ["nan"], True, "nan"),
        (["1", "0"], ["1"], True, ""),
        (["1", "0"], ["1"], False, "NA"),
    ],
)
def test_a_gap_is_written_as_gaps_are(cells, others, has_header, expected):
    table = table_of(a=cells, b=others, has_header=has_header)
    assert missing_mark(table, "a", ["a", "b"], NA_VALUES) == expected
