import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from attrlearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    harmonic_f1_score,
)

SLEEVES = np.array(["bare", "long", "short"], dtype=object)
SCORES = [accuracy_score, balanced_accuracy_score, f1_score]
WEIGHTS = st.sampled_from([0.25, 0.5, 1.0, 3.0])


def quietly(score, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score(*args, **kwargs)


@st.composite
def cells(draw, n_classes=2, lowest=-1):
    """(N, A) codes, -1 for missing, (N, A) predicted codes and (N, A) weights or None."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 2)))
    known = draw(arrays(int, shape, elements=st.integers(lowest, n_classes - 1)))
    predicted = draw(arrays(int, shape, elements=st.integers(0, n_classes - 1)))
    return known, predicted, draw(st.none() | arrays(float, shape, elements=WEIGHTS))


def text(codes):
    """The codes as names of sleeves, None where missing."""
    return np.where(codes < 0, None, SLEEVES[codes])


def expected(score, known, predicted, weights, **kwargs):
    """scikit-learn's score on the labelled cells of each attribute, NaN without enough classes."""
    function = getattr(reference, score.__name__)
    out = []
    for a in range(known.shape[1]):
        labelled = known[:, a] >= 0
        weight = None if weights is None else weights[labelled, a]
        enough = len(set(known[labelled, a])) >= (1 if score is accuracy_score else 2)
        out.append(
            quietly(
                function, known[labelled, a], predicted[labelled, a], sample_weight=weight, **kwargs
            )
            if enough
            else np.nan
        )
    return out


def both_classes(drawn):
    """Whether each of two or more attributes has cells of both classes."""
    return drawn[0].shape[1] > 1 and (drawn[0].min(axis=0) < drawn[0].max(axis=0)).all()


@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=40, deadline=None)
@given(drawn=cells())
def test_the_score_of_binary_attributes_is_that_of_scikit_learn_on_the_labelled_cells(score, drawn):
    known, predicted, weights = drawn
    found = quietly(score, known, predicted, average=None, sample_weight=weights)
    np.testing.assert_allclose(found, expected(score, known, predicted, weights))
    mean = quietly(score, known, predicted, sample_weight=weights)
    np.testing.assert_allclose(mean, quietly(np.nanmean, found))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("classes", [None, SLEEVES])
@settings(max_examples=40, deadline=None)
@given(drawn=cells(n_classes=3))
def test_the_score_of_text_is_that_of_scikit_learn_on_the_labelled_cells(score, classes, drawn):
    known, predicted, weights = drawn
    classes = None if classes is None else [classes] * known.shape[1]
    found = quietly(
        score, text(known), text(predicted), average=None, sample_weight=weights, classes=classes
    )
    options = {"average": "macro"} if score is f1_score else {}
    np.testing.assert_allclose(found, expected(score, known, predicted, weights, **options))


@settings(max_examples=40, deadline=None)
@given(cells(lowest=0).filter(both_classes), st.sampled_from(["macro", "micro"]))
def test_f1_of_complete_binary_cells_is_that_of_scikit_learn(drawn, average):
    known, predicted, weights = drawn
    options = {"average": average, "sample_weight": None if weights is None else weights[:, 0]}
    wanted = reference.f1_score(known, predicted, **options)
    assert f1_score(known, predicted, **options) == pytest.approx(wanted)


@settings(max_examples=40, deadline=None)
@given(cells(n_classes=3), cells())
def test_micro_averages_pool_the_labelled_cells_of_all_attributes(sleeves, hoods):
    n_rows = min(len(sleeves[0]), len(hoods[0]))
    known, predicted = (np.column_stack([sleeves[i][:n_rows], hoods[i][:n_rows]]) for i in (0, 1))
    n_sleeves = sleeves[0].shape[1]
    y, guessed = (
        pd.concat([pd.DataFrame(text(c[:, :n_sleeves])), pd.DataFrame(c[:, n_sleeves:])], axis=1)
        for c in (known, predicted)
    )
    y.columns = guessed.columns = range(known.shape[1])
    labelled = known >= 0
    right = (known == predicted)[labelled]
    found = quietly(accuracy_score, y, guessed, average="micro")
    np.testing.assert_allclose(found, right.mean() if right.size else np.nan)
    flags = []
    for a, column in enumerate(known.T):
        for c in range(3) if a < n_sleeves else [1]:
            flags.append(np.stack([column == c, predicted[:, a] == c])[:, labelled[:, a]])
    truth, positive = np.concatenate(flags, axis=1)
    found = quietly(f1_score, y, guessed, average="micro")
    occurs = (truth | positive).any()
    np.testing.assert_allclose(found, reference.f1_score(truth, positive) if occurs else np.nan)


@settings(max_examples=40, deadline=None)
@given(cells())
def test_the_harmonic_mean_lies_between_its_two_averages(drawn):
    known, predicted, weights = drawn
    micro, macro, harmonic = (
        quietly(score, known, predicted, sample_weight=weights, **options)
        for score, options in (
            (f1_score, {"average": "micro"}),
            (f1_score, {"average": "macro"}),
            (harmonic_f1_score, {}),
        )
    )
    if np.isnan(macro):
        assert np.isnan(harmonic)
    elif min(micro, macro) == 0:
        assert harmonic == 0
    else:
        assert 1 / harmonic == pytest.approx((1 / micro + 1 / macro) / 2)


