import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.targets import MISSING
from attrlearn.checks.weights import check_sample_weight, class_weights

HOOD = Attributes(["hood"], [np.array([0, 1])], [True])


def count(codes, attributes):
    """Labelled cells of each class of each attribute."""
    columns = zip(codes.T, attributes.n_classes, strict=True)
    return [np.bincount(column[column >= 0], minlength=k) for column, k in columns]


def weigh(*cells, class_weight="balanced", attributes=HOOD):
    counts = count(np.array(cells)[:, None], attributes)
    [weight] = class_weights(counts, attributes, class_weight)
    return weight


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_weights_of_a_binary_attribute_are_in_the_ratio_of_negatives_to_positives(neg, pos):
    scale = max(neg, pos) // 1000 + 1
    neg, pos = neg // scale + 1, pos // scale + 1
    negative, positive = weigh(*[0] * neg, *[1] * pos, *[MISSING] * 3)
    assert float(positive / negative) == pytest.approx(float(Fraction(neg, pos)), rel=1e-15 * 4)


@given(st.lists(st.integers(MISSING, 3), min_size=1, max_size=40), st.integers(4, 6))
def test_balanced_weights_are_those_of_scikit_learn_on_the_labelled_cells(cells, n_classes):
    attributes = Attributes(["neck"], [np.arange(n_classes) + 10], [False])
    labelled = np.array([cell for cell in cells if cell != MISSING])
    seen = np.unique(labelled).astype(int)
    expected = np.ones(n_classes)
    if len(seen) > 1:
        expected[seen] = compute_class_weight("balanced", classes=seen, y=labelled)
        weight = weigh(*cells, attributes=attributes)
        assert np.sum(weight[labelled]) == pytest.approx(len(labelled))
    else:
        with pytest.warns(UserWarning, match=r"1 attributes: \['neck'\]"):
            weight = weigh(*cells, attributes=attributes)
    np.testing.assert_allclose(weight, expected, rtol=1e-15)


def test_each_attribute_counts_its_own_labelled_cells():
    codes = np.array([[0, 1], [0, -1], [0, 0], [1, -1]])
    attributes = Attributes(["hood", "zip"], [np.array([0, 1])] * 2, [True, True])
    hood, zipper = class_weights(count(codes, attributes), attributes, "balanced")
    assert hood.tolist() == [4 / 6, 4 / 2]
    assert zipper.tolist() == [1, 1]


def test_attributes_with_fewer_than_two_labelled_classes_weigh_1_and_are_named():
    codes = np.array([[0, 1, -1, 0], [0, 1, -1, 0], [0, -1, -1, 1]])
    names = ["no positive", "no negative", "no cell", "fine"]
    attributes = Attributes(names, [np.array([0, 1])] * 4, [True] * 4)
    with pytest.warns(UserWarning, match=r"3 attributes: \['no positive', 'no negative', 'no cel"):
        weights = class_weights(count(codes, attributes), attributes, "balanced")
    assert [weight.tolist() for weight in weights] == [[1, 1]] * 3 + [[0.75, 1.5]]


def test_without_class_weight_all_weigh_1():
    assert weigh(0, 0, 0, 1, class_weight=None).tolist() == [1, 1]


def test_given_weights_are_taken_and_the_others_are_1():
    attributes = Attributes(
        ["hood", "neck"], [np.array([0, 1]), np.array(["o", "v"], dtype=object)], [True, False]
    )
    codes = np.array([[0, 0], [1, 1]])
    hood, neck = class_weights(
        count(codes, attributes), attributes, {"neck": {"v": 2.5}, "hood": {True: 0.5}}
    )
    assert hood.tolist() == [1, 0.5]
    assert neck.tolist() == [1, 2.5]


@pytest.mark.parametrize(
    ("given_weights", "message"),
    [
        ({"zip": {1: 2}}, r"Got 'zip'. The attributes are \['hood'\]"),
        ({0: 1, 1: 3}, r"Got 0. The attributes are \['hood'\]"),
        ({"hood": "balanced"}, "Got 'balanced' for attribute 'hood'. Pass {'hood': {class: weigh"),
        ({"hood": {"1": 2}}, r"Got '1' for attribute 'hood'. Its classes are \[.*0.*1.*\]"),
        ({"hood": {1: -2}}, "Got -2 for class 1 of attribute 'hood'. Pass 0 to ignore"),
        ({"hood": {1: np.nan}}, "Got nan for class 1"),
        ({"hood": {1: np.inf}}, "Got inf for class 1"),
    ],
)
def test_given_weights_must_fit_the_attributes(given_weights, message):
    with pytest.raises(ValueError, match=message):
        weigh(0, 1, class_weight=given_weights)


@pytest.mark.parametrize(
    ("cells", "zeros"), [([0, 1, 1], {0: 0, 1: 0}), ([0, 0], {0: 0.0}), ([MISSING, 1], {1: 0})]
)
@pytest.mark.filterwarnings("ignore:Fewer than two classes")
def test_a_class_weight_of_zero_for_all_that_is_labelled_is_an_error(cells, zeros):
    with pytest.raises(ValueError, match=r"Got zero weight for all of them. Pass class_weight=Non"):
        weigh(*cells, class_weight={"hood": zeros})


