"""Images by URL give what local files give, fetched no more often than is needed."""

import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from attrlearn import AttributeClassifier, ImageEmbedder, ImageError, read_labels
from attrlearn.remote import fetching

N = 12


@pytest.fixture
def embedder():
    return ImageEmbedder(
        "squeezenet1_1", weights=None, image_size=32, batch_size=5, n_jobs=3, random_state=0
    )


@pytest.fixture
def names(drawn):
    return sorted(path.name for path in drawn.glob("*.png"))


@pytest.fixture
def shot(drawn, site):
    """A file of the site that a test may change."""
    path = drawn / "shot.png"
    shutil.copy(drawn / "image_00000.png", path)
    yield path
    path.unlink()


def change(path):
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)


@pytest.mark.parametrize("cache_dir", ["auto", None])
@pytest.mark.parametrize(
    "template",
    [
        "{site}/{name}",
        "file://{folder}/{name}",
        "zip://{name}::file://{folder}/shots.zip",
        "tar://{name}::{site}/shots.tar",
        "zip://{name}::simplecache::{site}/shots.zip",
    ],
)
def test_features_are_those_of_the_local_files(embedder, drawn, site, names, template, cache_dir):
    embedder.set_params(cache_dir=None)
    local = embedder.fit_transform([drawn / name for name in names])
    embedder.set_params(cache_dir=cache_dir)
    urls = [template.format(site=site.url, folder=drawn, name=name) for name in names]
    for _ in range(2):
        np.testing.assert_array_equal(embedder.fit_transform(urls), local)


def test_a_second_fit_asks_for_versions_alone(embedder, site, names):
    urls = [f"{site.url}/{name}" for name in names]
    embedder.fit_transform(urls)
    assert site.count() == (2 * N, N)  # before and after each image is fetched
    embedder.fit_transform(urls)
    assert site.count() == (N, 0)
    embedder.set_params(resize="crop").fit_transform(urls)
    assert site.count() == (2 * N, N)  # known by content, and needed to compute anew


def test_without_a_cache_nothing_but_the_images_is_asked_for(embedder, site, names):
    embedder.set_params(cache_dir=None).fit_transform([f"{site.url}/{name}" for name in names])
    assert site.count() == (0, N)


def test_where_a_server_tells_no_version_each_fit_fetches_once(embedder, site, names):
    site.hidden = ["Last-Modified"]
    urls = [f"{site.url}/{name}" for name in names]
    for _ in range(2):
        embedder.fit_transform(urls)
        assert site.count() == (N, N)


def test_features_of_local_files_are_those_of_their_urls(embedder, drawn, site, names, monkeypatch):
    embedder.fit_transform([drawn / name for name in names])
    run = "attrlearn.features.extractor.FeatureExtractor.run"
    monkeypatch.setattr(run, lambda *args: pytest.fail("it was computed again"))
    embedder.fit_transform([f"{site.url}/{name}" for name in names])


@pytest.mark.parametrize("hidden", [[], ["Last-Modified"]])
def test_an_image_that_changed_is_seen(embedder, site, shot, hidden):
    site.hidden = hidden
    url = f"{site.url}/shot.png"
    before = embedder.fit_transform([url])
    change(shot)
    after = embedder.fit_transform([url])
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, embedder.fit_transform([shot]))


def test_an_image_that_changed_long_ago_is_seen(embedder, site, shot):
    ages = []
    for hours in (3, 2):
        change(shot)
        os.utime(shot, (time.time() - 3600 * hours,) * 2)
        ages.append(embedder.fit_transform([f"{site.url}/shot.png"]))
        np.testing.assert_array_equal(ages[-1], embedder.fit_transform([shot]))
    assert not np.array_equal(*ages)


@pytest.mark.filterwarnings("ignore::attrlearn.exceptions.AttributeWarning")
def test_a_classifier_learns_and_predicts_as_from_local_files(small, site, drawn):
    X, y = read_labels(drawn / "labels.csv", category_column="category")
    by_url, _ = read_labels(f"{site.url}/labels.csv", category_column="category")
    assert by_url["image"].str.startswith(site.url).all()
    local = small.fit(X, y).predict_table(X)
    pd.testing.assert_frame_equal(small.fit(by_url, y).predict_table(by_url), local)


def test_an_image_that_cannot_be_fetched_names_its_row_and_reason(small, site, names, attributes):
    urls = [f"{site.url}/{name}" for name in names]
    urls[7] = f"{site.url}/absent.png?token=abc"
    with pytest.raises(ImageError, match=r"absent.png\?token=\*\*\*' \(row 7\): no such file") as e:
        small.fit(urls, attributes[:N])
    assert (e.value.row, e.value.reason) == (7, "no such file")
    assert "abc" not in e.value.image


@pytest.mark.filterwarnings("ignore::attrlearn.exceptions.UnreadableImageWarning")
@pytest.mark.parametrize("cache_dir", ["auto", None])
def test_images_that_cannot_be_fetched_are_dropped(
    small, site, names, attributes, cache_dir, monkeypatch
):
    monkeypatch.setattr(fetching, "WAITS", (0,))
    site.failures[names[3]] = [500] * 99
    urls = [f"{site.url}/{name}" for name in names]
    urls[5] = "nowhere://a.png"
    small.set_params(on_bad_image="drop", cache_dir=cache_dir).fit(urls, attributes[:N])
    assert small.bad_images_["row"].tolist() == [3, 5]
    assert small.bad_images_["reason"].tolist() == [
        "the server answered 500 Internal Server Error, tried 2 times",
        "Protocol not known: nowhere",
    ]
    assert np.isnan(small.predict_proba(urls)[0]).any(axis=1).sum() == 2


def test_one_url_is_one_image():
    with pytest.raises(ValueError, match="Wrap it in a list"):
        AttributeClassifier().fit("https://host/a.jpg", [[1]])
