import io
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from attrlearn import AttributeClassifier, ImageError
from attrlearn.datasets.garments import PATTERNS, PREVALENCES, draw_garment
from attrlearn.inspection import explain
from attrlearn.inspection.evidence import fuse
from attrlearn.model_selection import AttributeKFold

SIZE, SIDE = 64, 12
COLOURS = {"red": (230, 40, 40), "blue": (40, 40, 230)}


def draw_marks(n, seed, size=SIZE):
    """Gray noise, on half of it a square of each colour; labels (n, 2), and where they are."""
    rng = np.random.default_rng(seed)
    images = rng.integers(90, 140, (n, size, size, 3)).astype(np.uint8)
    where = np.zeros((n, len(COLOURS), size, size), dtype=bool)
    y = pd.DataFrame((rng.random((n, 2)) < 0.5).astype(float), columns=list(COLOURS))
    for i in range(n):
        for a, colour in enumerate(COLOURS.values()):
            if y.iloc[i, a]:
                top, left = rng.integers(0, size - SIDE, 2)
                images[i, top : top + SIDE, left : left + SIDE] = colour
                where[i, a, top : top + SIDE, left : left + SIDE] = True
    return images, y, where


def fit(backbone="resnet18", size=SIZE, n=120, **parameters):
    images, y, _ = draw_marks(n, 0, size)
    clf = AttributeClassifier(
        backbone,
        weights=None,
        image_size=size,
        augment=None,
        engine="torch",
        cache_dir=None,
        random_state=0,
        **{"dtype": "float32", **parameters},
    )
    return clf.fit(images, y)


def on_marks(clf, size=SIZE):
    """The shares (n, map, mark) of maps that lie on either mark of images with both, and areas."""
    images, y, where = draw_marks(100, 1, size)
    both = (y == 1).all(axis=1).to_numpy() & ~where.all(axis=1).any(axis=(1, 2))
    assert both.sum() >= 20
    maps, where = explain(clf, images[both]).maps, where[both]
    shares = np.einsum("nahw,nbhw->nab", maps, where) / maps.sum(axis=(2, 3))[..., None]
    return shares, where.mean(axis=(2, 3))[:, None]


def own_share(clf):
    """Of what lies on a mark, the share that lies on that of the attribute, on average."""
    shares, _ = on_marks(clf)
    return (np.einsum("naa->na", shares) / shares.sum(axis=2)).mean()


def mass_ratio(clf, size=SIZE):
    """How many times the share of its area lies on the mark of an attribute, on average."""
    shares, areas = on_marks(clf, size)
    return np.einsum("naa->na", shares / areas).mean()


def shuffled(clf):
    """The same with the weights of its head in another order."""
    other = pickle.loads(pickle.dumps(clf))
    generator = torch.Generator().manual_seed(0)
    for p in other.network_.head.parameters():
        p.data = p.data.flatten()[torch.randperm(p.numel(), generator=generator)].view(p.shape)
    return other


@pytest.fixture(scope="module")
def clf():
    return fit()


@pytest.fixture(scope="module")
def marked():
    return draw_marks(7, 2)


def test_evidence_lies_on_the_mark_that_defines_an_attribute_and_not_on_the_other(clf):
    assert mass_ratio(clf) > 4
    assert own_share(clf) > 0.8


@pytest.mark.slow
def test_a_head_that_knows_nothing_does_not_tell_marks_apart(clf):
    other = shuffled(clf)
    assert own_share(other) < 0.65
    assert mass_ratio(other) < 0.7 * mass_ratio(clf)


@pytest.mark.slow
def test_evidence_of_a_drawn_part_lies_where_the_drawing_differs_without_it():
    rng = np.random.default_rng(0)
    images, rows, parts = [], [], []
    for i in range(500):
        drawn = {name: int(rng.random() < 0.4) for name in PREVALENCES}
        drawn["pattern"] = rng.choice(list(PATTERNS))
        pair = [
            np.asarray(draw_garment("shirt", drawn | {"logo": has}, 64, np.random.default_rng(i)))
            for has in (drawn["logo"], 1 - drawn["logo"])
        ]
        images.append(pair[0])
        rows.append(drawn["logo"])
        parts.append((pair[0] != pair[1]).any(axis=2))
    images, logo, parts = np.stack(images), np.array(rows), np.stack(parts)
    clf = AttributeClassifier(
        "resnet18", weights=None, image_size=64, augment=None, dtype="float32", random_state=0
    ).fit(images[:400], pd.DataFrame({"logo": logo[:400]}))
    test = np.flatnonzero(logo[400:]) + 400
    assert len(test) >= 20
    maps, parts = explain(clf, images[test]).of("logo"), parts[test]
    shares = (maps * parts).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    assert (shares / parts.mean(axis=(1, 2))).mean() > 3