@pytest.mark.filterwarnings("ignore:Fewer than two classes")
def test_class_weights_of_zero_are_an_error_if_sample_weights_leave_out_the_others():
    attributes = Attributes(["hood", "zip"], [np.array([0, 1])] * 2, [True, True])
    zero = {"hood": {0: 0, 1: 0}}
    with pytest.raises(ValueError, match="Got zero weight for all of them"):
        class_weights([np.array([2.0, 1]), np.zeros(2)], attributes, zero)


@pytest.mark.parametrize("zeros", [{0: 0, 1: 0}, {1: 0}])
def test_attributes_that_class_weights_leave_without_two_classes_are_named(zeros):
    attributes = Attributes(["hood", "zip"], [np.array([0, 1])] * 2, [True, True])
    with pytest.warns(UserWarning, match=r"fewer than two labelled classes in 1 attr.*\['hood'\]"):
        class_weights([np.array([2, 1])] * 2, attributes, {"hood": zeros})


def test_a_class_may_weigh_nothing_beside_two_others():
    attributes = Attributes(["neck"], [np.array(["o", "u", "v"], dtype=object)], [False])
    [weight] = class_weights([np.array([2, 1, 1])], attributes, {"neck": {"u": 0}})
    assert weight.tolist() == [1, 0, 1]


def test_without_any_labelled_cell_class_weights_of_zero_are_no_error():
    with pytest.warns(UserWarning, match="Fewer than two classes"):
        weigh(MISSING, class_weight={"hood": {0: 0, 1: 0}})


@pytest.mark.parametrize("weight", [1e300, 1e-50])
def test_weights_beyond_what_float32_adds_up_are_an_error(weight):
    with pytest.raises(
        ValueError, match=r"class_weight must .*Got a sum of \de.*only their ratios"
    ):
        weigh(0, 1, 1, class_weight={"hood": {0: weight, 1: weight}})
    with pytest.raises(
        ValueError, match=r"sample_weight must .*Got a sum of \de.*only their ratios"
    ):
        class_weights([np.array([weight, weight])], HOOD, "balanced")


def test_weighing_two_labelled_classes_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weigh(0, 1, 1)


TABLE = pd.DataFrame({"hood": [1.0, np.nan, 0.0], "zip": [np.nan, 1.0, 1.0]}, index=[7, 7, 9])


def test_weights_of_rows_are_those_of_their_labelled_cells():
    assert check_sample_weight([3, 2, 0], TABLE).tolist() == [[3, 0], [0, 2], [0, 0]]
    assert check_sample_weight(None, TABLE).tolist() == [[1, 0], [0, 1], [1, 1]]


def test_a_table_of_weights_belongs_to_its_attributes_by_name():
    cells = pd.DataFrame({"zip": [4, 5, 6], "hood": [1, 2, 3]})
    assert check_sample_weight(cells, TABLE).tolist() == [[1, 0], [0, 5], [3, 6]]
    assert check_sample_weight(cells.to_numpy(), TABLE).tolist() == [[4, 0], [0, 2], [6, 3]]


def test_the_weight_of_a_missing_cell_may_be_missing():
    for weights in (TABLE * 2, (TABLE * 2).astype("Float64")):
        assert check_sample_weight(weights, TABLE).tolist() == [[2, 0], [0, 2], [0, 2]]


@pytest.mark.parametrize(
    ("sample_weight", "words"),
    [
        ([1, 2], r"Got shape \(2,\) for y of shape \(3, 2\). Select the same rows"),
        (np.ones((3, 1)), r"Got shape \(3, 1\)"),
        ([1, -2, 1], "Got -2.0 at row 1, attribute 'zip'. Pass 0 to ignore"),
        ([1, 1, np.nan], "Got nan at row 2, attribute 'hood'"),
        (TABLE.rename(columns={"zip": "zips"}), r"columns of y, \['hood', 'zip'\]. Got .*'zips'"),
        (["much", "much", "little"], "must hold numbers. Got .*'much'"),
        ([np.inf, 1, 1], "Got inf at row 0, attribute 'hood'"),
    ],
)
def test_sample_weights_that_break_a_rule_are_an_error(sample_weight, words):
    with pytest.raises(ValueError, match=words):
        check_sample_weight(sample_weight, TABLE)


@pytest.mark.parametrize("make", [lambda tensor: tensor, list])
def test_tensors_of_weights_are_read_as_arrays(make):
    rows, cells = torch.tensor([3, 2, 0]), torch.tensor([[2.0, 0], [0, 5], [1, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_sample_weight(make(rows), TABLE).tolist() == [[3, 0], [0, 2], [0, 0]]
        assert check_sample_weight(make(cells), TABLE).tolist() == [[2, 0], [0, 5], [1, 1]]
    with pytest.raises(TypeError, match="sample_weight must be readable as an array of numpy"):
        check_sample_weight(rows.bfloat16(), TABLE)


def test_one_weight_for_all_is_an_error():
    with pytest.raises(ValueError, match=r"one per cell\. Got a int of 0 dimensions"):
        check_sample_weight(2, pd.DataFrame({"hood": [0, 1]}))
