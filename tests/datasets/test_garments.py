"""The drawn garments: laws of their labels, their files and their difficulty."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attrlearn.datasets import make_attribute_images
from attrlearn.datasets.garments import CATEGORIES, PATTERNS, PREVALENCES, draw_garment

PLAIN = dict.fromkeys(PREVALENCES, 0.0) | {"pattern": "plain"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """600 garments with the default gaps: folder, X, y."""
    folder = tmp_path_factory.mktemp("garments") / "new" / "set"
    return folder, *make_attribute_images(600, folder, random_state=0)


def read_pixels(X):
    return np.stack([np.asarray(Image.open(path)) for path in X["image"]])


def assert_likely(count, n, p):
    """Fail if a binomial count is one of the rarest in 100,000."""
    low, high = binom.interval(1 - 1e-5, n, p)
    assert low <= count <= high


def test_tables_have_the_promised_columns_and_types(drawn):
    _, X, y = drawn
    assert list(X) == ["image", "category"]
    assert list(y) == [*PREVALENCES, "pattern"]
    assert all(y[name].dtype == np.float64 for name in PREVALENCES)
    assert list(y["pattern"].cat.categories) == list(PATTERNS)
    assert pd.api.types.is_string_dtype(X["category"])
    assert set(X["category"]) == set(CATEGORIES)


@pytest.mark.parametrize("n", [20, 41, 60])
def test_every_share_is_met_up_to_one_image(tmp_path, n):
    X, y = make_attribute_images(n, tmp_path, size=16, missing_rate=0, random_state=n)
    shares = {name: p for name, p in PREVALENCES.items() if name != "long_sleeves"}
    for name, p in shares.items():
        assert abs(y[name].sum() - n * p) < 1
    for counts, shares in (
        (y["pattern"].value_counts(), PATTERNS),
        (X["category"].value_counts(), dict.fromkeys(CATEGORIES, 1 / 3)),
    ):
        for name, p in shares.items():
            # A middle class has two ragged ends.
            assert abs(counts[name] - n * p) < 2
    assert y["logo"].sum() >= 1


def test_prevalence_among_the_labelled_cells_is_the_promised_one(drawn):
    _, _, y = drawn
    for name, p in PREVALENCES.items():
        assert_likely(y[name].sum(), y[name].count(), p)
    for name, p in PATTERNS.items():
        assert_likely((y["pattern"] == name).sum(), y["pattern"].count(), p)


def test_cells_are_missing_at_the_rate_whatever_their_value(tmp_path):
    rate = 0.35
    X, truth = make_attribute_images(150, tmp_path / "a", size=16, missing_rate=0, random_state=5)
    _, y = make_attribute_images(150, tmp_path / "b", size=16, missing_rate=rate, random_state=5)
    for value in (0, 1):
        cells = truth[[*PREVALENCES]] == value
        gaps = y[[*PREVALENCES]].isna() & cells
        assert_likely(gaps.to_numpy().sum(), cells.to_numpy().sum(), rate)
    assert_likely(y["pattern"].isna().sum(), len(y), rate)
    assert truth.drop(columns="long_sleeves").notna().all(axis=None)
    assert (truth["long_sleeves"].isna() == (X["category"] == "trousers")).all()


def test_sleeves_are_never_labelled_on_trousers(drawn):
    _, X, y = drawn
    labelled = y["long_sleeves"].notna().groupby(X["category"]).mean()
    assert labelled["trousers"] == 0
    assert labelled[["dress", "shirt"]].between(0.6, 0.95).all()


def test_a_lower_missing_rate_fills_gaps_and_changes_nothing_else(tmp_path):
    X, sparse = make_attribute_images(12, tmp_path / "a", missing_rate=0.6, random_state=1)
    X2, dense = make_attribute_images(12, tmp_path / "b", missing_rate=0.1, random_state=1)
    assert sparse.isna().to_numpy().sum() > dense.isna().to_numpy().sum()
    assert ((sparse == dense) | sparse.isna()).all(axis=None)
    np.testing.assert_array_equal(read_pixels(X), read_pixels(X2))


def test_the_same_random_state_writes_the_same_bytes(tmp_path):
    def contents(name, random_state):
        _, y = make_attribute_images(6, tmp_path / name, random_state=random_state)
        return y, {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    (y, files), (y2, files2) = contents("a", 3), contents("b", 3)
    pd.testing.assert_frame_equal(y, y2)
    assert files == files2
    assert contents("c", np.random.default_rng(3))[1] == files
    assert contents("d", 4)[1] != files


def test_the_global_random_state_is_left_alone(tmp_path):
    before = np.random.get_state()[1:3]
    make_attribute_images(2, tmp_path, random_state=1)
    np.testing.assert_equal(np.random.get_state()[1:3], before)


@pytest.mark.parametrize("missing_rate", [0, 0.2])
def test_labels_file_reads_back_to_the_same_tables(tmp_path, missing_rate):
    X, y = make_attribute_images(25, tmp_path, missing_rate=missing_rate, random_state=2)
    table = pd.read_csv(tmp_path / "labels.csv", dtype=y.dtypes.to_dict())
    assert list(table) == ["image", "category", *y]
    pd.testing.assert_frame_equal(table[list(y)], y)
    assert table["category"].tolist() == X["category"].tolist()
    assert [str(tmp_path / name) for name in table["image"]] == X["image"].tolist()
    cells = pd.read_csv(tmp_path / "labels.csv", dtype=str, keep_default_na=False)
    assert set(cells["long_sleeves"]) == {"0", "1", ""}


@pytest.mark.parametrize("size", [16, 64, 97])
def test_images_have_the_asked_size(tmp_path, size):
    X, _ = make_attribute_images(2, tmp_path, size=size, random_state=0)
    assert read_pixels(X).shape == (2, size, size, 3)
    assert Path(X["image"][1]).name == "image_00001.png"
    assert len(list(tmp_path.iterdir())) == 3


def test_one_image_keeps_its_row(tmp_path):
    X, y = make_attribute_images(1, tmp_path, random_state=0)
    assert X.shape == (1, 2)
    assert y.shape == (1, 7)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize(
    "change",
    [{name: 1.0} for name in PREVALENCES] + [{"pattern": name} for name in [*PATTERNS][1:]],
    ids=str,
)
def test_an_attribute_changes_its_part_of_the_image_only(category, change):
    def draw(attributes):
        image = draw_garment(category, attributes, 64, np.random.default_rng(8))
        return np.asarray(image).astype(int)

    changed = (abs(draw(PLAIN) - draw(PLAIN | change)) > 8).any(axis=-1).mean()
    if category == "trousers" and "long_sleeves" in change:
        assert changed == 0
    else:
        assert 0.01 < changed < 0.5


def count_colours(images, bins):
    """Joint colour histogram of each image."""
    r, g, b = np.moveaxis(images // (256 // bins), -1, 0).astype(int)
    codes = ((r * bins + g) * bins + b).reshape(len(images), -1)
    return np.stack([np.bincount(code, minlength=bins**3) for code in codes])


def count_levels(images, bins):
    """Histogram of each channel of each image, side by side."""
    return np.concatenate([count_colours(images[..., [c] * 3], bins) for c in range(3)], axis=1)


@pytest.mark.parametrize(
    ("count", "bins"), [(count_colours, 8), (count_levels, 16)], ids=["joint", "per_channel"]
)
def test_colour_histograms_do_not_give_the_attributes_away(drawn, count, bins):
    _, X, y = drawn
    features = count(read_pixels(X), bins)
    features = features[:, features.any(axis=0)]
    train = np.arange(len(y)) < 400
    precisions = []
    for name in y:
        known = y[name].notna().to_numpy()
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
        model.fit(features[known & train], y.loc[known & train, name])
        proba = model.predict_proba(features[known & ~train])
        onehot = y.loc[known & ~train, name].to_numpy()[:, None] == model.classes_
        first = 0 if name == "pattern" else 1
        precisions.append(average_precision_score(onehot[:, first:], proba[:, first:]))
    assert len(precisions) == 7
    assert np.mean(precisions) <= 0.65


def test_a_folder_that_holds_anything_is_left_as_it_is(tmp_path):
    (tmp_path / "image_00000.png").write_text("mine")
    with pytest.raises(FileExistsError, match=r"folder must be new or empty\. Got '.*Name another"):
        make_attribute_images(2, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def state_of(folder):
    """Content and time of modification of each file."""
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}


@pytest.mark.parametrize("random_state", [3, None])
def test_the_same_call_finds_its_images_again_and_touches_nothing(tmp_path, random_state):
    X, y = make_attribute_images(4, tmp_path, random_state=random_state)
    before = state_of(tmp_path)
    X2, y2 = make_attribute_images(4, tmp_path, random_state=random_state)
    pd.testing.assert_frame_equal(X2, X)
    pd.testing.assert_frame_equal(y2, y)
    assert state_of(tmp_path) == before


@pytest.mark.parametrize(
    "other",
    [{"n": 5}, {"n": 3}, {"size": 17}, {"missing_rate": 0.9}, {"random_state": 4}],
    ids=str,
)
def test_other_arguments_are_refused_and_touch_nothing(tmp_path, other):
    arguments = {"n": 4, "folder": tmp_path, "size": 16, "random_state": 3}
    make_attribute_images(**arguments)
    before = state_of(tmp_path)
    with pytest.raises(FileExistsError, match="pass the arguments of its set"):
        make_attribute_images(**arguments | other)
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("lost", [["labels.csv"], ["image_00002.png", "labels.csv"]])
def test_what_an_interrupted_call_lacks_is_drawn(tmp_path, lost):
    make_attribute_images(4, tmp_path, random_state=3)
    whole = {name: content for name, (content, _) in state_of(tmp_path).items()}
    for name in lost:
        (tmp_path / name).unlink()
    (tmp_path / ".image_00002.png.part").write_text("half")
    make_attribute_images(4, tmp_path, random_state=3)
    (tmp_path / ".image_00002.png.part").unlink(missing_ok=True)
    assert {name: content for name, (content, _) in state_of(tmp_path).items()} == whole


def test_an_image_that_was_changed_is_refused_and_stays(tmp_path):
    make_attribute_images(4, tmp_path, random_state=3)
    Image.new("RGB", (64, 64)).save(tmp_path / "image_00002.png")
    before = state_of(tmp_path)
    with pytest.raises(
        FileExistsError, match=r"image_00002\.png' is not what these arguments draw"
    ):
        make_attribute_images(4, tmp_path, random_state=3)
    assert state_of(tmp_path) == before


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(FileExistsError, match="taken"):
        make_attribute_images(2, tmp_path / "taken")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n": 0}, ValueError, r"n must be at least 1\. Got 0\."),
        ({"n": 2.0}, TypeError, r"n must be an int\. Got 2\.0\."),
        ({"n": True}, TypeError, r"n must be an int\. Got True\."),
        ({"size": 15}, ValueError, r"size must be at least 16\. Got 15\."),
        ({"size": "64"}, TypeError, r"size must be an int\. Got '64'\."),
        ({"missing_rate": 1.0}, ValueError, r"missing_rate must be from 0 to below 1\. Got 1\.0\."),
        ({"missing_rate": -0.1}, ValueError, r"missing_rate must be .* Got -0\.1\."),
        ({"missing_rate": float("nan")}, ValueError, r"missing_rate must be .* Got nan\."),
        ({"missing_rate": None}, TypeError, r"missing_rate must be a number\. Got None\."),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(tmp_path, arguments, error, words):
    with pytest.raises(error, match=words):
        make_attribute_images(**{"n": 2, "folder": tmp_path / "new"} | arguments)
    assert not (tmp_path / "new").exists()
