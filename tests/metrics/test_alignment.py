import re
import warnings

import numpy as np
import pandas as pd
import pytest

from attrlearn.metrics import (
    attribute_report,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
)

CELLS = [[1, 0, 1], [0, None, 1], [1, 1, None], [0, 0, 1]]
PROBA = np.array([[0.9, 0.4, 0.3], [0.2, 0.9, 0.1], [0.3, 0.3, 0.3], [0.6, 0.2, 0.5]])
FORMS = {
    "lists": CELLS,
    "objects": np.array(CELLS, dtype=object),
    "floats": np.array(CELLS, dtype=float),
    "minus one": np.nan_to_num(np.array(CELLS, dtype=float), nan=-1).astype(int),
    "Int64": pd.DataFrame(CELLS, dtype="Int64"),
    "boolean": pd.DataFrame(CELLS, dtype="boolean"),
    "labels of rows": pd.DataFrame(CELLS, index=[3, 3, 1, 0]),
}


def quietly(score, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score(*args, **kwargs)


@pytest.mark.parametrize("y", FORMS.values(), ids=FORMS)
def test_gaps_may_be_marked_in_any_way(y):
    precision = quietly(average_precision_score, y, PROBA, average=None)
    np.testing.assert_allclose(precision, [5 / 6, 1 / 2, np.nan])
    accuracy = quietly(balanced_accuracy_score, y, PROBA.round(), average=None)
    np.testing.assert_array_equal(accuracy, [1 / 2, 1 / 2, np.nan])


@pytest.mark.parametrize("as_predicted", [bool, int, float, object, str])
def test_classes_are_told_apart_by_value_whatever_their_type(as_predicted):
    y = pd.DataFrame({"hood": [1, 0, 1, 0], "size": [3, 5, 7, 3]})
    if as_predicted is str:
        y = y.astype(str)
    if as_predicted is bool:
        y = y.assign(size=[1, 0, 0, 1])
    assert balanced_accuracy_score(y, y.astype(as_predicted)) == 1
    assert balanced_accuracy_score(y, y.to_numpy().astype(as_predicted)) == 1
    assert balanced_accuracy_score(y.astype("category"), y.to_numpy().astype(as_predicted)) == 1


def test_truths_may_be_a_pandas_category():
    y = pd.DataFrame({"hood": pd.Categorical([True, False, None, True])})
    assert balanced_accuracy_score(y, [[True], [False], [True], [1]]) == 1


def test_minus_one_is_a_class_where_it_is_declared_one():
    y = pd.DataFrame({"turn": pd.Categorical([-1, 1, 1, None, -1])})
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5], [0.7, 0.3]])
    for classes in (None, [np.array([-1, 1])]):
        guessed = [[-1], [1], [-1], [1], [-1]]
        assert balanced_accuracy_score(y, guessed, classes=classes) == 0.75
        assert average_precision_score(y, [proba], classes=classes) == 1


@pytest.mark.parametrize(
    "missing",
    [
        [[0], [None], [1]],
        np.array([[0], [np.nan], [1]]),
        np.array([[0], [-1], [1]]),
        np.array([[0], [None], [1]], dtype=object),
        pd.DataFrame([[0], [None], [1]], dtype="Int64"),
    ],
)
def test_predictions_may_be_missing_in_any_way(missing):
    assert balanced_accuracy_score([[0], [0], [1]], missing) == 0.75
    assert f1_score([[0], [1], [1]], missing) == pytest.approx(2 / 3)
    assert f1_score([[3], [4], [4]], np.array([[3], [-1], [4]])) == pytest.approx((1 + 2 / 3) / 2)


def test_columns_of_frames_are_matched_by_name():
    y = pd.DataFrame({"hood": [0, 1, 1], "sleeve": ["long", "bare", "bare"]})
    assert balanced_accuracy_score(y, y[["sleeve", "hood"]]) == 1
    with pytest.raises(ValueError, match=r"\['hood', 'sleeve'\]\. Got \['hood', 'cuff'\]"):
        balanced_accuracy_score(y, y.set_axis(["hood", "cuff"], axis=1))
    y = pd.DataFrame({"hood": [0, 1], "zip": [1, 0]})
    proba = pd.DataFrame({"zip": [0.75, 0.25], "hood": [0.25, 0.75]})
    weight = pd.DataFrame({"zip": [1, 2], "hood": [0, 1]})
    assert average_precision_score(y, proba) == 1
    found = log_loss(y, proba, sample_weight=weight, average=None)
    np.testing.assert_allclose(found, [-np.log(0.75)] * 2)
    with pytest.raises(ValueError, match=r"y_proba must have the columns .* Got \[0, 1\]"):
        average_precision_score(y, proba.set_axis([0, 1], axis=1))


