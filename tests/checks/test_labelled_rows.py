import numpy as np
import pandas as pd

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.inputs import check_inputs
from attrlearn.checks.labelled_rows import LabelledRows

ATTRIBUTES = Attributes(
    ["hood", "neck"], [np.array([0, 1]), np.array(["o", "u", "v"], dtype=object)], [True, False]
)
TABLE = pd.DataFrame({"hood": [0, 1, np.nan, 1], "neck": ["v", None, "o", "v"]})
WEIGHTS = np.array([[1.0, 2], [3, 9], [9, 4], [5, 6]])
CATEGORIES = np.array(["tee", None, "polo", "polo"], dtype=object)
X = pd.DataFrame({"image": list("abcd"), "category": CATEGORIES, "group": ["p", "q", None, "p"]})
ROWS = LabelledRows.of(check_inputs(X), TABLE, ATTRIBUTES, WEIGHTS)


def test_a_missing_cell_has_no_weight():
    assert ROWS.targets.tolist() == [[0, 4], [1, -1], [-1, 2], [1, 4]]
    assert ROWS.weights.tolist() == [[1, 2], [3, 0], [0, 4], [5, 6]]


def test_count_sums_the_weights_of_each_class():
    hood, neck = ROWS.count(ATTRIBUTES)
    assert hood.tolist() == [1, 8]
    assert neck.tolist() == [4, 0, 8]


def test_weigh_multiplies_each_cell_by_the_weight_of_its_class():
    weighed = ROWS.weigh([np.array([10.0, 100]), np.array([2.0, 3, 0.5])])
    assert weighed.loss_weights.tolist() == [[10, 1], [300, 0], [0, 8], [500, 3]]
    assert weighed.weights.tolist() == ROWS.loss_weights.tolist() == ROWS.weights.tolist()
    assert ROWS.weights.tolist() == [[1, 2], [3, 0], [0, 4], [5, 6]]


def test_taken_rows_keep_targets_categories_and_weights_together():
    some = ROWS.take(np.array([3, 0]))
    assert len(some) == 2
    assert some.targets.tolist() == [[1, 4], [0, 4]]
    assert some.categories.tolist() == ["polo", "tee"]
    assert some.weights.tolist() == [[5, 6], [1, 2]]
    assert some.groups.tolist() == ROWS.groups[[3, 0]].tolist() == [0, 0]
    assert some.table["neck"].tolist() == ["v", "v"]


def test_categories_without_a_cell_that_counts_are_not_learnt():
    assert ROWS.learnt_categories().tolist() == ["polo", "tee"]
    weighed = ROWS.weigh([np.array([0.0, 1]), np.array([1.0, 1, 0])])
    assert weighed.learnt_categories().tolist() == ["polo"]


def test_missing_cells_of_binary_attributes_can_be_assumed_to_be_0():
    assumed = LabelledRows.of(check_inputs(X), TABLE, ATTRIBUTES, WEIGHTS, missing="negative")
    assert assumed.targets.tolist() == [[0, 4], [1, -1], [0, 2], [1, 4]]
    assert assumed.weights.tolist() == [[1, 2], [3, 0], [9, 4], [5, 6]]
    assert assumed.count(ATTRIBUTES)[0].tolist() == [10, 8]
    known = assumed.labelled()
    assert known.targets.tolist() == ROWS.targets.tolist()
    assert known.weights.tolist() == ROWS.weights.tolist()
    assert assumed.counted().isna().equals(TABLE.isna())  # splits share out what is known


def test_count_by_category_counts_labelled_cells_of_known_categories():
    known = np.array(["polo", "tee"])
    expected = [[0, 1, 1, 0, 1], [1, 0, 0, 0, 1]]
    assert ROWS.count_by_category(known, ATTRIBUTES).tolist() == expected
    assumed = LabelledRows.of(check_inputs(X), TABLE, ATTRIBUTES, missing="negative")
    assert assumed.count_by_category(known, ATTRIBUTES).tolist() == expected
    none = LabelledRows.of(check_inputs(X), TABLE, ATTRIBUTES, np.tile([1, 0], (4, 1)))
    assert none.count_by_category(known, ATTRIBUTES)[:, 2:].sum() == 0
