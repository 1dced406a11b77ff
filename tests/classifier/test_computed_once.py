"""What is decoded, what passes the backbone, and what stays in memory."""

import gc
import mmap
import tempfile
import weakref

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torchvision.models import squeezenet1_1
from torchvision.transforms import v2

from attrlearn import ImageEmbedder
from attrlearn.features import prepared
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
    prepared._by_backbone.clear()


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
    # Those of the fold that is tested first come without mirror image, which is asked for later.
    assert work["decoded"] <= 2 * 24
    assert work["passes"] == 2 * 24
    before = dict(work)
    forget()
    clone(search).fit(images, attributes).predict(images)
    assert work == before


@pytest.mark.slow
def test_fits_of_every_seed_share_their_views_and_more_are_added(
    small, images, attributes, work, tmp_path
):
    torch.save(squeezenet1_1(weights=None).state_dict(), tmp_path / "weights.pth")
    small.set_params(weights=str(tmp_path / "weights.pth"), engine="torch", max_epochs=1)
    grid = {"augment": [None, "flip", "light", "strong"]}
    search = GridSearchCV(small, grid, cv=2, scoring=SCORERS["accuracy"], refit=False)
    search.fit(images, attributes)
    assert work["passes"] == (1 + 1 + 1 + 1) * 24
    clf = small.set_params(random_state=1, augment="strong", augment_views=6)
    clf.fit(images, attributes)
    assert work["passes"] == (1 + 1 + 1 + 5) * 24
    clf.set_params(random_state=2, augment_views=3).fit(images, attributes)
    assert work["passes"] == (1 + 1 + 1 + 5) * 24


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


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("cache_dir", ["auto", None])
def test_features_beyond_memory_teach_the_same_from_a_file_that_goes(
    small, damaged, attributes, monkeypatch, tmp_path, dtype, cache_dir
):
    monkeypatch.setenv("ATTRLEARN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    clf = small.set_params(
        dtype=dtype, cache_dir=cache_dir, on_bad_image="drop", calibrate=True, early_stopping=True
    )
    fitted, folders = [], []
    make = tempfile.TemporaryFile
    monkeypatch.setattr(
        tempfile, "TemporaryFile", lambda dir, **o: folders.append(dir.name) or make(dir=dir, **o)
    )
    mapped = []
    make_map = mmap.mmap

    def mapping(*args):
        content = make_map(*args)
        mapped.append(weakref.ref(content))
        return content

    monkeypatch.setattr(mmap, "mmap", mapping)
    for share in (0.4, 0.0):
        monkeypatch.setattr(sources, "MEMORY_SHARE", share)
        with pytest.warns(UserWarning, match="1 of 24 images"):
            fitted.append(clone(clf).fit(damaged, attributes))
    assert [content() for content in mapped] == [None]
    assert folders == ["temporary" if cache_dir is None else "cache"]
    a, b = fitted
    np.testing.assert_array_equal(a.loss_curve_, b.loss_curve_)
    np.testing.assert_array_equal(a.validation_scores_, b.validation_scores_)
    assert a.calibration_.equals(b.calibration_)
    left = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert [name for name in left if not name.startswith("attrlearn_features")] == ["bad.jpg"]


def test_features_that_neither_memory_nor_a_disk_holds_are_an_error(
    small, images, attributes, monkeypatch, tmp_path
):
    (tmp_path / "file").touch()
    monkeypatch.setattr(sources, "MEMORY_SHARE", 0.0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"Got 417,792 bytes of them, and '.*file': File exists\. "):
        small.set_params(cache_dir=None, dtype="float32").fit(images, attributes)


def test_in_bfloat16_all_features_are_rounded_wherever_they_come_from(
    small, images, attributes, monkeypatch
):
    original = prepared.open_backend

    def opening(*args):
        run = original(*args)
        return lambda images: 1.0001 * run(images)  # more digits, as OpenVINO gives

    monkeypatch.setattr(prepared, "open_backend", opening)
    clf = small.set_params(dtype="bfloat16", engine="torch", batch_size=24)
    cold, warm, uncached = (
        clone(clf).set_params(cache_dir=folder).fit(images, attributes)
        for folder in ("auto", "auto", None)
    )
    expected = cold.predict_proba(images)
    for other in (warm, uncached):
        np.testing.assert_array_equal(cold.loss_curve_, other.loss_curve_)
        for p, q in zip(expected, other.predict_proba(images), strict=True):
            np.testing.assert_array_equal(p, q)
    embedder = ImageEmbedder(
        "squeezenet1_1", weights=None, image_size=32, random_state=0, dtype="bfloat16"
    )
    features = embedder.set_params(engine="torch").fit_transform(images["image"])
    assert features.dtype == np.float32
    assert not (features.view(np.uint32) & 0xFFFF).any()


@pytest.mark.parametrize("augment", ["flip", "strong"])
def test_images_change_alike_in_any_number_of_threads_decoded_or_not(
    small, images, attributes, monkeypatch, augment
):
    clf = small.set_params(trainable="all", augment=augment, max_epochs=1)
    curves = []
    for share, n_jobs in ((0.4, 1), (0.4, 3), (0.0, 3)):
        monkeypatch.setattr(sources, "MEMORY_SHARE", share)
        fitted = clone(clf).set_params(n_jobs=n_jobs).fit(images, attributes)
        curves.append(fitted.loss_curve_)
    for curve in curves[1:]:
        np.testing.assert_array_equal(curve, curves[0])


@pytest.mark.parametrize(("augment", "n_views"), [(None, 1), ("flip", 2), ("strong", 3)])
def test_what_comes_before_the_last_block_is_computed_once(
    small, images, attributes, work, augment, n_views
):
    clf = small.set_params(
        trainable="last_block",
        augment=augment,
        augment_views=3,
        max_epochs=3,
        engine="torch",
    )
    before = clone(clf).set_params(max_epochs=1).fit(images, attributes)
    work.update(decoded=0, passes=0)
    clf.fit(images, attributes)
    assert work == {"decoded": 24, "passes": 24 * n_views}
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


@pytest.mark.parametrize("trainable", ["head", "last_block"])
def test_views_of_a_callable_are_computed_once_and_seeded(
    small, images, attributes, work, trainable
):
    transform = v2.RandomErasing(p=1.0, scale=(0.3, 0.5))
    clf = small.set_params(trainable=trainable, augment_views=3, engine="torch")
    clf.set_params(augment=None).fit(images, attributes)  # the cache holds the images as they are
    work.update(decoded=0, passes=0)
    first, again = (
        clone(clf).set_params(augment=transform, cache_dir=folder).fit(images, attributes)
        for folder in ("auto", None)
    )
    assert work == {"decoded": 2 * 24, "passes": 2 * 3 * 24}
    np.testing.assert_array_equal(first.loss_curve_, again.loss_curve_)
    assert not np.array_equal(first.loss_curve_, clf.loss_curve_)


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_validation_reads_the_images_as_they_are(small, images, attributes, trainable):
    """With a learning rate of next to nothing, scores tell what was predicted."""
    clf = small.set_params(
        trainable=trainable, early_stopping=True, learning_rate=1e-30, max_epochs=1
    )
    scores = [
        clone(clf).set_params(augment=augment).fit(images, attributes).validation_scores_
        for augment in (None, "strong")
    ]
    np.testing.assert_allclose(*scores, rtol=1e-6)


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
