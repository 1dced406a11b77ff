import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure
from sklearn.metrics import f1_score, precision_score, recall_score

from attrlearn.metrics.alignment import align_probabilities
from attrlearn.plots import AttributeThresholdDisplay
from attrlearn.plots.threshold_curves import threshold_curve

PROBABILITY = st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1)


def marks(axes):
    """The places of the vertical lines."""
    lines = [line.get_xdata() for line in axes.lines]
    return [x[0] for x in lines if len(x) == 2 and x[0] == x[1]]


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_at_each_threshold_stand_the_scores_of_what_is_above_it(data):
    n_rows = data.draw(st.integers(2, 20))
    known = data.draw(arrays(int, n_rows, elements=st.integers(-1, 1)))
    proba = data.draw(arrays(float, n_rows, elements=PROBABILITY))
    [cells] = align_probabilities(known[:, None], proba[:, None])
    curve = threshold_curve(cells)
    labelled = known >= 0
    truth, p = known[labelled], proba[labelled]
    assert len(curve) == 0 or set(truth) == {0, 1}
    for threshold in [*data.draw(st.lists(PROBABILITY, max_size=5)), *p] if len(curve) else ():
        row = curve[curve["threshold"] <= threshold].iloc[-1]
        guess = p > threshold
        wanted = precision_score(truth, guess, zero_division=np.nan)
        np.testing.assert_allclose(row["precision"], wanted)
        np.testing.assert_allclose(row["recall"], recall_score(truth, guess))
        np.testing.assert_allclose(row["f1"], f1_score(truth, guess, zero_division=0))


def test_recall_never_rises_and_long_curves_are_thinned():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 2, (5000, 1))
    [cells] = align_probabilities(known, 0.3 * known + 0.7 * rng.random((5000, 1)))
    curve = threshold_curve(cells)
    assert len(curve) == 1000
    assert curve["threshold"].is_monotonic_increasing
    assert curve["recall"].is_monotonic_decreasing
    assert (curve["recall"].iloc[0], curve["recall"].iloc[-1]) == (1, 0)


def test_categorical_attributes_are_left_out(garments, ax):
    display = AttributeThresholdDisplay.from_predictions(*garments, ax=ax)
    assert list(display.curves) == ["hood", "zip"]
    assert len(display.axes_) == 2
    y, proba = garments
    with pytest.raises(ValueError, match=r"binary attribute. Got the categorical \['sleeve'\]"):
        AttributeThresholdDisplay.from_predictions(y[["sleeve"]], proba[1:2])


def test_the_threshold_is_marked_and_its_f1_written(garments, ax):
    display = AttributeThresholdDisplay.from_predictions(*garments, thresholds={"zip": 0.3}, ax=ax)
    assert [marks(axes) for axes in display.axes_] == [[0.5], [0.3]]
    y, proba = garments
    labelled = y["zip"].notna()
    f1 = f1_score(y["zip"][labelled], proba[2][labelled, 1] > 0.3)
    assert display.axes_[1].get_title() == f"zip\nF1 {f1:.2f} at 0.30"


def test_an_attribute_that_abstains_has_no_mark(garments, ax):
    thresholds = {"hood": np.nan, "zip": 1}
    display = AttributeThresholdDisplay.from_predictions(*garments, thresholds=thresholds, ax=ax)
    assert [marks(axes) for axes in display.axes_] == [[], [1]]
    assert display.axes_[0].get_title() == "hood\nno threshold"


def test_attributes_of_one_class_keep_an_empty_place():
    ax = Figure().subplots()
    display = AttributeThresholdDisplay.from_predictions([[1, 1], [1, 0]], np.eye(2), ax=ax)
    assert display.axes_[0].get_title() == "Attr1\nfewer than two classes"
    assert len(display.axes_[0].lines) == 0
    assert len(display.axes_[1].lines) == 4


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"sleeve": 0.5}, r"must name binary attributes. Got 'sleeve'. They are \['hood', 'zip'\]"),
        ({"zip": 2}, "must be from 0 to 1, or NaN for none. Got 2 for attribute 'zip'"),
        ({"zip": "0.5"}, "Got '0.5' for attribute 'zip'"),
    ],
)
def test_wrong_thresholds_are_errors(thresholds, words, garments):
    with pytest.raises(ValueError, match=words):
        AttributeThresholdDisplay.from_predictions(*garments, thresholds=thresholds)
