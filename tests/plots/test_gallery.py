import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from attrlearn import AttributeClassifier
from attrlearn.plots import GalleryDisplay

IMAGES = np.arange(8, dtype=np.uint8)[:, None, None, None] + np.zeros((8, 4, 4, 3), np.uint8)
HOOD = [1, 0, None, 1, 0, 1, None, 0]
P = np.array([0.9, 0.2, 0.55, 0.12, 0.7, 0.6, 0.95, 0.4])
TONE = pd.Categorical(["dark", "mid", None, "light", "mid", "dark", "mid", None])
P_TONE = np.random.default_rng(0).dirichlet(np.ones(3), 8)
Y = pd.DataFrame({"hood": HOOD, "tone": TONE})
PROBA = [np.column_stack([1 - P, P]), P_TONE]


def gallery(attribute="hood", images=IMAGES, **options):
    ax = Figure().subplots()
    return GalleryDisplay.from_predictions(
        Y, PROBA, images=images, attribute=attribute, **{"ax": ax, **options}
    )


def rows_of(display):
    return {title: table["row"].tolist() for title, table in display.shown_.items()}


def test_only_labelled_cells_are_wrong_or_typical_and_missing_ones_may_be_unsure():
    assert rows_of(gallery()) == {
        "Most wrong": [3, 4],
        "Most unsure": [2, 5, 7, 4, 1, 3, 0, 6],
        "Typical of 0": [1, 7],
        "Typical of 1": [0, 5],
    }


def test_rows_of_a_categorical_attribute_follow_their_definitions():
    found = rows_of(gallery("tone"))
    codes, best = TONE.codes, P_TONE.argmax(axis=1)
    wrong = [i for i in range(8) if codes[i] >= 0 and best[i] != codes[i]]
    assert found["Most wrong"] == sorted(wrong, key=lambda i: P_TONE[i, codes[i]])
    top = np.sort(P_TONE, axis=1)
    assert found["Most unsure"] == np.argsort(top[:, 2] - top[:, 1]).tolist()
    for code, name in enumerate(TONE.categories):
        right = [i for i in range(8) if codes[i] == code == best[i]]
        assert found.get(f"Typical of {name}", []) == sorted(right, key=lambda i: -P_TONE[i, code])


def test_under_an_image_are_its_label_and_its_probability():
    display = gallery()
    unsure = display.axes_[1]
    assert unsure[0].get_xlabel() == "label missing\np 0.55"
    assert unsure[1].get_xlabel() == "label 1\np 0.60"
    (drawn,) = unsure[1].images
    assert (np.asarray(drawn.get_array()) == 5).all()


def test_unreadable_images_are_left_out_with_a_note_and_others_take_their_place():
    images = list(IMAGES)
    images[2] = b"broken"
    display = gallery(images=images, n_images=2)
    assert rows_of(display)["Most unsure"] == [5, 7]
    assert display.unreadable_ == [2]
    assert "1 unreadable left out" in display.ax_.get_title()


def test_what_has_no_probability_is_nowhere():
    proba = [np.where(np.arange(8)[:, None] == 3, np.nan, p) for p in PROBA]
    display = GalleryDisplay.from_predictions(
        Y, proba, images=IMAGES, attribute="hood", ax=Figure().subplots()
    )
    assert 3 not in [row for rows in rows_of(display).values() for row in rows]


def test_from_estimator_draws_its_predictions():
    features = np.random.default_rng(1).normal(size=(8, 3))
    clf = AttributeClassifier(None, max_epochs=1, random_state=0).fit(features, Y)
    found = GalleryDisplay.from_estimator(
        clf, features, Y[["tone", "hood"]], attribute="tone", images=IMAGES, ax=Figure().subplots()
    )
    wanted = GalleryDisplay.from_predictions(
        Y,
        clf.predict_proba(features),
        classes=clf.classes_,
        images=IMAGES,
        attribute="tone",
        ax=Figure().subplots(),
    )
    for title, table in wanted.shown_.items():
        pd.testing.assert_frame_equal(found.shown_[title], table)
    with pytest.raises(TypeError, match="X must hold paths"):
        GalleryDisplay.from_estimator(clf, features, Y, attribute="tone", ax=Figure().subplots())


@pytest.mark.slow
@pytest.mark.parametrize("n_images", [1, 8])
def test_long_names_can_be_read(n_images):
    classes = [f"a class with a long name, ${k} to $9" for k in range(9)]
    y = pd.DataFrame({"x" * 99: pd.Categorical(classes * 4, categories=classes)})
    chance = np.random.default_rng(0).dirichlet(np.ones(9), 36)
    proba = [0.7 * chance + 0.3 * np.eye(9)[y.iloc[:, 0].cat.codes]]  # some are right
    images = np.zeros((36, 4, 4, 3), np.uint8)
    options = {"images": images, "attribute": "x" * 99, "n_images": n_images}
    size = GalleryDisplay.from_predictions(y, proba, ax=Figure().subplots(), **options).figsize
    figure = Figure(figsize=size, layout="constrained")
    display = GalleryDisplay.from_predictions(y, proba, ax=figure.subplots(), **options)
    figure.draw_without_rendering()
    assert len(display.axes_) == 8
    texts = [inner.xaxis.label for inner in display.axes_.flat if inner.get_xlabel()]
    boxes = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_only_a_plot_without_an_axis_makes_a_figure():
    before = plt.get_fignums()
    display = gallery()
    assert plt.get_fignums() == before
    display.plot()
    np.testing.assert_allclose(display.figure_.get_size_inches(), display.figsize)
    plt.close(display.figure_)


def test_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match=r"Got 'zip'. They are \['hood', 'tone'\]"):
        gallery("zip")
    with pytest.raises(ValueError, match=r"images must be one per row of y_true. Got 7 for 8 rows"):
        gallery(images=IMAGES[:7])
    with pytest.raises(ValueError, match=r"n_images must be at least 1. Got 0"):
        gallery(n_images=0)
