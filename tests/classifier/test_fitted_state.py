"""Prediction uses what the network was trained with, and the network as it is."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from attrlearn import ImageEmbedder

ENGINES = ["torch", pytest.param("openvino", marks=pytest.mark.openvino)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "later",
    [
        {"image_size": 64},
        {"resize": "crop"},
        {"backbone": "mobilenet_v3_small"},
        {"backbone": None},
        {"weights": "elsewhere.pth", "trainable": "all", "hidden_dim": 7, "attention": True},
    ],
    ids=lambda later: next(iter(later)),
)
def test_what_is_set_after_fit_waits_for_the_next_fit(small, images, attributes, later, engine):
    clf = small.set_params(engine=engine, cache_dir=None).fit(images, attributes)
    expected = np.hstack(clf.predict_proba(images))
    table = clf.predict_table(images["image"][0], "shirt")
    clf.set_params(**later)
    np.testing.assert_allclose(np.hstack(clf.predict_proba(images)), expected, atol=1e-6)
    assert clf.predict_table(images["image"][0], "shirt").equals(table)


def test_a_second_fit_uses_what_was_set(small, images, attributes):
    small.fit(images, attributes)
    small.set_params(resize="crop").fit(images, attributes)
    other = clone(small).fit(images, attributes)
    np.testing.assert_array_equal(
        np.hstack(small.predict_proba(images)), np.hstack(other.predict_proba(images))
    )


@pytest.mark.parametrize("later", [{"image_size": 64}, {"resize": "crop"}, {"backbone": "alexnet"}])
def test_an_embedder_computes_the_features_it_was_fitted_for(images, later):
    embedder = ImageEmbedder("mobilenet_v3_small", weights=None, image_size=32, random_state=0)
    expected = embedder.fit(images["image"]).transform(images["image"])
    embedder.set_params(**later, cache_dir=None)
    np.testing.assert_allclose(embedder.transform(images["image"]), expected, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_edited_network_predicts_as_edited_and_poisons_no_cache(
    small, images, attributes, engine
):
    clf = small.set_params(engine=engine).fit(images, attributes)
    before = np.hstack(clf.predict_proba(images))
    weight = clf.network_.backbone.model.features[0].weight
    original = weight.detach().clone()
    weight.data = torch.zeros_like(weight)
    edited = np.hstack(clf.predict_proba(images))
    assert np.ptp(edited[images.category == "shirt"], axis=0).max() < 1e-6  # sees nothing
    uncached = np.hstack(clf.set_params(cache_dir=None).predict_proba(images))
    np.testing.assert_allclose(edited, uncached, atol=1e-6)
    weight.data.copy_(original)
    np.testing.assert_array_equal(
        np.hstack(clf.set_params(cache_dir="auto").predict_proba(images)), before
    )
