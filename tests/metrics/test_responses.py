import re

import numpy as np
import pandas as pd
import pytest

from attrlearn import metrics
from attrlearn.metrics import (
    accuracy_score,
    attribute_report,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    roc_auc_score,
)

OF_CLASSES = [accuracy_score, balanced_accuracy_score, f1_score, metrics.harmonic_f1_score]
OF_PROBABILITIES = [metrics.average_precision_score, roc_auc_score, log_loss, attribute_report]
SLEEVES = ["bare", "long", "short"]


# Order of the rows


@pytest.mark.parametrize("score", OF_CLASSES + OF_PROBABILITIES)
def test_rows_out_of_step_are_an_error(score):
    y = pd.DataFrame({"hood": [0, 1, 1], "zip": [0, 1, 0]}, index=["a", "b", "c"])
    name = "y_pred" if score in OF_CLASSES else "y_proba"
    words = (
        f"{name} must have its rows in the order of y_true. Got label 'c' at row 1, where y_true "
        f"has 'b': the same labels in another order. Pass {name}.loc[y_true.index], or"
    )
    with pytest.raises(ValueError, match=re.escape(words)):
        score(y, y.loc[["a", "c", "b"]])


@pytest.mark.parametrize("score", OF_CLASSES + OF_PROBABILITIES[:3])
def test_weights_out_of_step_are_an_error(score):
    y = pd.DataFrame({"hood": [0, 1, 1]}, index=["a", "b", "c"])
    words = "sample_weight must have its rows in the order of y_true. Got label 'c' at row 0"
    with pytest.raises(ValueError, match=words):
        score(y, y, sample_weight=pd.Series([1, 2, 3], index=["c", "b", "a"]))


@pytest.mark.parametrize("score", OF_PROBABILITIES)
def test_tables_of_classes_out_of_step_are_an_error(score):
    y = pd.DataFrame({"hood": [0, 1], "zip": [0, 1]}, index=["a", "b"])
    proba = pd.DataFrame(np.eye(2), index=["a", "b"])
    score(y, [proba, proba.to_numpy()])
    words = r"y_proba\[1\] must have its rows in the order of y_true. Got label 'b' at row 0"
    with pytest.raises(ValueError, match=words):
        score(y, [proba, proba[::-1]])
    with pytest.raises(ValueError, match=r"y_proba\[1\] must .* the order of y_proba\[0\]\. Got"):
        score(y.to_numpy(), [proba, proba[::-1]])


def test_predictions_with_labels_of_their_own_belong_by_position():
    y = pd.DataFrame({"hood": [0, 1, 1]}, index=["c", "a", "b"])
    assert balanced_accuracy_score(y, y.reset_index(drop=True)) == 1
    assert roc_auc_score(y, y.reset_index(drop=True)) == 1


# Rows


@pytest.mark.parametrize("rows", [np.zeros((0, 1)), [], pd.DataFrame({"hood": []})])
@pytest.mark.parametrize("score", OF_CLASSES + OF_PROBABILITIES)
def test_no_rows_are_an_error(score, rows):
    with pytest.raises(ValueError, match=r"y_true must have at least one row\. Got 0 rows\."):
        score(rows, rows)


# Classes


@pytest.mark.parametrize("score", OF_CLASSES)
@pytest.mark.parametrize("classes", [None, np.arange(2)])
def test_text_for_numbers_is_an_error(score, classes):
    y = pd.DataFrame({"hood": [1, 0, 1], "zip": [1, 0, 1]})
    words = r"y_pred must hold classes of the kind .* Got '1' at row 0, attribute 'hood'\. Convert"
    with pytest.raises(ValueError, match=words + " the column to numbers"):
        score(y, y.astype(str), classes=classes)


@pytest.mark.parametrize("score", OF_CLASSES)
@pytest.mark.parametrize("classes", [None, [["0", "1"]]])
@pytest.mark.parametrize("declared", [False, True])
def test_numbers_for_text_are_an_error(score, classes, declared):
    y = pd.DataFrame({"hood": [None, "0", "1"]})
    y = y.astype("category") if declared else y
    words = r"y_pred must hold .*\['0', '1'\]\. Got 1 at row 1, attribute 'hood'\. Convert .* text"
    with pytest.raises(ValueError, match=words):
        score(y, np.array([[None], [1], [0]], dtype=object), classes=classes)


def test_an_array_that_made_text_of_numbers_is_an_error():
    y = pd.DataFrame({"hood": [1, 0], "sleeve": ["long", "bare"]})
    predicted = np.array([[1, "long"], [0, "bare"]])  # numpy has one type for all of them
    with pytest.raises(ValueError, match=r"Got '1' at row 0, attribute 'hood'\. Convert"):
        accuracy_score(y, predicted)
    assert accuracy_score(y, [[1, "long"], [0, "bare"]]) == 1


@pytest.mark.parametrize("score", OF_CLASSES)
@pytest.mark.parametrize("wrong", [2, -2, 7.0])
def test_a_binary_attribute_is_predicted_to_be_0_or_1(score, wrong):
    y, predicted = [[0], [1], [1]], [[0], [1], [wrong]]
    words = rf"its attribute, \[0, 1\], or missing. Got {wrong} at row 2, attribute 'Attr1'"
    with pytest.raises(ValueError, match=words + r"\. If the attribute has numeric class codes"):
        score(y, predicted)
    with pytest.raises(ValueError, match=words + r"\. Pass what predict gave, and the classes_"):
        score(y, predicted, classes=np.arange(1))


