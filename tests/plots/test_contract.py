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
from attrlearn.inspection import AttributeMaps
from attrlearn.model_selection import AttributeKFold
from attrlearn.plots import (
    AttributeCalibrationDisplay,
    AttributeMapDisplay,
    AttributePrecisionRecallDisplay,
    AttributeReportDisplay,
    AttributeThresholdDisplay,
    CooccurrenceDisplay,
    GalleryDisplay,
)

pytestmark = pytest.mark.slow

GRIDS = [
    AttributeCalibrationDisplay,
    AttributePrecisionRecallDisplay,
    AttributeThresholdDisplay,
]
OF_TABLES = [*GRIDS, AttributeReportDisplay, GalleryDisplay]
DISPLAYS = [*OF_TABLES, AttributeMapDisplay]
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


def options_of(display, y):
    """What a display needs beside a table and its predictions: the gallery, images."""
    if display is not GalleryDisplay:
        return {}
    images = np.arange(len(y), dtype=np.uint8)[:, None, None, None] + np.zeros((1, 4, 4, 3), "u1")
    return {"images": images, "attribute": y.columns[-1]}


def draw(display, y, proba, ax=None):
    """A display of a table and its predictions, of the table, or of images with its names."""
    if display is CooccurrenceDisplay:
        return display.from_labels(y, min_labelled=1, ax=ax)
    if display is not AttributeMapDisplay:
        return display.from_predictions(y, proba, ax=ax, **options_of(display, y))
    p = pd.DataFrame(0.5, index=range(2), columns=y.columns)
    maps = np.random.default_rng(0).random((2, len(y.columns), 4, 4), dtype=np.float32)
    images = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    found = AttributeMaps(maps, list(y.columns), p * 2, p, images, "pad")
    return display.from_maps(found, ax=ax)


def drawn(display):
    """Everything that a display shows in numbers and words."""
    parts = list(np.ravel(display.axes_))
    lines = [line.get_xydata() for axes in parts for line in axes.lines]
    bars = [bar.get_width() for axes in parts for bar in axes.patches]
    images = [image.get_array() for axes in parts for image in axes.images]
    words = [axes.get_title() for axes in parts]
    words += [text for axes in parts for text in (axes.get_title("left"), axes.get_xlabel())]
    ticks = [tick.get_text() for axes in parts for tick in axes.get_yticklabels()]
    return [*lines, bars, *images], [*words, *ticks]


@pytest.mark.parametrize("display", OF_TABLES)
def test_from_estimator_draws_its_predictions_in_any_order_of_the_columns(display, estimator):
    y = LABELS[["zip", "hood", "sleeve"]]
    options = options_of(display, y)
    found = display.from_estimator(estimator, FEATURES, y, ax=Figure().subplots(), **options)
    wanted = display.from_predictions(
        LABELS,
        estimator.predict_proba(FEATURES),
        classes=estimator.classes_,
        ax=Figure().subplots(),
        **options,
    )
    (lines, words), (wanted_lines, wanted_words) = drawn(found), drawn(wanted)
    assert words == wanted_words
    for line, other in zip(lines, wanted_lines, strict=True):
        np.testing.assert_array_equal(line, other)


@pytest.mark.parametrize("display", OF_TABLES)
def test_an_estimator_that_does_not_fit_the_table_is_an_error(display):
    clf, options = fit("classifier"), options_of(display, LABELS)
    with pytest.raises(ValueError, match=r"must have the attributes of fit. Got \['hood'\]"):
        display.from_estimator(clf, FEATURES, LABELS[["hood"]], **options)
    X = pd.DataFrame(FEATURES, columns=[*"abcd"])
    with pytest.raises(ValueError, match="must have its rows in the order of X"):
        display.from_estimator(clf, X, LABELS[::-1], **options)


@pytest.mark.parametrize("display", DISPLAYS)
def test_an_estimator_that_is_not_fitted_is_an_error(display):
    y = () if display is AttributeMapDisplay else (LABELS,)
    with pytest.raises(NotFittedError):
        display.from_estimator(
            AttributeClassifier(None), FEATURES, *y, **options_of(display, LABELS)
        )


@pytest.mark.parametrize("display", [*DISPLAYS, CooccurrenceDisplay])
def test_only_a_plot_without_an_axis_makes_a_figure_in_which_it_can_be_read(display, garments, ax):
    before = plt.get_fignums()
    made = draw(display, *garments, ax)
    assert made.ax_ is ax
    assert made.figure_ is ax.figure
    assert {axes.figure for axes in np.ravel(getattr(made, "axes_", ax))} == {ax.figure}
    assert plt.get_fignums() == before
    made.plot()
    assert len(plt.get_fignums()) == len(before) + 1
    np.testing.assert_allclose(made.figure_.get_size_inches(), made.figsize)
    plt.close(made.figure_)


@pytest.mark.parametrize("display", DISPLAYS)
def test_axes_without_a_place_in_a_grid_are_an_error(display, garments):
    with pytest.raises(ValueError, match="must be from subplots or add_subplot"):
        draw(display, *garments, Figure().add_axes((0, 0, 1, 1)))


@pytest.mark.parametrize("display", [*DISPLAYS, CooccurrenceDisplay])
def test_a_name_is_written_as_it_is_and_no_formula(display, ax):
    y = pd.DataFrame({"x" * 99: [1, 0, 1], "$\\broken{$": [0, 1, 1]})
    made = draw(display, y, np.array([[0.2, 0.3], [0.4, 0.6], [0.7, 0.5]]), ax)
    made.figure_.draw_without_rendering()
