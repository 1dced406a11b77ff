import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from attrlearn import AttributeClassifier
from attrlearn.inspection import AttributeMaps, explain
from attrlearn.plots import AttributeMapDisplay
from attrlearn.plots.attribute_maps import overlay


@pytest.fixture(scope="module")
def clf():
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    y = pd.DataFrame({f"a{i}": [0.0, 1.0] * 4 for i in range(5)} | {"tone": ["dark", "light"] * 4})
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, random_state=0
    )
    return clf.fit(images, y), images


def random_maps(n_rows, names):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((n_rows, len(names))), columns=names)
    return AttributeMaps(
        maps=rng.random((n_rows, len(names), 8, 8), dtype=np.float32),
        attributes=list(names),
        classes=pd.DataFrame(1, table.index, table.columns),
        probabilities=table,
        images=rng.integers(0, 256, (n_rows, 16, 16, 3), dtype=np.uint8),
        resize="squash",
    )


def titles(display):
    return [[inner.get_title() for inner in row] for row in display.axes_]


def test_the_most_probable_attributes_of_each_image_are_drawn_with_their_probability(clf):
    clf, images = clf
    display = AttributeMapDisplay.from_estimator(clf, images[:3], top=2, ax=Figure().subplots())
    everything = explain(clf, images[:3])
    for row, (_, *found) in enumerate(titles(display)):
        p = everything.probabilities.iloc[row].sort_values(ascending=False, kind="stable")[:2]
        for title, (name, value) in zip(found, p.items(), strict=True):
            shown = everything.classes[name].iloc[row]
            expected = f"{value:.2f}" if shown == 1 else f"{shown} {value:.2f}"
            assert title == f"{name}\n{expected}"


def test_what_is_drawn_is_the_map_of_that_attribute(clf):
    clf, images = clf
    display = AttributeMapDisplay.from_estimator(clf, images[:2], ["tone"], ax=Figure().subplots())
    expected = explain(clf, images[:2], "tone")
    for row in range(2):
        (drawn,) = display.axes_[row, 1].images
        lies = overlay(images[row], expected.of("tone")[row])
        np.testing.assert_array_equal(drawn.get_array(), lies)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 4, 77])
def test_titles_can_be_read_at_any_number_of_attributes(n):
    maps = random_maps(3, [f"a long name of an attribute, ${i} to $10" for i in range(n)])
    size = AttributeMapDisplay.from_maps(maps, ax=Figure().subplots()).figsize
    figure = Figure(figsize=size, layout="constrained")
    display = AttributeMapDisplay.from_maps(maps, ax=figure.subplots())
    figure.draw_without_rendering()
    assert display.axes_.shape == (3, 1 + min(n, 5))
    texts = [inner.title for inner in display.axes_.flat] + [display.ax_.title]
    boxes = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    if n > 1:
        assert all(figure.bbox.padded(2).contains(box.x0, box.y0) for box in boxes)


def test_only_a_plot_without_an_axis_makes_a_figure():
    ax = Figure().subplots()
    before = plt.get_fignums()
    display = AttributeMapDisplay.from_maps(random_maps(1, ["hood"]), ax=ax)
    assert display.ax_ is ax
    assert plt.get_fignums() == before
    display.plot()
    np.testing.assert_allclose(display.figure_.get_size_inches(), display.figsize)
    plt.close(display.figure_)


def test_where_there_is_no_evidence_the_image_is_gray_and_elsewhere_it_is_not():
    image = np.full((4, 4, 3), [200, 100, 50], dtype=np.uint8)
    heat = np.zeros((4, 4), dtype=np.float32)
    heat[1, 2] = 0.3
    laid = overlay(image, heat)
    coloured = np.ptp(laid.astype(int), axis=2) > 0
    assert coloured[1, 2]
    assert coloured.sum() == 1


def test_less_than_one_attribute_is_an_error():
    with pytest.raises(ValueError, match=r"top must be at least 1. Got 0"):
        AttributeMapDisplay.from_maps(random_maps(1, ["hood"]), top=0)
