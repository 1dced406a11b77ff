"""What the displays of all attributes share with those of scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attrlearn import AttributeClassifier
from attrlearn.model_selection import AttributeKFold
from attrlearn.plots import (
    AttributeCalibrationDisplay,
    AttributePrecisionRecallDisplay,
    AttributeReportDisplay,
    AttributeThresholdDisplay,
    CooccurrenceDisplay,
)

pytestmark = pytest.mark.slow

GRIDS = [
    AttributeCalibrationDisplay,
    AttributePrecisionRecallDisplay,
    AttributeThresholdDisplay,
]
DISPLAYS = [*GRIDS, AttributeReportDisplay]
FEATURES = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
LABELS = pd.DataFrame(
    {
        "hood": (FEATURES[:, 0] > 0).astype(float),
        "sleeve": np.where(FEATURES[:, 1] > 0, "long", "bare"),
        "zip": (FEATURES[:, 2] > 0).astype(float),
    }
).mask(np.random.default_rng(1).random((60, 3)) < 0.2)


def fit(kind):
    """A fitted estimator of that kind."""
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    if kind == "pipeline":
        clf = make_pipeline(StandardScaler(), clf)
    if kind == "search":
        clf = GridSearchCV(clf, {"dropout": [0.1]}, cv=AttributeKFold(2))
    return clf.fit(FEATURES, LABELS)


@pytest.fixture(scope="module", params=["pipeline", "search"])
def estimator(request):
    return fit(request.param)


def draw(display, y, proba, ax):
    """A display of a table and probabilities, as far as it needs both."""
    if display is CooccurrenceDisplay:
        return display.from_labels(y, min_labelled=1, ax=ax)
    return display.from_predictions(y, proba, ax=ax)


def drawn(display):
    """Everything that a display shows in numbers and words."""
    lines = [line.get_xydata() for axes in display.axes_ for line in axes.lines]
    bars = [bar.get_width() for axes in display.axes_ for bar in axes.patches]
    words = [axes.get_title() for axes in display.axes_]
    ticks = [tick.get_text() for axes in display.axes_ for tick in axes.get_yticklabels()]
    return [*lines, bars], [*words, *ticks]


@pytest.mark.parametrize("display", DISPLAYS)
def test_from_estimator_draws_its_predictions_in_any_order_of_the_columns(display, estimator):
    y = LABELS[["zip", "hood", "sleeve"]]
    found = display.from_estimator(estimator, FEATURES, y, ax=Figure().subplots())
    wanted = display.from_predictions(
        LABELS,
        estimator.predict_proba(FEATURES),
        classes=estimator.classes_,
        ax=Figure().subplots(),
    )
    (lines, words), (wanted_lines, wanted_words) = drawn(found), drawn(wanted)
    assert words == wanted_words
    for line, other in zip(lines, wanted_lines, strict=True):
        np.testing.assert_array_equal(line, other)


@pytest.mark.parametrize("display", DISPLAYS)
def test_an_estimator_that_does_not_fit_the_table_is_an_error(display):
    clf = fit("classifier")
    with pytest.raises(ValueError, match=r"must have the attributes of fit. Got \['hood'\]"):
        display.from_estimator(clf, FEATURES, LABELS[["hood"]])
    with pytest.raises(ValueError, match="must have its rows in the order of X"):
        display.from_estimator(clf, pd.DataFrame(FEATURES, columns=[*"abcd"]), LABELS[::-1])
    with pytest.raises(NotFittedError):
        display.from_estimator(AttributeClassifier(None), FEATURES, LABELS)


@pytest.mark.parametrize("display", [*DISPLAYS, CooccurrenceDisplay])
def test_only_a_plot_without_an_axis_makes_a_figure_in_which_it_can_be_read(display, garments, ax):
    before = plt.get_fignums()
    made = draw(display, *garments, ax=ax)
    assert made.ax_ is ax
    assert made.figure_ is ax.figure
    assert {axes.figure for axes in getattr(made, "axes_", [ax])} == {ax.figure}
    assert plt.get_fignums() == before
    made.plot()
    assert len(plt.get_fignums()) == len(before) + 1
    np.testing.assert_allclose(made.figure_.get_size_inches(), made.figsize)
    plt.close(made.figure_)


@pytest.mark.parametrize("display", DISPLAYS)
def test_axes_without_a_place_in_a_grid_are_an_error(display, garments):
    with pytest.raises(ValueError, match="must be from subplots or add_subplot"):
        display.from_predictions(*garments, ax=Figure().add_axes((0, 0, 1, 1)))


@pytest.mark.parametrize("display", [*DISPLAYS, CooccurrenceDisplay])
def test_a_name_is_written_as_it_is_and_no_formula(display, ax):
    y = pd.DataFrame({"$\\broken{$": [0, 1, 1], "x" * 99: [1, 0, 1]})
    made = draw(display, y, np.array([[0.2, 0.3], [0.4, 0.6], [0.7, 0.5]]), ax=ax)
    made.figure_.draw_without_rendering()
