import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from attrlearn import AttributeClassifier
from attrlearn.inspection import LabelLearningCurve
from attrlearn.plots import LabelLearningCurveDisplay

NAMES = ["$hood{$", "zip", "(mean)"]


@pytest.fixture
def curve():
    """Two splits at three shares; the first attribute cannot be scored in the second split."""
    rows = [
        {
            "attribute": name,
            "share": share,
            "labelled": 80 * share + a,
            "split": split,
            "repeat": 0,
            "score": np.nan if (a, split) == (0, 1) else 0.5 + 0.1 * a + 0.2 * share + 0.1 * split,
        }
        for a, name in enumerate(NAMES)
        for share in (0.25, 0.5, 1.0)
        for split in (0, 1)
    ]
    summary = pd.DataFrame(
        {
            "gain": [np.nan, 0.1, -0.01],
            "still_rises": pd.array([pd.NA, True, False], dtype="boolean"),
        },
        index=NAMES,
    )
    return LabelLearningCurve(pd.DataFrame(rows), summary, "roc_auc")


def test_each_attribute_has_a_line_of_means_in_a_band_and_the_mean_is_first(curve, ax):
    display = LabelLearningCurveDisplay(curve=curve).plot(ax)
    titles = [axes.get_title().split("\n") for axes in display.axes_]
    assert titles == [
        ["(mean)", "last gain -0.010"],
        [r"\$hood{\$", ""],
        ["zip", "last gain +0.100"],
    ]
    line = display.axes_[2].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [21, 41, 81])
    np.testing.assert_allclose(line.get_ydata(), [0.7, 0.75, 0.85])
    (band,) = display.axes_[2].collections
    np.testing.assert_allclose(np.ptp(band.get_paths()[0].vertices[:, 1]), 0.15 + 0.1 * 2**0.5)
    assert [to_hex(axes.lines[0].get_color()) for axes in display.axes_] == [
        to_hex("C0"),
        to_hex("0.45"),
        to_hex("C1"),
    ]
    low, high = display.axes_[0].get_ylim()
    assert all(axes.get_ylim() == (low, high) for axes in display.axes_)
    assert low <= 0.55 - 0.05
    display.figure_.draw_without_rendering()


def test_only_a_plot_without_axes_makes_a_figure_of_its_size(curve, ax):
    before = plt.get_fignums()
    display = LabelLearningCurveDisplay(curve=curve).plot(ax)
    assert display.ax_ is ax
    assert plt.get_fignums() == before
    display.plot()
    np.testing.assert_allclose(display.figure_.get_size_inches(), display.figsize)
    plt.close(display.figure_)


def test_from_estimator_draws_what_the_function_finds(ax):
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    display = LabelLearningCurveDisplay.from_estimator(
        clf, X, X[:, :2] > 0, train_sizes=[0.5, 1], cv=2, scoring="roc_auc", ax=ax
    )
    assert display.curve.scoring == display.axes_[0].get_ylabel() == "roc_auc"
    wanted = display.curve.summary.loc["(mean)", "score"]
    assert display.axes_[0].lines[0].get_ydata()[-1] == pytest.approx(wanted)
