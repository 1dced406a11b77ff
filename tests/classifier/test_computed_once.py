"""What is decoded, what passes the backbone, and what stays in memory."""

import gc

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from attrlearn import ImageEmbedder
from attrlearn.features import extractor as extractor_module
from attrlearn.images import reader as reader_module
from attrlearn.metrics import SCORERS
from attrlearn.nn.backbones import Backbone
from attrlearn.training import sources


@pytest.fixture
def work(monkeypatch):
    """Images that were decoded, and images that went through the backbone."""
    done = {"decoded": 0, "passes": 0}
    read, run = reader_module.read_image, Backbone.forward

    def counting_read(*args):
        done["decoded"] += 1
        return read(*args)

    def counting_run(self, inputs):
        done["passes"] += len(inputs) * (inputs.dtype == torch.uint8)
        return run(self, inputs)

    monkeypatch.setattr(reader_module, "read_image", counting_read)
    monkeypatch.setattr(Backbone, "forward", counting_run)
    return done


def forget():
    """What a new process would not have in memory."""
    extractor_module._PREPARED.clear()


def test_frozen_backbone_runs_once_per_image_and_view(small, images, attributes, monkeypatch):
    seen = []
    forward = Backbone.forward
    monkeypatch.setattr(Backbone, "forward", lambda s, x: seen.append(len(x)) or forward(s, x))
    small.set_params(max_epochs=5, engine="torch", cache_dir=None).fit(images, attributes)
    assert sum(seen) == 2 * len(images)
    seen.clear()
    small.set_params(augment=None).fit(images, attributes)
    assert sum(seen) == len(images)


def test_a_search_decodes_each_image_once_and_passes_each_view_once(
    small, images, attributes, work
):
    search = GridSearchCV(
        small.set_params(engine="torch"), {"dropout": [0.1, 0.5]}, cv=3, scoring=SCORERS["accuracy"]
    )
    search.fit(images, attributes).predict(images)
    # Views are asked for together: those of a fold that was tested first come without mirror image.
    assert work["decoded"] <= 2 * 24
    assert work["passes"] <= 3 * 24
    before = dict(work)
    forget()
    clone(search).fit(images, attributes).predict(images)
    assert work == before


def test_the_embedder_shares_the_features_of_the_classifier(small, images, attributes, work):
    small.set_params(engine="torch").fit(images, attributes)
    before = dict(work)
    forget()
    embedder = ImageEmbedder(
        "squeezenet1_1", weights=None, image_size=32, random_state=0, engine="torch"
    )
    embedder.fit_transform(images["image"])
    assert work == before


def test_no_cache_is_no_cache(small, images, attributes, work, monkeypatch, tmp_path):
    monkeypatch.setenv("ATTRLEARN_CACHE", str(tmp_path / "cache"))
    clf = small.set_params(cache_dir=None, engine="torch")
    for times in (1, 2):
        clf.fit(images, attributes)
        assert work == {"decoded": 24 * times, "passes": 48 * times}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("share", "times"), [(0.4, 1), (0.0, 1 + 2)])
def test_images_are_decoded_once_where_memory_allows(
    small, images, attributes, work, monkeypatch, share, times
):
    monkeypatch.setattr(sources, "MEMORY_SHARE", share)
    small.set_params(trainable="all").fit(images, attributes)
    assert work["decoded"] == 24 * times


def test_decoded_images_teach_what_files_teach(small, images, attributes, monkeypatch):
    curves = []
    for share in (0.4, 0.0):
        monkeypatch.setattr(sources, "MEMORY_SHARE", share)
        curves.append(clone(small).set_params(trainable="all").fit(images, attributes))
    np.testing.assert_array_equal(curves[0].loss_curve_, curves[1].loss_curve_)


@pytest.mark.parametrize("augment", ["flip", None])
def test_what_comes_before_the_last_block_is_computed_once(
    small, images, attributes, work, augment
):
    clf = small.set_params(trainable="last_block", augment=augment, max_epochs=3, engine="torch")
    before = clone(clf).set_params(max_epochs=1).fit(images, attributes)
    work.update(decoded=0, passes=0)
    clf.fit(images, attributes)
    assert work == {"decoded": 24, "passes": 24 * (1 + (augment == "flip"))}
    trained, still = "features.12.squeeze.weight", "features.7.squeeze.weight"
    weights, earlier = (model.network_.backbone.model.state_dict() for model in (clf, before))
    assert not torch.equal(weights[trained], earlier[trained])
    assert torch.equal(weights[still], earlier[still])


def test_activations_teach_the_last_block_what_images_teach(small, images, attributes, monkeypatch):
    # In bfloat16 activations that were kept are rounded otherwise than those that pass on.
    clf = small.set_params(
        trainable="last_block", augment=None, early_stopping=True, dtype="float32"
    )
    curves = []
    for share in (0.4, 0.0):
        monkeypatch.setattr(sources, "MEMORY_SHARE", share)
        fitted = clone(clf).fit(images, attributes)
        curves.append([*fitted.loss_curve_, *fitted.validation_scores_])
    np.testing.assert_allclose(curves[0][:3], curves[1][:3], rtol=1e-4)  # steps of the first epoch
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("trainable", ["head", "last_block"])
def test_memory_is_free_at_once_when_a_model_goes(small, images, attributes, trainable):
    """No circle of references keeps weights until Python looks for such: a search would fill up."""

    def weights():
        found = [o for o in gc.get_objects() if type(o) in (torch.Tensor, torch.nn.Parameter)]
        return sum(tensor.nbytes for tensor in found if tensor.device.type == "cpu")

    gc.collect()
    gc.disable()
    try:
        before = weights()
        clf = clone(small).set_params(trainable=trainable, early_stopping=True, engine="torch")
        clf.fit(images, attributes).predict(images)
        assert weights() > before + 2.8e6
        del clf
        assert weights() < before + 1e5
    finally:
        gc.enable()


def test_callable_augment_runs_each_epoch_and_a_frozen_backbone_warns(small, images, attributes):
    calls = []

    def darken(image):
        calls.append(image.shape)
        return image // 2

    with pytest.warns(UserWarning, match="runs the frozen backbone again in each of the 2 epochs"):
        small.set_params(augment=darken).fit(images, attributes)
    assert calls == [(3, 32, 32)] * 48


def test_scoring_reads_no_image_again(small, images, attributes, monkeypatch):
    read = []
    one = reader_module.read_image
    monkeypatch.setattr(
        reader_module, "read_image", lambda *args: read.append(args[0]) or one(*args)
    )
    y = attributes[["hood", "zip"]].fillna(0)
    y.iloc[::3] = 1
    clf = small.set_params(early_stopping=True, scoring="accuracy", validation_fraction=0.3)
    clf.fit(images, y)
    assert len(clf.validation_scores_) == 2
    assert sorted(read) == sorted(images["image"])
