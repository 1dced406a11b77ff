import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from attrlearn.metrics import average_precision_score, log_loss, roc_auc_score

SLEEVES = ["bare", "long", "short"]
SCORES = [average_precision_score, log_loss, roc_auc_score]
PROBABILITY = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])  # with ties
WEIGHTS = st.sampled_from([0.25, 0.5, 1.0, 3.0])
DTYPES = st.sampled_from([np.float32, np.float64])


def quietly(score, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score(*args, **kwargs)


@st.composite
def binary_cells(draw, lowest=-1):
    """(N, A) cells 0, 1 and -1, (N, A) probabilities of 1, and (N, A) weights or None."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 2)))
    known = draw(arrays(int, shape, elements=st.integers(lowest, 1)))
    proba = draw(arrays(float, shape, elements=PROBABILITY)).astype(draw(DTYPES))
    return known, proba, draw(st.none() | arrays(float, shape, elements=WEIGHTS))


@st.composite
def sleeves(draw):
    """(N,) codes 0 to 2 or -1, (N, 3) probabilities, and (N,) weights or None."""
    n_rows = draw(st.integers(1, 15))
    known = draw(arrays(int, n_rows, elements=st.integers(-1, 2)))
    counts = draw(arrays(int, (n_rows, 3), elements=st.integers(0, 5)))
    counts[:, 2] += 1
    proba = (counts / counts.sum(axis=1, keepdims=True)).astype(draw(DTYPES))
    return known, proba, draw(st.none() | arrays(float, n_rows, elements=WEIGHTS))


def frame(codes):
    return pd.DataFrame({"sleeve": pd.Categorical.from_codes(codes, SLEEVES)})


@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=40, deadline=None)
@given(drawn=binary_cells())
def test_the_score_of_binary_attributes_is_that_of_scikit_learn_on_the_labelled_cells(score, drawn):
    known, proba, weights = drawn
    found = quietly(score, known, proba, average=None, sample_weight=weights)
    wanted = []
    for a in range(known.shape[1]):
        rows = known[:, a] >= 0
        weight = None if weights is None else weights[rows, a]
        options = {"labels": [0, 1]} if score is log_loss else {}
        if len(set(known[rows, a])) < (1 if score is log_loss else 2):
            wanted.append(np.nan)
        else:
            function = getattr(reference, score.__name__)
            wanted.append(function(known[rows, a], proba[rows, a], sample_weight=weight, **options))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    mean = quietly(score, known, proba, sample_weight=weights)
    np.testing.assert_allclose(mean, quietly(np.nanmean, found))


@pytest.mark.parametrize("score", [average_precision_score, roc_auc_score])
@settings(max_examples=40, deadline=None)
@given(drawn=sleeves())
def test_a_categorical_attribute_scores_as_the_mean_over_its_labelled_classes(score, drawn):
    codes, proba, weights = drawn
    rows, seen = codes >= 0, np.unique(codes[codes >= 0])
    weight = None if weights is None else weights[rows]
    found = quietly(score, frame(codes), [proba], sample_weight=weights)
    if len(seen) < 2:
        assert np.isnan(found)
        return
    one_hot = np.eye(3)[codes[rows]][:, seen]
    function = getattr(reference, score.__name__)
    wanted = function(one_hot, proba[rows][:, seen], sample_weight=weight)
    assert found == pytest.approx(wanted)
    if len(seen) == 3 and score is roc_auc_score:
        wanted = function(codes[rows], proba[rows], multi_class="ovr", sample_weight=weight)
        assert found == pytest.approx(wanted)


@settings(max_examples=40, deadline=None)
@given(sleeves())
def test_the_log_loss_of_a_categorical_attribute_is_that_of_scikit_learn(drawn):
    codes, proba, weights = drawn
    rows = codes >= 0
    weight = None if weights is None else weights[rows]
    found = quietly(log_loss, frame(codes), [proba], sample_weight=weights)
    if not rows.any():
        assert np.isnan(found)
    else:
        wanted = reference.log_loss(
            codes[rows], proba[rows], labels=[0, 1, 2], sample_weight=weight
        )
        assert found == pytest.approx(wanted, rel=1e-5)


def both_classes(drawn):
    """Whether each of two or more attributes has cells of both classes."""
    return drawn[0].shape[1] > 1 and (drawn[0].min(axis=0) < drawn[0].max(axis=0)).all()


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("score", [average_precision_score, roc_auc_score])
@settings(max_examples=25, deadline=None)
@given(drawn=binary_cells(lowest=0).filter(both_classes))
def test_averages_of_complete_binary_cells_are_those_of_scikit_learn(score, average, drawn):
    known, proba, weights = drawn
    options = {"average": average, "sample_weight": None if weights is None else weights[:, 0]}
    wanted = getattr(reference, score.__name__)(known, proba, **options)
    assert score(known, proba, **options) == pytest.approx(wanted)


@settings(max_examples=40, deadline=None)
@given(sleeves(), binary_cells())
def test_micro_averages_pool_the_labelled_cells_of_all_attributes(sleeve, hood):
    n_rows = min(len(sleeve[0]), len(hood[0]))
    codes, hoods = sleeve[0][:n_rows], hood[0][:n_rows, 0]
    by_class, positive = sleeve[1][:n_rows], hood[1][:n_rows, 0]
    y = frame(codes).assign(hood=hoods)
    proba = [by_class, np.column_stack([1 - positive, positive])]
    rows, known = codes >= 0, hoods >= 0
    truth = np.append(np.eye(3)[codes[rows]].ravel(), hoods[known])
    guess = np.append(by_class[rows].ravel(), positive[known])
    for score in (average_precision_score, roc_auc_score):
        found = quietly(score, y, proba, average="micro")
        wanted = np.nan
        if len(set(truth)) == 2:
            wanted = getattr(reference, score.__name__)(truth, guess)
        np.testing.assert_allclose(found, wanted)
    each = quietly(log_loss, y, proba, average=None)
    counts = [rows.sum(), known.sum()]
    wanted = np.average(np.nan_to_num(each), weights=counts) if sum(counts) else np.nan
    np.testing.assert_allclose(quietly(log_loss, y, proba, average="micro"), wanted, rtol=1e-5)


@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=20, deadline=None)
@given(drawn=binary_cells(), data=st.data())
def test_what_is_predicted_for_a_missing_cell_changes_nothing(score, drawn, data):
    known, proba, weights = drawn
    other = data.draw(arrays(proba.dtype, proba.shape, elements=PROBABILITY))
    other = np.where(known < 0, other, proba)
    found, again = (
        quietly(score, known, p, average=None, sample_weight=weights) for p in (proba, other)
    )
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=20, deadline=None)
@given(drawn=binary_cells(), data=st.data())
def test_a_cell_of_weight_0_is_a_missing_one(score, drawn, data):
    known, proba, _ = drawn
    without = data.draw(arrays(bool, known.shape))
    assume((known[~without] >= 0).any() or (known < 0).all())  # else a weight is called for
    found = quietly(score, known, proba, sample_weight=np.where(without, 0, 2))
    np.testing.assert_allclose(
        found, quietly(score, np.where(without, -1, known), proba), rtol=1e-5
    )


CELLS = [[1, 0, 1, None], [0, None, 1, None], [1, 1, None, None], [0, 0, 1, None]]
PROBA = np.array([[9, 4, 3, 5], [2, 9, 1, 5], [3, 3, 3, 5], [6, 2, 5, 5]]) / 10


@pytest.mark.parametrize(
    ("score", "what"), [(average_precision_score, "average precision"), (roc_auc_score, "ROC AUC")]
)
def test_the_mean_leaves_out_what_has_one_class_and_names_it(score, what):
    words = rf"The {what} needs two labelled classes: left out \['Attr3', 'Attr4'\]"
    with pytest.warns(UserWarning, match=words) as record:
        mean = score(CELLS, PROBA)
    with pytest.warns(UserWarning, match=words):
        each = score(CELLS, PROBA, average=None)
    assert isinstance(mean, float)
    assert mean == each[:2].mean()
    assert np.isnan(each[2:]).all()
    assert [w.filename for w in record] == [__file__]


def test_one_class_is_enough_for_the_log_loss():
    words = r"The log loss needs a labelled cell: left out \['Attr4'\]"
    with pytest.warns(UserWarning, match=words):
        each = log_loss(CELLS, PROBA, average=None)
    assert each[2] == pytest.approx(-np.log([0.3, 0.1, 0.5]).mean())
    with pytest.warns(UserWarning, match=words):
        assert log_loss(CELLS, PROBA) == pytest.approx(each[:3].mean())
    assert np.isnan(each[3])


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("score", SCORES)
def test_the_average_of_nothing_is_nan(score, average):
    with pytest.warns(UserWarning, match=r"left out \['Attr1', 'Attr2'\]"):
        assert np.isnan(score([[None, None]], [[0.5, 0.5]], average=average))


def test_micro_needs_positive_and_negative_cells_of_whatever_attribute():
    y, proba = [[1, 0], [1, 0]], [[0.5, 0.25], [0.75, 0.5]]
    assert roc_auc_score(y, proba, average="micro") == 3.5 / 4
    with pytest.warns(UserWarning, match=r"left out \['Attr1'\]"):
        assert np.isnan(roc_auc_score([[1], [1]], [[0.5], [0.75]], average="micro"))


def test_a_certain_error_costs_what_the_precision_allows():
    certain = np.array([[0.0]])
    assert log_loss([[1]], certain) == pytest.approx(52 * np.log(2))
    assert log_loss([[1]], certain.astype(np.float32)) == pytest.approx(23 * np.log(2))


@pytest.mark.parametrize("score", SCORES)
def test_another_average_is_an_error(score):
    with pytest.raises(ValueError, match=r'"macro", "micro" or None\. Got \'weighted\''):
        score([[1], [0]], [[1], [0]], average="weighted")
