"""Displays that show all attributes at once."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from attrlearn.metrics import attribute_report, expected_calibration_error
from attrlearn.plots import (
    AttributeCalibrationDisplay,
    AttributePrecisionRecallDisplay,
    AttributeReportDisplay,
    AttributeThresholdDisplay,
)

RNG = np.random.default_rng(0)
N = 300
NAMES = ["hood", "zip", "a very long name of an attribute, $5 to $10"]
LOGITS = RNG.normal(size=(N, 3))
PROBA = pd.DataFrame(1 / (1 + np.exp(-LOGITS)), columns=NAMES)
Y = pd.DataFrame((LOGITS + 2 * RNG.normal(size=(N, 3)) > 0).astype(float), columns=NAMES)
Y = Y.mask(RNG.random(Y.shape) < 0.3)
GRIDS = [AttributeThresholdDisplay, AttributePrecisionRecallDisplay, AttributeCalibrationDisplay]
ALL = [*GRIDS, AttributeReportDisplay]


def labelled(name):
    """Labels and probabilities of the labelled cells."""
    rows = Y[name].notna()
    return Y.loc[rows, name].to_numpy(), PROBA.loc[rows, name].to_numpy()


@pytest.fixture(scope="module")
def thresholds():
    return AttributeThresholdDisplay.from_predictions(
        Y, PROBA, thresholds={"zip": 0.3, "hood": np.nan}, ax=Figure(figsize=(9, 4)).subplots()
    )


@pytest.mark.parametrize("score", ["precision", "recall", "f1"])
def test_curves_over_the_threshold_are_those_of_scikit_learn(thresholds, score):
    of = {"precision": precision_score, "recall": recall_score, "f1": f1_score}[score]
    for name, curve in thresholds.curves.items():
        y, p = labelled(name)
        for row in curve[::17].itertuples():
            expected = of(y, p > row.threshold, zero_division=np.nan if score == "precision" else 0)
            assert getattr(row, score) == pytest.approx(expected, nan_ok=True)


def test_the_chosen_threshold_is_marked(thresholds):
    lines = [[line.get_xdata() for line in ax.lines] for ax in thresholds.axes_]
    vertical = [[x[0] for x in xs if len(x) == 2 and x[0] == x[1]] for xs in lines]
    assert vertical == [[], [0.3], [0.5]]


def test_average_precision_and_calibration_error_are_in_the_titles():
    figures = [Figure(figsize=(9, 4)).subplots() for _ in range(2)]
    precision = AttributePrecisionRecallDisplay.from_predictions(Y, PROBA, ax=figures[0])
    calibration = AttributeCalibrationDisplay.from_predictions(Y, PROBA, ax=figures[1])
    errors = expected_calibration_error(Y, PROBA, average=None)
    for a, name in enumerate(NAMES):
        expected = f"{average_precision_score(*labelled(name)):.2f}"
        assert expected in precision.axes_[a].get_title()
        assert f"{errors[a]:.3f}" in calibration.axes_[a].get_title()


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_the_calibration_error_is_the_formula(strategy):
    for a, name in enumerate(NAMES):
        y, p = labelled(name)
        edges = np.linspace(0, 1, 6)
        if strategy == "quantile":
            edges = np.quantile(p, edges)
        bins = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, 4)
        expected = sum(
            abs(y[bins == b].mean() - p[bins == b].mean()) * np.mean(bins == b)
            for b in range(5)
            if (bins == b).any()
        )
        got = expected_calibration_error(Y, PROBA, n_bins=5, strategy=strategy, average=None)[a]
        assert got == pytest.approx(expected, abs=0.02 if strategy == "quantile" else 1e-9)


def test_rates_have_a_small_calibration_error_and_distorted_ones_a_large_one():
    rng = np.random.default_rng(1)
    p = rng.random((20_000, 1))
    y = (rng.random(p.shape) < p).astype(float)
    assert expected_calibration_error(y, p) < 0.02
    assert expected_calibration_error(y, np.sqrt(p)) > 0.1


def test_bars_are_the_report():
    ax = Figure(figsize=(7, 3)).subplots()
    display = AttributeReportDisplay.from_predictions(Y, PROBA, ax=ax)
    expected = attribute_report(Y, PROBA)
    pd.testing.assert_frame_equal(display.report, expected)
    widths = [bar.get_width() for bar in display.bars_]
    assert widths == pytest.approx(expected["average_precision"].tolist())
    heights = [bar.get_y() for bar in display.bars_]
    order = expected["average_precision"].to_numpy().argsort()
    best_first = [heights[a] for a in order[::-1]]
    assert best_first == sorted(heights)  # downwards


@pytest.mark.parametrize("display", ALL)
@pytest.mark.parametrize("n", [1, 4, pytest.param(77, marks=pytest.mark.slow)])
def test_names_can_be_read_at_any_number_of_attributes(display, n):
    rng = np.random.default_rng(2)
    y, p = rng.integers(0, 2, (30, n)).astype(float), rng.random((30, n))
    options = {"n_permutations": 0} if display is AttributeReportDisplay else {}
    size = display.from_predictions(y, p, ax=Figure().subplots(), **options).figsize
    figure = Figure(figsize=size, layout="constrained")
    drawn = display.from_predictions(y, p, ax=figure.subplots(), **options)
    figure.draw_without_rendering()
    axes = np.ravel(drawn.axes_)
    texts = [ax.title for ax in axes]
    if display is AttributeReportDisplay:
        texts = [text for ax in axes for text in ax.get_yticklabels()]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert len(boxes) == n
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    assert all(box.width > 0 and figure.bbox.padded(2).contains(box.x0, box.y0) for box in boxes)


def test_an_estimator_is_drawn_with_its_thresholds(tabular):
    clf = tabular.set_params(thresholds={"zip": 0.7}).fit(LOGITS, Y)
    ax = Figure(figsize=(9, 4)).subplots()
    display = AttributeThresholdDisplay.from_estimator(clf, LOGITS, Y, ax=ax)
    assert display.thresholds == clf.thresholds_
    for other in [AttributePrecisionRecallDisplay, AttributeCalibrationDisplay]:
        other.from_estimator(clf, LOGITS, Y, ax=Figure(figsize=(9, 4)).subplots())


def test_categorical_attributes_have_no_threshold():
    y, p = [["o"], ["v"], ["o"]], [np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])]
    with pytest.raises(ValueError, match=r"must have a binary attribute\. Got the categorical"):
        AttributeThresholdDisplay.from_predictions(y, p)