@pytest.mark.parametrize("score", OF_CLASSES)
@pytest.mark.parametrize("declared", [False, True])
def test_what_is_predicted_must_be_among_the_classes_that_are_given(score, declared):
    y = pd.DataFrame({"sleeve": ["bare", "long", "short"]})
    y = y.astype("category") if declared else y
    words = r"its attribute, \['bare', 'long'\], or missing\. Got 'short' at row 2, .* 'sleeve'"
    with pytest.raises(ValueError, match=words):
        score(y, y, classes=[["bare", "long"]])


def test_the_cure_of_numeric_codes_works():
    y, predicted = [[0], [1], [1]], [[0], [1], [2]]
    assert accuracy_score(y, predicted, classes=[np.arange(3)]) == pytest.approx(2 / 3)
    declared = pd.DataFrame({"size": pd.Categorical([0, 1, 1], categories=[0, 1, 2])})
    assert accuracy_score(declared, predicted) == pytest.approx(2 / 3)


@pytest.mark.parametrize("declared", [False, True])
def test_a_class_that_a_fold_happens_to_lack_may_be_predicted(declared):
    y = pd.DataFrame({"sleeve": ["bare", "long"], "size": [3, 4]})
    y = y.astype("category") if declared else y
    predicted = [["bare", 3], ["short", 5]]
    np.testing.assert_array_equal(accuracy_score(y, predicted, average=None), [1 / 2, 1 / 2])


@pytest.mark.parametrize("gap", [-1, None, np.nan])
@pytest.mark.parametrize(
    ("y", "f1"),
    [
        ([[0], [1], [1]], 2 / 3),
        ([[3], [4], [4]], (1 + 2 / 3) / 2),
        (pd.DataFrame({"size": pd.Categorical([3, 4, 4])}), (1 + 2 / 3) / 2),
    ],
    ids=["binary", "codes", "declared"],
)
def test_minus_one_is_a_missing_prediction_and_no_class(y, f1, gap):
    predicted = np.array(y).astype(object)
    predicted[1] = gap
    assert accuracy_score(y, predicted) == pytest.approx(2 / 3)
    assert f1_score(y, predicted) == pytest.approx(f1)


# Probabilities

LOGITS = np.array([[3.0], [-2.0]])


@pytest.mark.parametrize("score", OF_PROBABILITIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_are_no_probabilities(score, dtype):
    words = (
        r"y_proba must hold probabilities, from 0 to 1\. Got {} at row {}, attribute 'hood'\. "
        "Pass what predict_proba gave; logits go through a sigmoid or, by class, a softmax first"
    )
    y = pd.DataFrame({"zip": [0, 1], "hood": [1, 0]})
    logits = np.column_stack([[0, 1], LOGITS]).astype(dtype)
    with pytest.raises(ValueError, match=words.format(r"3\.0", 0)):
        score(y, logits)
    with pytest.raises(ValueError, match=words.format(r"-2\.0", 1)):
        score(y, [np.eye(2), np.column_stack([[0.25, -2], [0.75, 3]]).astype(dtype)])
    with pytest.raises(ValueError, match=words.format("inf", 0)):
        score(y, np.array([[0, np.inf], [1, 0.5]], dtype))


@pytest.mark.parametrize("score", OF_PROBABILITIES)
def test_probabilities_of_all_classes_sum_to_1(score):
    y = pd.DataFrame({"sleeve": pd.Categorical(["bare", "long"], categories=SLEEVES)})
    sigmoids = np.array([[0.5, 0.25, 0.25], [0.5, 0.75, 0.25]])
    words = r"sum to 1 over the classes .* Got 1\.5 at row 1, attribute 'sleeve'\. Pass what pred"
    with pytest.raises(ValueError, match=words):
        score(y, [sigmoids])
    hood = pd.DataFrame({"hood": [0, 1]})
    with pytest.raises(ValueError, match=r"Got 0\.5 at row 0, attribute 'hood'"):
        score(hood, [np.array([[0.25, 0.25], [0.5, 0.5]])])


@pytest.mark.parametrize("score", OF_PROBABILITIES)
def test_roundings_are_forgiven(score):
    y = pd.DataFrame({"sleeve": pd.Categorical(["bare", "long"], categories=SLEEVES)})
    third = np.float32(0.333984375)  # 1/3 in bfloat16
    score(y, [np.full((2, 3), third)])
    score([[1], [0]], np.array([[1 + 5e-7], [-5e-7]]))
    score([[1], [0], [1]], [np.array([[0.5, 0.5], [0.25, 0.75], [np.nan, 0.5]])])


def test_probabilities_of_the_model_pass(tabular):
    rng = np.random.default_rng(0)
    X = rng.normal(scale=30, size=(200, 4))
    y = pd.DataFrame({"size": pd.Categorical(rng.integers(0, 40, 200)), "hood": X[:, 0] > 0})
    proba = tabular.fit(X, y).predict_proba(X)
    assert proba[0].dtype == np.float32
    assert log_loss(y, proba) > 0


@pytest.mark.parametrize("score", OF_PROBABILITIES)
def test_text_is_no_probability(score):
    words = r"y_proba must hold numbers\. Got '0\.75' at row 1, column 0\. Convert"
    with pytest.raises(ValueError, match=words):
        score([[1], [0]], pd.DataFrame({"hood": [0.25, "0.75"]}, dtype=object))
    with pytest.raises(ValueError, match=r"Got '0\.25' at row 0, column 0\. Convert"):
        score([[1], [0]], [np.array([["0.25", "0.75"], ["0.5", "0.5"]])])