@pytest.mark.parametrize("score", [*SCORES, harmonic_f1_score])
@settings(max_examples=20, deadline=None)
@given(drawn=cells(), data=st.data())
def test_what_is_predicted_for_a_missing_cell_changes_nothing(score, drawn, data):
    known, predicted, weights = drawn
    other = data.draw(arrays(int, known.shape, elements=st.integers(0, 1)))
    other = np.where(known < 0, other, predicted)
    found, again = (quietly(score, known, p, sample_weight=weights) for p in (predicted, other))
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("score", [*SCORES, harmonic_f1_score])
@settings(max_examples=20, deadline=None)
@given(drawn=cells(), data=st.data())
def test_a_cell_of_weight_0_is_a_missing_one(score, drawn, data):
    known, predicted, _ = drawn
    without = data.draw(arrays(bool, known.shape))
    assume((known[~without] >= 0).any() or (known < 0).all())  # else a weight is called for
    found = quietly(score, known, predicted, sample_weight=np.where(without, 0, 2))
    np.testing.assert_allclose(found, quietly(score, np.where(without, -1, known), predicted))


def test_a_weight_per_row_counts_for_all_its_cells():
    known, predicted = [[1, 0], [0, None], [0, 1]], [[1, 0], [1, 0], [0, 0]]
    for score in (*SCORES, harmonic_f1_score):
        found = score(known, predicted, sample_weight=[1, 2, 3])
        assert found == score(known, predicted, sample_weight=[[1, 1], [2, 2], [3, 3]])
        assert found != score(known, predicted)


def test_codes_are_no_binary_attribute_if_the_model_says_so():
    known, predicted = [[0], [0], [0], [1]], [[0], [1], [0], [1]]
    assert f1_score(known, predicted) == pytest.approx(2 / 3)
    classes = [np.array([0, 1, 2])]
    assert f1_score(known, predicted, classes=classes) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert f1_score(known, predicted, classes=np.arange(1)) == pytest.approx(2 / 3)


def test_a_missing_prediction_is_wrong():
    assert balanced_accuracy_score([[0], [0], [1]], [[0], [None], [1]]) == 0.75
    assert accuracy_score([["long"], ["bare"]], [[None], ["bare"]]) == 0.5
    assert f1_score([[0], [1], [1]], [[0], [None], [1]]) == pytest.approx(2 / 3)


CELLS = [[1, 0, 1, None], [0, None, 1, None], [1, 1, None, None], [0, 0, 1, None]]
GUESSED = [[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1], [1, 0, 1, 1]]


@pytest.mark.parametrize(
    ("score", "what"), [(balanced_accuracy_score, "balanced accuracy"), (f1_score, "F1")]
)
def test_the_mean_leaves_out_what_has_one_class_and_names_it(score, what):
    words = rf"The {what} needs two labelled classes: left out \['Attr3', 'Attr4'\]"
    with pytest.warns(UserWarning, match=words):
        mean = score(CELLS, GUESSED)
    with pytest.warns(UserWarning, match=words):
        each = score(CELLS, GUESSED, average=None)
    assert isinstance(mean, float)
    assert mean == each[:2].mean()
    assert np.isnan(each[2:]).all()
    if score is f1_score:
        with pytest.warns(UserWarning, match=words) as record:
            harmonic_f1_score(CELLS, GUESSED)
        assert len(record) == 1
        assert record[0].filename == __file__


def test_one_class_is_enough_for_the_accuracy():
    words = r"The accuracy needs a labelled cell: left out \['Attr4'\]"
    with pytest.warns(UserWarning, match=words) as record:
        each = accuracy_score(CELLS, GUESSED, average=None)
    np.testing.assert_allclose(each, [1 / 2, 2 / 3, 1 / 3, np.nan])
    assert record[0].filename == __file__
    with pytest.warns(UserWarning, match=words):
        assert accuracy_score(CELLS, GUESSED) == pytest.approx(1 / 2)


def test_micro_averages_count_what_has_one_class():
    assert accuracy_score(CELLS, GUESSED, average="micro") == 5 / 10
    assert f1_score(CELLS, GUESSED, average="micro") == 2 * 2 / (2 * 2 + 4 + 1)


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("score", [accuracy_score, f1_score])
def test_the_average_of_nothing_is_nan(score, average):
    with pytest.warns(UserWarning, match=r"left out \['Attr1', 'Attr2'\]"):
        assert np.isnan(score([[None, None]], [[0, 0]], average=average))


@pytest.mark.parametrize(
    ("score", "choices"),
    [
        (balanced_accuracy_score, '"macro" or None'),
        (accuracy_score, '"macro", "micro" or None'),
        (f1_score, '"macro", "micro" or None'),
    ],
)
def test_another_average_is_an_error(score, choices):
    with pytest.raises(ValueError, match=rf"average must be {choices}\. Got 'weighted'"):
        score([[1], [0]], [[1], [0]], average="weighted")
