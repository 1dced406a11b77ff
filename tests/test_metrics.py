import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from attrlearn.metrics import (
    attribute_report,
    average_precision_score,
    balanced_accuracy_score,
)

SLEEVES = ["bare", "long", "short"]
PROBABILITY = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])  # with ties


def quietly(score, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score(*args, **kwargs)


@st.composite
def binary_cells(draw, values=PROBABILITY):
    """(N, A) cells 0, 1 and -1, and (N, A) values."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 3)))
    cells = draw(arrays(int, shape, elements=st.integers(-1, 1)))
    return cells, draw(arrays(float, shape, elements=values))


@st.composite
def classes(draw):
    """(N,) classes 0 to 2 or -1, and (N, 3) probabilities."""
    n_rows = draw(st.integers(1, 15))
    cells = draw(arrays(int, n_rows, elements=st.integers(-1, 2)))
    return cells, draw(arrays(float, (n_rows, 3), elements=PROBABILITY))


def sleeves(cells):
    return pd.DataFrame({"sleeve": pd.Categorical.from_codes(cells, SLEEVES)})


def expected(score, cells, values):
    """scikit-learn's score on the labelled cells of each attribute, NaN with one class."""
    scores = []
    for known, value in zip(cells.T, values.T, strict=True):
        labelled = known >= 0
        two = len(set(known[labelled])) == 2
        scores.append(score(known[labelled], value[labelled]) if two else np.nan)
    return np.array(scores)


@settings(max_examples=60)
@given(binary_cells())
def test_average_precision_is_that_of_scikit_learn_on_the_labelled_cells(drawn):
    cells, proba = drawn
    found = quietly(average_precision_score, cells, proba, average=None)
    np.testing.assert_allclose(found, expected(reference.average_precision_score, cells, proba))


@settings(max_examples=60)
@given(binary_cells(values=st.sampled_from([0.0, 1.0])))
def test_balanced_accuracy_is_that_of_scikit_learn_on_the_labelled_cells(drawn):
    cells, predicted = drawn
    found = quietly(balanced_accuracy_score, cells, predicted, average=None)
    wanted = quietly(expected, reference.balanced_accuracy_score, cells, predicted)
    np.testing.assert_allclose(found, wanted)


@settings(max_examples=60)
@given(classes())
def test_a_categorical_attribute_scores_as_the_mean_over_its_labelled_classes(drawn):
    cells, proba = drawn
    known = cells[cells >= 0]
    found = quietly(average_precision_score, sleeves(cells), [proba])
    if len(set(known)) < 2:
        assert np.isnan(found)
    else:
        one_hot = np.eye(3)[known][:, np.unique(known)]
        wanted = reference.average_precision_score(one_hot, proba[cells >= 0][:, np.unique(known)])
        assert found == pytest.approx(wanted)


@settings(max_examples=60)
@given(classes())
def test_balanced_accuracy_of_text_is_that_of_scikit_learn(drawn):
    cells, proba = drawn
    predicted = np.array(SLEEVES, dtype=object)[proba.argmax(axis=1)][:, None]
    y = sleeves(cells).astype(object)
    known = y["sleeve"][cells >= 0]
    found = quietly(balanced_accuracy_score, y, predicted)
    if known.nunique() < 2:
        assert np.isnan(found)
    else:
        wanted = quietly(reference.balanced_accuracy_score, known, predicted[cells >= 0, 0])
        assert found == pytest.approx(wanted)


@settings(max_examples=60)
@given(classes(), binary_cells())
def test_the_report_holds_what_the_scores_say(sleeve, hood):
    n_rows = min(len(sleeve[0]), len(hood[0]))
    y = sleeves(sleeve[0][:n_rows]).assign(hood=np.where(hood[0] < 0, np.nan, hood[0])[:n_rows, 0])
    positive = hood[1][:n_rows, 0]
    proba = [sleeve[1][:n_rows], np.column_stack([1 - positive, positive])]
    report = attribute_report(y, proba)
    predicted = np.array(SLEEVES, dtype=object)[proba[0].argmax(axis=1)]
    predictions = pd.DataFrame({"sleeve": predicted, "hood": proba[1].argmax(axis=1)})
    assert report.index.tolist() == ["sleeve", "hood"]
    assert report["labelled"].tolist() == y.notna().sum().tolist()
    for name, wanted in (
        ("average_precision", quietly(average_precision_score, y, proba, average=None)),
        ("balanced_accuracy", quietly(balanced_accuracy_score, y, predictions, average=None)),
    ):
        np.testing.assert_allclose(report[name].astype(float), wanted)


def test_the_report_tells_prevalence_and_chance():
    y = pd.DataFrame({"hood": [1, 0, 0, 0, -1], "sleeve": ["long", "bare", "long", None, "bare"]})
    y["sleeve"] = pd.Categorical(y["sleeve"], categories=SLEEVES)
    proba = [np.full((5, 2), 1 / 2), np.full((5, 3), 1 / 3)]
    report = attribute_report(y, proba)
    assert report["prevalence"].tolist() == ["0.25", "0.50 0.50 0.00"]
    assert report["chance"].tolist() == [0.25, 0.5]
    assert report["average_precision"].tolist() == [0.25, 0.5]  # all tied: chance


@settings(max_examples=30)
@given(binary_cells(), st.data())
def test_what_is_predicted_for_a_missing_cell_changes_nothing(drawn, data):
    cells, proba = drawn
    other = data.draw(arrays(float, proba.shape, elements=PROBABILITY))
    other = np.where(cells < 0, other, proba)
    for score, before, after in (
        (average_precision_score, proba, other),
        (balanced_accuracy_score, proba >= 0.5, other >= 0.5),
    ):
        found, again = (quietly(score, cells, p, average=None) for p in (before, after))
        np.testing.assert_array_equal(found, again)


CELLS = [[1, 0, 1], [0, None, 1], [1, 1, None], [0, 0, 1]]
PROBA = np.array([[0.9, 0.4, 0.3], [0.2, 0.9, 0.1], [0.3, 0.3, 0.3], [0.6, 0.2, 0.5]])


@pytest.mark.parametrize(
    ("score", "values", "what"),
    [
        (average_precision_score, PROBA, "average precision"),
        (balanced_accuracy_score, PROBA.round(), "balanced accuracy"),
    ],
)
def test_the_mean_leaves_out_what_has_one_class_and_names_it(score, values, what):
    with pytest.warns(UserWarning, match=rf"The {what} needs two .*: left out \['Attr3'\]"):
        mean = score(CELLS, values)
    with pytest.warns(UserWarning, match="Attr3"):
        each = score(CELLS, values, average=None)
    assert isinstance(mean, float)
    assert mean == each[:2].mean()
    assert np.isnan(each[2])


def test_the_mean_of_nothing_is_nan():
    with pytest.warns(UserWarning, match=r"left out \['Attr1'\]"):
        assert np.isnan(balanced_accuracy_score([[1], [None]], [[1], [0]]))


def test_the_report_of_attributes_without_labels_is_nan_without_warnings():
    y = sleeves([-1, -1]).assign(hood=np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = attribute_report(y, [np.full((2, 3), 1 / 3), np.full((2, 2), 1 / 2)])
    assert report["labelled"].tolist() == [0, 0]
    assert report[["chance", "average_precision", "balanced_accuracy"]].isna().all(axis=None)


FORMS = {
    "lists": CELLS,
    "objects": np.array(CELLS, dtype=object),
    "floats": np.array(CELLS, dtype=float),
    "minus one": np.nan_to_num(np.array(CELLS, dtype=float), nan=-1).astype(int),
    "Int64": pd.DataFrame(CELLS, dtype="Int64"),
    "labels of rows": pd.DataFrame(CELLS, index=[3, 3, 1, 0]),
}


@pytest.mark.parametrize("y", FORMS.values(), ids=FORMS)
def test_gaps_may_be_marked_in_any_way(y):
    precision = quietly(average_precision_score, y, PROBA, average=None)
    np.testing.assert_allclose(precision, [5 / 6, 1 / 2, np.nan])
    accuracy = quietly(balanced_accuracy_score, y, PROBA.round(), average=None)
    np.testing.assert_array_equal(accuracy, [1 / 2, 1 / 2, np.nan])


def test_predictions_in_a_frame_are_matched_by_name():
    y = pd.DataFrame({"hood": [0, 1, 1], "sleeve": ["long", "bare", "bare"]})
    assert balanced_accuracy_score(y, y[["sleeve", "hood"]]) == 1
    with pytest.raises(ValueError, match=r"\['hood', 'sleeve'\]\. Got \['hood', 'cuff'\]"):
        balanced_accuracy_score(y, y.set_axis(["hood", "cuff"], axis=1))


def test_predictions_in_an_array_are_matched_by_position():
    y = pd.DataFrame({"hood": [0, 1, 1], "sleeve": ["long", "bare", "bare"]})
    assert balanced_accuracy_score(y, y.to_numpy()) == 1
    assert balanced_accuracy_score([[0], [1]], pd.DataFrame({"hood": [0, 1]})) == 1


def test_a_missing_prediction_is_wrong():
    assert balanced_accuracy_score([[0], [0], [1]], [[0], [None], [1]]) == 0.75


def test_pictures_without_probabilities_are_left_out():
    cells, gap = np.array([[1, 0], [0, 1], [1, 1], [0, 0]]), np.array([False, True, False, False])
    proba = np.where(gap[:, None], np.nan, PROBA[:, :2])
    assert average_precision_score(cells, proba) == average_precision_score(
        cells[~gap], proba[~gap]
    )
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


def test_probabilities_must_be_of_all_classes():
    y = pd.DataFrame({"sleeve": ["long", "bare"]})
    with pytest.raises(ValueError, match=r"Got 3 columns for the 2 classes \['bare', 'long'\]"):
        attribute_report(y, [np.zeros((2, 3))])


@pytest.mark.parametrize("predicted", [[[1, 0]], [1, 0], [[1], [0], [1]]])
def test_predictions_must_be_of_the_shape_of_the_truth(predicted):
    with pytest.raises(ValueError, match=r"y_pred must be of the shape of y_true, \(2, 1\). Got"):
        balanced_accuracy_score([[1], [0]], predicted)


@pytest.mark.parametrize("score", [balanced_accuracy_score, average_precision_score])
def test_another_average_is_an_error(score):
    with pytest.raises(ValueError, match=r"or None\. Got 'weighted'"):
        score([[1], [0]], [[1], [0]], average="weighted")
