import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from attrlearn.images.decoding import read_image
from attrlearn.inspection.near_duplicates import (
    feature_pairs,
    group_rows,
    near_pairs,
    thumbnail_pairs,
    twins_apart,
)


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def test_pairs_are_those_of_the_whole_matrix(monkeypatch):
    monkeypatch.setattr("attrlearn.inspection.near_duplicates.ROWS_AT_ONCE", 7)
    vectors = unit(np.random.default_rng(0).normal(size=(60, 6)))
    distance = 1 - vectors @ vectors.T
    expected = {(i, j) for i, j in np.argwhere(distance <= 0.1) if i < j}
    pairs = near_pairs(vectors, 0.1, n_threads=2)
    assert set(zip(pairs.first, pairs.second, strict=True)) == expected != set()
    np.testing.assert_allclose(pairs.distance, distance[pairs.first, pairs.second], atol=1e-6)


def test_many_rows_alike_stay_connected(monkeypatch):
    monkeypatch.setattr("attrlearn.inspection.near_duplicates.ROWS_AT_ONCE", 16)
    vectors = unit(np.random.default_rng(0).normal(size=(100, 5)) * 0.01 + 1)
    pairs = near_pairs(vectors, 0.1)
    assert group_rows(100, (pairs.first, pairs.second)).max() == 0
    assert len(pairs.first) < 600


def test_wide_features_give_the_pairs_of_exact_distances():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 700)) * rng.uniform(0.1, 50, 700)
    features[150:] = features[:50] + features.std(0) * rng.normal(size=(50, 700)) * 0.3
    z = unit((features - features.mean(0)) / features.std(0))
    expected = {(i, j) for i, j in np.argwhere(1 - z @ z.T <= 0.045) if i < j}
    pairs = feature_pairs(features, 0.045)
    assert 10 < len(expected) < 50
    assert set(zip(pairs.first, pairs.second, strict=True)) == expected


@pytest.mark.parametrize("n_splits", [2, 5])
def test_expected_leaks_are_those_of_random_splits(n_splits):
    groups = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6])
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(4000):
        fold = rng.permutation(np.arange(10) % n_splits)
        seen = [(groups == g) & (fold != f) for g, f in zip(groups, fold, strict=True)]
        counts.append(np.any(seen, axis=1).sum())
    assert twins_apart(groups, n_splits) == pytest.approx(np.mean(counts), abs=0.05)


def garment(seed):
    """A patterned item on white."""
    rng = np.random.default_rng(seed)
    pattern = Image.fromarray(rng.integers(20, 220, (5, 4, 3), dtype=np.uint8))
    image = Image.new("RGB", (180, 240), "white")
    image.paste(pattern.resize((100, 150), Image.Resampling.BICUBIC), (40, 45))
    return image


def thumbnail(image, quality=95):
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return read_image(content.getvalue(), 32)


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: image.resize((90, 120)),
        lambda image: image.crop((6, 4, 175, 234)),
        lambda image: ImageEnhance.Brightness(image).enhance(1.08),
        lambda image: ImageEnhance.Brightness(image).enhance(1.2),
        lambda image: ImageEnhance.Brightness(image).enhance(0.85),
    ],
    ids=["resized", "cropped", "brighter", "much brighter", "darker"],
)
def test_a_copy_is_found_among_items_of_one_outline(copy):
    originals = [thumbnail(garment(seed)) for seed in range(30)]
    copies = [thumbnail(copy(garment(seed)), quality=60) for seed in range(10)]
    pairs = thumbnail_pairs(np.array(originals + copies), 0.5)
    assert set(zip(pairs.first, pairs.second - 30, strict=True)) == {(i, i) for i in range(10)}


def test_a_copy_of_a_tiny_image_is_found():
    tiny = [garment(seed).resize((45, 60)) for seed in range(10)]
    thumbnails = [thumbnail(image) for image in tiny] + [thumbnail(image, 50) for image in tiny]
    pairs = thumbnail_pairs(np.array(thumbnails), 0.55)
    assert set(zip(pairs.first, pairs.second - 10, strict=True)) == {(i, i) for i in range(10)}
