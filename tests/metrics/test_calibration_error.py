import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.calibration import calibration_curve

from attrlearn.metrics import expected_calibration_error
from attrlearn.metrics.alignment import align_probabilities
from attrlearn.metrics.calibration_error import calibration_bins

PROBABILITY = st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0])  # with edges of bins
STRATEGIES = st.sampled_from(["uniform", "quantile"])


@st.composite
def cells(draw):
    """(N,) cells 0, 1 and -1, and (N,) probabilities of 1."""
    n_rows = draw(st.integers(1, 25))
    known = draw(arrays(int, n_rows, elements=st.integers(-1, 1)))
    return known, draw(arrays(float, n_rows, elements=PROBABILITY | st.floats(0, 1)))


def error(known, proba, **options):
    """The error of one binary attribute."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return expected_calibration_error(known[:, None], proba[:, None], **options)


@settings(max_examples=40, deadline=None)
@given(cells(), st.integers(1, 12))
def test_uniform_bins_are_those_of_scikit_learn_on_the_labelled_cells(drawn, n_bins):
    # scikit-learn refuses cells of one class
    known, proba = np.append(drawn[0], [0, 1]), np.append(drawn[1], [0.55, 0.85])
    [aligned] = align_probabilities(known[:, None], proba[:, None])
    bins = calibration_bins(aligned, n_bins, "uniform")
    labelled = known >= 0
    rates, means = calibration_curve(known[labelled], proba[labelled], n_bins=n_bins)
    np.testing.assert_allclose(bins["observed_rate"], rates)
    np.testing.assert_allclose(bins["mean_probability"], means)
    assert bins["weight"].sum() == labelled.sum()


@settings(max_examples=40, deadline=None)
@given(cells(), st.integers(1, 8))
def test_the_error_is_the_formula_of_the_papers(drawn, n_bins):
    known, proba = drawn
    labelled = known >= 0
    where = np.clip(np.ceil(proba * n_bins), 1, n_bins)  # (0, 1/n], (1/n, 2/n], ...
    edges = np.isclose(proba * n_bins, np.round(proba * n_bins)) & (proba > 0)
    if not labelled.any() or edges.any():  # where rounding decides
        return
    wanted = sum(
        (labelled & (where == b)).sum()
        / labelled.sum()
        * abs(known[labelled & (where == b)].mean() - proba[labelled & (where == b)].mean())
        for b in np.unique(where[labelled])
    )
    assert error(known, proba, n_bins=n_bins) == pytest.approx(wanted)


@pytest.mark.parametrize("n_bins", [1, 3, 4, 7, 10])
def test_quantile_bins_hold_equally_many_cells(n_bins):
    proba = np.random.default_rng(0).random((84, 1)) ** 3
    [aligned] = align_probabilities(proba > 0.2, proba)
    counts = calibration_bins(aligned, n_bins, "quantile")["weight"]
    assert len(counts) == n_bins
    assert np.ptp(counts) <= 2  # one, and one more where an edge is rounded


@settings(max_examples=40, deadline=None)
@given(cells(), STRATEGIES, st.data())
def test_a_weight_of_two_is_the_cell_twice(drawn, strategy, data):
    known, proba = drawn
    times = data.draw(arrays(int, len(known), elements=st.sampled_from([1, 2])))
    found = error(known, proba, n_bins=4, strategy=strategy, sample_weight=times)
    again = error(np.repeat(known, times), np.repeat(proba, times), n_bins=4, strategy=strategy)
    np.testing.assert_allclose(found, again, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(cells(), STRATEGIES, st.data())
def test_what_is_predicted_for_a_missing_cell_changes_nothing(drawn, strategy, data):
    known, proba = drawn
    other = np.where(known < 0, data.draw(arrays(float, len(known), elements=PROBABILITY)), proba)
    np.testing.assert_array_equal(
        error(known, proba, strategy=strategy), error(known, other, strategy=strategy)
    )


def test_probabilities_that_are_rates_have_no_error_and_certain_errors_one_of_1():
    proba = np.repeat([0.2, 0.6, 0.8], 5)
    known = (np.arange(15) % 5 < np.repeat([1, 3, 4], 5)).astype(int)
    assert error(known, proba) == pytest.approx(0)
    assert error(known, (1 - known).astype(float)) == 1


def test_a_categorical_attribute_is_judged_by_its_most_probable_class():
    y = pd.DataFrame({"sleeve": pd.Categorical(["bare", "long", "long", None, "short"])})
    proba = np.array(
        [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1], [0, 0, 1], [0.4, 0.1, 0.5]]
    )
    # Two right at 0.8; at 0.5 one wrong and one right.
    assert expected_calibration_error(y, [proba]) == pytest.approx(0.5 * 0.2 + 0.5 * 0.0)


def test_micro_bins_the_cells_of_all_attributes_together():
    rng = np.random.default_rng(0)
    y, proba = rng.integers(-1, 2, (30, 3)), rng.random((30, 3))
    found = expected_calibration_error(y, proba, average="micro")
    assert found == pytest.approx(error(y.ravel(), proba.ravel()))
    each = expected_calibration_error(y, proba, average=None)
    assert expected_calibration_error(y, proba) == pytest.approx(each.mean())


def test_an_attribute_without_labelled_cells_is_left_out_and_named():
    words = r"The calibration error needs a labelled cell: left out \['Attr2'\]"
    with pytest.warns(UserWarning, match=words):
        assert expected_calibration_error([[1, None]], [[0.75, 0.5]]) == 0.25


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_bins": 0}, "n_bins must be an int of 1 or more. Got 0. Pass 10."),
        ({"n_bins": 2.5}, "n_bins must be an int of 1 or more. Got 2.5."),
        ({"strategy": "equal"}, 'strategy must be "uniform" or "quantile". Got \'equal\'.'),
        ({"average": "weighted"}, '"macro", "micro" or None. Got \'weighted\''),
    ],
)
def test_wrong_options_are_errors(options, words):
    with pytest.raises(ValueError, match=words):
        expected_calibration_error([[1]], [[0.5]], **options)
