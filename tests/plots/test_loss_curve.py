import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

from attrlearn import AttributeClassifier, LossCurveDisplay


def plot(curve, **options):
    return LossCurveDisplay(loss_curve=curve, **options).plot(Figure().subplots())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1e3), max_size=60), st.integers(1, 30))
def test_steps_count_from_1_and_the_smooth_line_stays_within_the_raw_one(curve, n_epochs):
    display = plot(curve, n_epochs=n_epochs)
    steps = np.arange(1, len(curve) + 1)
    np.testing.assert_array_equal(display.line_.get_xdata(), steps)
    np.testing.assert_array_equal(display.line_.get_ydata(), curve)
    np.testing.assert_array_equal(display.smooth_line_.get_xdata(), steps)
    smooth = display.smooth_line_.get_ydata()
    assert len(smooth) == len(curve)
    if curve:
        slack = 1e-9 * (1 + max(curve))
        assert min(curve) - slack <= smooth.min()
        assert smooth.max() <= max(curve) + slack


def test_the_smooth_line_is_the_mean_over_the_steps_of_an_epoch():
    curve = np.random.default_rng(0).random(50)
    smooth = plot(curve, n_epochs=10).smooth_line_.get_ydata()
    means = np.convolve(curve, np.full(5, 0.2), mode="valid")
    np.testing.assert_allclose(smooth[2:-2], means)
    np.testing.assert_allclose(smooth[[0, -1]], [curve[:3].mean(), curve[-3:].mean()])


def test_the_words_are_on_the_image():
    ax = Figure().subplots()
    LossCurveDisplay(loss_curve=[2, 1]).plot(ax, title="Aimonk_multilabel_problem")
    assert ax.get_xlabel() == "iteration_number"
    assert ax.get_ylabel() == "training_loss"
    assert ax.get_title() == "Aimonk_multilabel_problem"
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["each step", "mean of an epoch"]


def test_without_validation_scores_there_is_one_axis():
    display = plot([2, 1])
    assert display.figure_.axes == [display.ax_]
    assert display.validation_ax_ is None
    assert display.validation_line_ is None


def test_validation_scores_are_on_a_second_axis_at_the_ends_of_the_epochs():
    display = plot(np.linspace(1, 0, 12), n_epochs=3, validation_scores=[0.5, 0.7, 0.9])
    np.testing.assert_array_equal(display.validation_line_.get_xdata(), [4, 8, 12])
    np.testing.assert_array_equal(display.validation_line_.get_ydata(), [0.5, 0.7, 0.9])
    assert display.validation_line_.axes is display.validation_ax_ is not display.ax_
    assert display.validation_ax_.get_ylabel() == "validation_score"
    assert display.ax_.get_legend().get_texts()[-1].get_text() == "validation"


def test_a_single_step_is_a_point_that_can_be_seen_on_a_whole_number():
    display = plot([0.7])
    assert display.line_.get_marker() == "."
    assert plot([0.7, 0.6]).line_.get_marker() == "None"
    left, right = display.ax_.get_xlim()
    assert [tick for tick in display.ax_.get_xticks() if left < tick < right] == [1]


@pytest.mark.parametrize("n_steps", [0, 1, 2, 1000])
def test_a_curve_of_any_length_can_be_written(n_steps, tmp_path):
    display = plot(np.linspace(1, 0, n_steps))
    display.figure_.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 0


def test_from_estimator_draws_what_fit_left_behind():
    X, y = np.eye(8, dtype=np.float32), np.eye(8)[:, :2]
    clf = AttributeClassifier(None, max_epochs=3, batch_size=4).fit(X, y)
    ax = Figure().subplots()
    display = LossCurveDisplay.from_estimator(clf, title="curve", ax=ax)
    np.testing.assert_array_equal(display.line_.get_ydata(), clf.loss_curve_)
    assert len(clf.loss_curve_) == 6
    assert display.n_epochs == 3
    assert ax.get_title() == "curve"


def test_from_estimator_draws_validation_scores_if_there_are_any():
    clf = AttributeClassifier()
    clf.loss_curve_, clf.n_epochs_, clf.validation_scores_ = np.ones(4), 2, [0.1, 0.2]
    display = LossCurveDisplay.from_estimator(clf, ax=Figure().subplots())
    assert display.validation_line_.get_xdata().tolist() == [2, 4]


def test_an_estimator_that_is_not_fitted_is_an_error():
    with pytest.raises(NotFittedError, match="AttributeClassifier instance is not fitted yet"):
        LossCurveDisplay.from_estimator(AttributeClassifier())


def test_only_a_plot_without_an_axis_makes_a_figure():
    before = plt.get_fignums()
    ax = Figure().subplots()
    display = LossCurveDisplay(loss_curve=[2, 1]).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert plt.get_fignums() == before
    display.plot()
    assert len(plt.get_fignums()) == len(before) + 1
    plt.close(display.figure_)
