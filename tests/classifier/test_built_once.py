"""Pretrained backbones: what is built, read and hashed, and by which backend they run."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from torchvision import models

from attrlearn import ImageEmbedder
from attrlearn.features import prepared
from attrlearn.metrics import SCORERS
from attrlearn.nn import backbones, templates
from attrlearn.nn.backbones import Backbone


@pytest.fixture
def pretrained(small, tmp_path, settled):
    """An estimator with weights from a file."""
    torch.save(models.squeezenet1_1(weights=None).state_dict(), tmp_path / "weights.pth")
    return small.set_params(weights=str(tmp_path / "weights.pth"), max_epochs=1, dtype="float32")


@pytest.fixture
def counted(monkeypatch):
    """How often a model is built, read, hashed, and its weights are checked."""
    done = dict.fromkeys(["get_model", "read_state_dict", "content_hash", "checksum"], 0)

    def count(owner, name):
        original = getattr(owner, name)

        def counting(*args, **options):
            done[name] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counting)

    for owner, name in zip([models, backbones, Backbone, Backbone], done, strict=True):
        count(owner, name)
    return done


@pytest.fixture
def names(monkeypatch):
    """The backends that were opened; none of them is OpenVINO in fact, which may be absent."""
    opened = []
    one = prepared.open_backend
    monkeypatch.setattr("attrlearn.features.backends.find_spec", lambda _: object())
    monkeypatch.setattr(
        prepared,
        "open_backend",
        lambda name, *args: opened.append(name) or one("torch", *args),
    )
    prepared._forget()
    return opened


def test_folds_build_and_hash_once(pretrained, images, attributes, counted):
    pretrained.set_params(engine="torch")
    cross_val_score(pretrained, images, attributes, cv=5, scoring=SCORERS["accuracy"])
    # Each fold predicts by a model that its user may have edited, so that it is checked.
    assert counted == {"get_model": 1, "read_state_dict": 1, "content_hash": 1, "checksum": 1 + 5}
    counted.update(dict.fromkeys(counted, 0))
    clone(pretrained).fit(images, attributes)
    ImageEmbedder(
        "squeezenet1_1", weights=pretrained.weights, image_size=32, engine="torch"
    ).fit_transform(images["image"])
    assert counted == dict.fromkeys(counted, 0)


def test_an_edited_network_leaks_into_no_other_fit(pretrained, images, attributes):
    clf = clone(pretrained).set_params(engine="torch").fit(images, attributes)
    expected = np.hstack(clf.predict_proba(images))
    clf.network_.backbone.model.features[0].weight.data.zero_()
    assert not np.allclose(np.hstack(clf.predict_proba(images)), expected)
    again = clone(clf).fit(images, attributes)
    np.testing.assert_array_equal(np.hstack(again.predict_proba(images)), expected)


def test_an_embedder_that_is_edited_embeds_as_edited(pretrained, images):
    embedder = ImageEmbedder(
        "squeezenet1_1", weights=pretrained.weights, image_size=32, engine="torch"
    )
    expected = embedder.fit_transform(images["image"])
    np.testing.assert_array_equal(embedder.transform(images["image"]), expected)
    embedder.backbone_.model.features[0].weight.data.zero_()
    assert not np.allclose(embedder.transform(images["image"]), expected)
    fresh = clone(embedder).fit(images["image"])
    fresh.backbone_.model.features[0].weight.data.zero_()
    assert not np.allclose(fresh.transform(images["image"]), expected)


@pytest.mark.parametrize("trainable", ["head", "last_block"])
def test_what_was_built_before_changes_no_result(pretrained, images, attributes, trainable):
    pretrained.set_params(trainable=trainable, engine="torch", random_state=0)
    curves = []
    for before in ("nothing", "the same", "the same"):
        if before == "nothing":
            templates._templates.clear()
        curves.append(clone(pretrained).fit(images, attributes).loss_curve_)
    np.testing.assert_array_equal(curves[1], curves[0])
    np.testing.assert_array_equal(curves[2], curves[0])


def test_auto_is_openvino_for_a_frozen_backbone_with_pretrained_weights(
    pretrained, images, attributes, names
):
    clf = pretrained.fit(images, attributes)
    clf.set_params(cache_dir=None)
    for model in (clf, pickle.loads(pickle.dumps(clf))):
        for n in (1, 2, 24):
            model.predict_proba(images[:n])
    clf.set_params(weights=None, trainable="all").predict(images)  # for the next fit
    ImageEmbedder(
        "squeezenet1_1", weights=clf.weights, image_size=40, random_state=0
    ).fit_transform(images["image"])
    assert names == ["openvino", "torch"]
    assert clone(clf).fit(images, attributes).predict_proba(images[:1])
    assert set(names[2:]) == {"torch"}


@pytest.mark.parametrize("trainable", ["last_block", "all"])
def test_auto_is_torch_for_what_is_fine_tuned(pretrained, images, attributes, names, trainable):
    clf = pretrained.set_params(trainable=trainable).fit(images, attributes)
    for n in (1, 2, 24):
        clf.predict_proba(images[:n])
    assert set(names) == {"torch"}


class Predicting:
    """Predicts after each epoch, by the estimator so far."""

    def __init__(self, images):
        self.images, self.fitted = images, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch":
            fitted_estimator.predict_proba(self.images[:3])
            self.fitted.append(fitted_estimator)


@pytest.mark.parametrize(("trainable", "learning"), [("head", []), ("all", ["torch", "torch"])])
def test_openvino_is_openvino_but_for_what_is_learning(
    pretrained, images, attributes, names, trainable, learning
):
    callback = Predicting(images)
    clf = pretrained.set_params(trainable=trainable, engine="openvino", max_epochs=2)
    clf.set_callbacks(callback).fit(images, attributes)
    assert len(callback.fitted) == 2
    clf.predict_proba(images)
    assert names == [*learning, "openvino"]
    again = callback.fitted[0].set_callbacks().set_params(random_state=1)
    again.fit(images, attributes).predict_proba(images)
    assert names[len(learning) + 1 :] == ["openvino"] * (trainable == "all")