def test_predictions_in_an_array_are_matched_by_position():
    y = pd.DataFrame({"hood": [0, 1, 1], "sleeve": ["long", "bare", "bare"]})
    assert balanced_accuracy_score(y, y.to_numpy()) == 1
    assert balanced_accuracy_score([[0], [1]], pd.DataFrame({"hood": [0, 1]})) == 1


def test_images_without_probabilities_are_left_out():
    cells, gap = np.array([[1, 0], [0, 1], [1, 1], [0, 0]]), np.array([False, True, False, False])
    proba = np.where(gap[:, None], np.nan, PROBA[:, :2])
    for score in (average_precision_score, log_loss):
        assert score(cells, proba) == score(cells[~gap], proba[~gap])
    by_class = [np.column_stack([1 - p, p]) for p in proba.T]
    whole = attribute_report(cells, by_class)
    pd.testing.assert_frame_equal(whole, attribute_report(cells[~gap], [p[~gap] for p in by_class]))


@pytest.mark.parametrize("names", [["neck", "hood"], [1, 0]])
def test_numeric_codes_are_told_by_their_probabilities(names):
    y = pd.DataFrame([[3, 0], [5, 1], [7, 1], [3, -1]], columns=names)
    neck = np.eye(3)[[0, 1, 2, 0]]
    hood = np.array([[0.6, 0.4], [0.5, 0.5], [0.7, 0.3], [0, 1]])
    found = average_precision_score(y, [neck, hood], average=None)
    np.testing.assert_allclose(found, [1, 5 / 6])
    two = y.iloc[[0, 1, 3]]
    found = average_precision_score(two, (neck[[0, 1, 3], :2], hood[[0, 1, 3]]), average=None)
    np.testing.assert_allclose(found, [1, 1])


KINDS = {
    "text": ["bare", "long", "short"],
    "codes": np.array([0, 1, 2]),
    "fractions": np.array([0.5, 1.5, 2.0]),
}


@pytest.mark.parametrize("classes", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("rows", [[0, 1, 0], [2, 1, 2], [0, 0, 1]])
def test_the_classes_of_the_model_stand_in_for_those_that_y_lacks(classes, rows):
    y = np.array(classes, dtype=object)[rows][:, None]
    proba = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.2, 0.4, 0.4]])
    gaps = np.vstack([y, [[None]]]), [np.vstack([proba, proba[:1]])]
    whole = pd.DataFrame({"a": pd.Categorical(y[:, 0], categories=classes)})
    for score in (average_precision_score, log_loss):
        found = score(*gaps, classes=[np.asarray(classes)])
        assert found == score(whole, [proba])
    predicted = np.array(classes, dtype=object)[proba.argmax(axis=1)][:, None]
    assert f1_score(y, predicted, classes=[np.asarray(classes)]) == f1_score(whole, predicted)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_column_of_gaps_has_the_classes_of_the_model(missing):
    y = pd.DataFrame({"sleeve": [missing] * 3, "hood": [1, 0, 1]})
    proba = [np.full((3, 3), 1 / 3), np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]])]
    classes = [np.array(["bare", "long", "short"], dtype=object), np.array([0, 1])]
    with pytest.warns(UserWarning, match=r"left out \['sleeve'\]"):
        assert average_precision_score(y, proba, classes=classes) == 1


def test_a_class_that_the_model_does_not_know_has_probability_0():
    y = pd.DataFrame({"sleeve": ["bare", "long", "short"]})
    proba = np.array([[0.75, 0.25], [0.5, 0.5], [0.5, 0.5]])
    classes = [np.array(["bare", "long"], dtype=object)]
    wider = np.column_stack([proba, np.zeros(3)])
    for score in (average_precision_score, log_loss):
        assert score(y, [proba], classes=classes) == score(y, [wider])
    guessed = [["bare"], ["long"], ["long"]]
    assert balanced_accuracy_score(y, guessed, classes=classes) == pytest.approx(2 / 3)