@pytest.mark.slow
def test_a_network_in_bfloat16_is_explained_as_well():
    half = fit(dtype="bfloat16")
    assert own_share(half) > 0.8


@pytest.mark.slow
def test_evidence_is_found_in_a_network_that_is_fine_tuned():
    clf = fit(trainable="all", max_epochs=8)
    assert own_share(clf) > 0.75
    assert mass_ratio(clf) > max(4, 1.5 * mass_ratio(shuffled(clf)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone",
    [
        "squeezenet1_1",
        "mobilenet_v3_small",
        "densenet121",
        "efficientnet_b0",
        "convnext_tiny",
        "swin_t",
        "vit_b_16",
        "alexnet",
    ],
)
def test_evidence_is_found_in_every_kind_of_backbone(backbone):
    clf = fit(backbone)
    assert own_share(clf) > 0.65
    assert mass_ratio(clf) > max(3, 1.5 * mass_ratio(shuffled(clf)))


@pytest.mark.slow
def test_maxvit_has_maps_of_its_size():
    clf = fit("maxvit_t", size=224, n=4, max_epochs=1)
    maps = explain(clf, draw_marks(1, 0, 224)[0], "red", map_size=56).maps
    assert maps.shape == (1, 1, 56, 56)
    assert maps.std() > 0


@pytest.mark.slow
def test_neither_batches_nor_order_nor_other_attributes_matter(clf, marked):
    images, _, _ = marked
    together = explain(clf, images).maps
    for other, expected in (
        (explain(clf, images, batch_size=3).maps, together),
        (explain(clf, images[::-1]).maps, together[::-1]),
        (explain(clf, images, ["blue"]).maps, together[:, 1:]),
        (explain(clf, images, ["blue", "red"]).maps, together[:, ::-1]),
    ):
        np.testing.assert_allclose(other, expected, atol=2e-3)


def test_files_are_explained_as_images_in_memory(clf, marked, tmp_path):
    images, _, _ = marked
    paths = [tmp_path / f"{i}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    from_files = explain(clf, pd.DataFrame({"image": paths}, index=range(5, 12)))
    in_memory = explain(clf, [io.BytesIO(path.read_bytes()) for path in paths])
    np.testing.assert_array_equal(from_files.maps, in_memory.maps)
    np.testing.assert_array_equal(from_files.images, images)
    assert from_files.probabilities.index.tolist() == list(range(5, 12))


def state_of(clf):
    """All of the network that an explanation could change."""
    network = clf.network_
    return (
        {name: tensor.clone() for name, tensor in network.state_dict().items()},
        [(p.requires_grad, p.grad) for p in network.parameters()],
        [m.training for m in network.modules()],
        [(dict(m._forward_hooks), "forward" in vars(m)) for m in network.modules()],
    )


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_the_classifier_changes(clf, marked, fails, monkeypatch):
    images, _, _ = marked
    before, proba = state_of(clf), clf.predict_proba(images)
    if fails:
        monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            explain(clf, images)
    else:
        with torch.inference_mode():
            explain(clf, images)
    after = state_of(clf)
    assert all(torch.equal(before[0][name], tensor) for name, tensor in after[0].items())
    assert after[1:] == before[1:]
    np.testing.assert_array_equal(clf.predict_proba(images), proba)


def test_a_class_has_the_probability_of_predict_proba(marked):
    images, y, _ = marked
    y = y.assign(tone=pd.Categorical(["dark", "light", "dark", None, "light", "dark", "mid"]))
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, random_state=0
    ).fit(images, y)
    proba = clf.predict_proba(images)
    found = explain(clf, images)
    assert found.classes["tone"].tolist() == clf.predict(images)[:, 2].tolist()
    np.testing.assert_allclose(found.probabilities["tone"], proba[2].max(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.probabilities["red"], proba[0][:, 1], atol=1e-6)
    given = explain(clf, images, classes={"tone": "mid", "red": 0})
    np.testing.assert_allclose(given.probabilities["tone"], proba[2][:, 2], atol=1e-6)
    np.testing.assert_allclose(given.probabilities["red"], proba[0][:, 0], atol=1e-6)
    assert (given.of("red") != found.of("red")).any()
    np.testing.assert_allclose(given.of("blue"), found.of("blue"), atol=2e-3)


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
def test_a_map_finds_its_place_in_the_original(resize, marked):
    images, y, _ = marked
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, resize=resize, random_state=0
    ).fit(images, y)
    rng = np.random.default_rng(0)
    wide = np.asarray(
        Image.fromarray(rng.integers(0, 256, (3, 6, 3), dtype=np.uint8)).resize((120, 60))
    )
    found = explain(clf, [wide])
    # What the network saw, put where the map would go, is the image that it was made of.
    seen = found.images[0].mean(axis=2, dtype=np.float32)
    object.__setattr__(found, "maps", np.stack([seen, seen])[None])
    original = found.on_original(0, "red", (120, 60))
    expected = wide.mean(axis=2)
    if resize == "crop":
        assert (original[:, :30] == 0).all()
        original, expected = original[:, 30:90], expected[:, 30:90]
    assert np.abs(original - expected)[4:-4, 4:-4].mean() < 6


def test_a_search_and_the_size_of_maps():
    images, y, _ = draw_marks(40, 3)
    search = GridSearchCV(
        AttributeClassifier("squeezenet1_1", weights=None, image_size=32, max_epochs=1),
        {"dropout": [0.5]},
        cv=AttributeKFold(2),
    )
    maps = explain(search.fit(images, y), images[:7], map_size=10).maps
    assert maps.shape == (7, 2, 10, 10)
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_what_comes_before_the_classifier_in_a_pipeline_is_not_skipped(clf, marked):
    images, _, _ = marked
    pipeline = make_pipeline(FunctionTransformer(lambda images: images[:, :, ::-1]), clf)
    found, mirrored = explain(pipeline, images), explain(clf, images[:, :, ::-1])
    np.testing.assert_array_equal(found.maps, mirrored.maps)
    np.testing.assert_array_equal(
        found.probabilities.iloc[:, 0], pipeline.predict_proba(images)[:, 0]
    )


def test_an_unreadable_image_has_no_map(clf, marked):
    images = [marked[0][0], b"not an image"]
    with pytest.raises(ImageError, match="row 1"):
        explain(clf, images)
    clf = pickle.loads(pickle.dumps(clf)).set_params(on_bad_image="drop")
    with pytest.warns(UserWarning, match=r"1 of 2 images"):
        found = explain(clf, images)
    assert np.isnan(found.maps[1]).all()
    assert np.isfinite(found.maps[0]).all()
    assert found.probabilities.isna().all(axis=1).tolist() == [False, True]


def test_what_cannot_be_explained_is_an_error(clf, marked):
    images, y, _ = marked
    tabular = AttributeClassifier(None, max_epochs=1).fit(np.eye(7), y)
    with pytest.raises(ValueError, match=r"fitted on images .* Fit AttributeClassifier with a"):
        explain(tabular, np.eye(7))
    with pytest.raises(TypeError, match=r"clf must be an AttributeClassifier, or end in one. Got"):
        explain(LogisticRegression().fit(np.eye(2), [0, 1]), images)
    with pytest.raises(ValueError, match=r"Got 'green'. They are \['red', 'blue'\]"):
        explain(clf, images, ["green"])
    with pytest.raises(ValueError, match=r"Got 2 of 'red'. Its classes are \[0, 1\]"):
        explain(clf, images, classes={"red": 2})
    with pytest.raises(ValueError, match=r"batch_size must be an int of at least 1. Got 0"):
        explain(clf, images, batch_size=0)


def test_the_padding_at_the_borders_of_a_plain_image_is_no_evidence(clf):
    plain = np.full((1, SIZE, SIZE, 3), 240, dtype=np.uint8)
    assert (explain(clf, plain).maps == 0).all()


def test_stages_that_agree_on_a_position_make_its_value_one():
    one = torch.zeros(1, 4, 4)
    one[0, 1, 2] = 7.0
    fused = fuse([one, 2 * one, torch.ones(1, 1, 1)], 4)
    assert fused.max() == fused[0, 1, 2] == pytest.approx(1.0)
    assert fused[0, 0, 0] == pytest.approx((0.05 / 1.05) ** 2)
    assert (fuse([0 * one, 0 * one], 4) == 0).all()