def test_binary_attributes_are_told_by_the_range_that_classes_holds():
    cells = np.array([[1, 0], [0, 1], [1, -1]])
    found = log_loss(cells, PROBA[:3, :2], classes=np.arange(2))
    assert found == log_loss(cells, PROBA[:3, :2])
    by_class = [np.column_stack([1 - p, p]) for p in PROBA[:3, :2].T]
    assert log_loss(cells, by_class, classes=[np.array([0, 1])] * 2) == found
    with pytest.raises(ValueError, match=r"only 0, 1 or missing .* Got 2\.0 at row 1, .* 'Attr1'"):
        log_loss([[1], [2]], [[0.5], [0.5]], classes=np.arange(1))


@pytest.mark.parametrize("classes", [np.arange(1), ["bare", "long"], np.arange(3), [[0, 1], 1]])
def test_classes_must_be_those_of_the_attributes(classes):
    words = r"classes must hold one array .* arange\(2\) .* Got .* \['Attr1', 'Attr2'\]"
    with pytest.raises(ValueError, match=words):
        f1_score([[0, 1], [1, 0]], [[0, 1], [1, 0]], classes=classes)


@pytest.mark.parametrize(("cell", "classes"), [("1", [1, 2, 3]), (1, ["1", "2", "3"])])
def test_text_is_no_number(cell, classes):
    with pytest.raises(ValueError, match=rf"Got {cell!r}.*, attribute 'Attr1'. Convert"):
        f1_score([[cell]], [[cell]], classes=[classes])


def test_an_array_of_probabilities_is_of_binary_attributes():
    with pytest.raises(ValueError, match=r"Got 2\.0 at row 1, attribute 'Attr1'"):
        average_precision_score([[1], [2]], [[0.5], [0.5]])


@pytest.mark.parametrize(
    ("proba", "got"),
    [
        ([0.5, 0.5], r"Got 2 of \[1\] rows"),
        ([[0.5], [0.5]], r"Got 1 of \[2\] rows"),
        (np.zeros((3, 2)), r"Got 2 of \[3\] rows"),
        ([np.zeros((2, 2))], r"Got 1 of \[2\] rows"),
        ([np.zeros((2, 2)), np.zeros((1, 2))], r"Got 2 of \[1, 2\] rows"),
        ([], r"Got 0 of \[\] rows"),
    ],
)
def test_probabilities_must_be_of_all_attributes_and_rows(proba, got):
    with pytest.raises(ValueError, match=rf"2 rows of y_true. {got}.*\['Attr1', 'Attr2'\]"):
        average_precision_score([[0, 1], [1, 0]], proba)


@pytest.mark.parametrize("classes", [None, [["bare", "long"]]])
def test_probabilities_must_be_of_all_classes(classes):
    y = pd.DataFrame({"sleeve": ["long", "bare"]})
    words = r"Got 3 columns for the 2 classes \['bare', 'long'\] .* 'sleeve'. Pass classes="
    with pytest.raises(ValueError, match=words):
        attribute_report(y, [np.zeros((2, 3))], classes=classes)


@pytest.mark.parametrize("predicted", [[[1, 0]], [1, 0], [[1], [0], [1]]])
def test_predictions_must_be_of_the_shape_of_the_truth(predicted):
    with pytest.raises(ValueError, match=r"y_pred must be of the shape of y_true, \(2, 1\). Got"):
        balanced_accuracy_score([[1], [0]], predicted)


def test_probabilities_are_no_predictions():
    words = r"must hold classes. Got 0\.9 at row 1, attribute 'Attr2'.* into average_precision"
    with pytest.raises(ValueError, match=words):
        f1_score([[0, 1], [1, 0]], [[0, 1], [1, 0.9]])
    halves = [[0.5], [1.5]]
    assert balanced_accuracy_score(halves, halves) == 1


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ([1, 1, 1], "Got shape (3,) for y of shape (2, 2)"),
        ([1, -1], "Got -1.0 at row 1, attribute 'Attr1'"),
        ([[1, np.nan], [1, 1]], "Got nan at row 0, attribute 'Attr2'"),
    ],
)
def test_weights_must_be_of_the_rows_or_cells_and_not_negative(weight, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        f1_score([[0, 1], [1, 0]], [[0, 1], [1, 0]], sample_weight=weight)
