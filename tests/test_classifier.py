import gc
import random
import subprocess
import sys
import warnings
from ast import literal_eval
from concurrent.futures import ThreadPoolExecutor
from inspect import getdoc
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV

from attrlearn import AttributeClassifier, ImageEmbedder
from attrlearn.features import extractor as extractor_module
from attrlearn.images import reader as reader_module
from attrlearn.metrics import SCORERS, accuracy_score
from attrlearn.nn.backbones import Backbone
from attrlearn.training import sources

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(80, 12)).astype(np.float32)
BINARY = np.where(RNG.random((80, 3)) < 0.3, np.nan, FEATURES[:, :3] > 0)
FEATURES.flags.writeable = BINARY.flags.writeable = False  # what is passed in must stay as it is


# --- what fit learns ---------------------------------------------------------------------------


def test_separable_attributes_are_learnt_through_gaps():
    clf = AttributeClassifier(
        None, max_epochs=60, learning_rate=0.03, weight_decay=0, random_state=0
    ).fit(FEATURES, BINARY)
    assert (clf.predict(FEATURES) == (FEATURES[:, :3] > 0)).mean() > 0.9


def test_without_regularisation_the_fit_is_logistic_regression():
    """One binary attribute, no dropout, balanced weights: the optimum is known."""
    y = (FEATURES[:, :1] + RNG.normal(size=(80, 1)) > 0.8).astype(float)
    ours = AttributeClassifier(
        None,
        dropout=0,
        weight_decay=0,
        batch_size=80,
        max_epochs=800,
        learning_rate=0.1,
        random_state=0,
    ).fit(FEATURES, y)
    theirs = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=5000, tol=1e-10)
    expected = theirs.fit(FEATURES, y[:, 0]).predict_proba(FEATURES)[:, 1]
    np.testing.assert_allclose(ours.predict_proba(FEATURES)[:, 0], expected, atol=0.01)


def test_category_alone_can_decide_an_attribute():
    nothing = np.zeros((60, 2), dtype=np.float32)
    categories = np.array(["shirt", "dress", "shoe"] * 20, dtype=object)
    y = (categories == "dress").astype(float)[:, None]
    clf = AttributeClassifier(None, max_epochs=60, learning_rate=0.03, random_state=0)
    p = clf.fit(nothing, y, categories).predict_proba(nothing, categories)[:, 0]
    assert p[categories == "dress"].min() > 0.8 > 0.2 > p[categories != "dress"].max()


def test_value_behind_a_missing_cell_cannot_reach_the_fit(tabular):
    """-1, NaN, None and NA all say: missing."""
    as_text = pd.DataFrame(BINARY).astype(object).where(~np.isnan(BINARY), None)
    forms = [
        BINARY,
        np.where(np.isnan(BINARY), -1, BINARY),
        np.where(np.isnan(BINARY), -1, BINARY).astype(int),
        as_text,
        pd.DataFrame(BINARY).astype("Int64"),
        pd.DataFrame(BINARY).astype("boolean"),
    ]
    curves = [clone(tabular).fit(FEATURES, y).loss_curve_ for y in forms]
    assert all((curve == curves[0]).all() for curve in curves)


@pytest.mark.parametrize("trainable", ["head", "last_block", "all"])
def test_what_is_trained_changes_and_what_is_frozen_does_not(small, images, attributes, trainable):
    clf = small.set_params(trainable=trainable, learning_rate=0.01)
    start = clone(clf).set_params(max_epochs=1, learning_rate=1e-12, weight_decay=0)
    before = start.fit(images, attributes).network_.backbone.state_dict()
    after = clf.fit(images, attributes).network_.backbone.state_dict()
    moved = {key for key in after if not torch.allclose(before[key].float(), after[key].float())}
    first = {"model.conv1.weight", "model.bn1.running_mean"}
    last = {"model.layer4.1.conv1.weight", "model.layer4.1.bn1.running_mean"}
    assert (
        moved & (first | last)
        == {"head": set(), "last_block": last, "all": first | last}[trainable]
    )
    assert bool(moved) == (trainable != "head")


def test_frozen_backbone_runs_once_per_image_and_view(small, images, attributes, monkeypatch):
    from attrlearn.nn.backbones import Backbone

    seen = []
    forward = Backbone.forward
    monkeypatch.setattr(Backbone, "forward", lambda s, x: seen.append(len(x)) or forward(s, x))
    small.set_params(max_epochs=5, engine="torch", cache_dir=None).fit(images, attributes)
    assert sum(seen) == 2 * len(images)
    seen.clear()
    small.set_params(augment=None).fit(images, attributes)
    assert sum(seen) == len(images)


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
        "resnet18", weights=None, image_size=32, random_state=0, engine="torch"
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
    trained, still = "backbone.model.layer4.1.conv1.weight", "backbone.model.layer4.0.conv1.weight"
    weights, earlier = clf.network_.state_dict(), before.network_.state_dict()
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
        assert weights() > before + 40e6
        del clf
        assert weights() < before + 1e6
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


# --- chance ------------------------------------------------------------------------------------


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_two_fits_of_one_seed_give_the_same_curve_bit_for_bit(small, images, attributes, trainable):
    small.set_params(trainable=trainable)
    curves = [clone(small).fit(images, attributes).loss_curve_ for _ in range(2)]
    assert (curves[0] == curves[1]).all()
    other = clone(small).set_params(random_state=1).fit(images, attributes)
    assert (other.loss_curve_ != curves[0]).any()


@pytest.mark.parametrize("random_state", [None, 0])
def test_no_global_generator_moves(tabular, random_state):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    tabular.set_params(random_state=random_state).fit(FEATURES, BINARY).predict(FEATURES)
    assert (torch.get_rng_state() == before[0]).all()
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


# --- what is predicted -------------------------------------------------------------------------


def test_probabilities_do_not_depend_on_row_order_or_batch_size(small, images, attributes):
    clf = small.fit(images, attributes)
    reference = np.hstack(clf.predict_proba(images))
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = np.hstack(clf.predict_proba(images.iloc[order]))
    np.testing.assert_allclose(shuffled, reference[order], atol=1e-5)
    for batch_size in (1, 5, 64):
        clf.set_params(batch_size=batch_size)
        np.testing.assert_allclose(np.hstack(clf.predict_proba(images)), reference, atol=1e-5)


def test_all_binary_gives_one_array(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    p = clf.predict_proba(FEATURES)
    assert p.shape == (80, 3)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert clf.attribute_names_ == ["Attr1", "Attr2", "Attr3"]
    predicted = clf.predict(FEATURES)
    assert predicted.dtype.kind == "i"
    assert (predicted == (p > 0.5)).all()


def test_a_categorical_attribute_gives_a_list(small, images, attributes):
    clf = small.fit(images, attributes)
    p = clf.predict_proba(images)
    assert [array.shape for array in p] == [(24, 2), (24, 2), (24, 3)]
    for array in p:
        np.testing.assert_allclose(array.sum(axis=1), 1, atol=1e-5)
    assert [list(classes) for classes in clf.classes_] == [
        [0, 1],
        [0, 1],
        ["long", "midi", "short"],
    ]
    predicted = clf.predict(images)
    assert predicted.dtype == object
    assert (predicted[:, 2] == clf.classes_[2][p[2].argmax(axis=1)]).all()


def test_table_holds_the_prediction_and_its_probability(small, images, attributes):
    X = images.set_index(pd.Index([f"id{i}" for i in range(24)]))
    clf = small.fit(X, attributes)
    table = clf.predict_table(X)
    assert list(table) == ["hood", "hood_proba", "zip", "zip_proba", "length", "length_proba"]
    assert list(table.index) == list(X.index)
    for a, name in enumerate(clf.attribute_names_):
        assert (table[name] == clf.predict(X)[:, a]).all()
        np.testing.assert_allclose(table[f"{name}_proba"], clf.predict_proba(X)[a].max(axis=1))


def test_attribute_a_category_never_has_is_na_in_the_table(tabular):
    categories = np.array(["shirt", "shoe"] * 40)
    y = pd.DataFrame(BINARY, columns=["striped", "sleeve", "hood"], copy=True)
    y.loc[categories == "shoe", "sleeve"] = np.nan
    clf = tabular.fit(FEATURES, y, categories)
    assert clf.applicable_.loc["shoe"].tolist() == [True, False, True]
    assert clf.applicable_.loc["shirt"].all()
    table = clf.predict_table(FEATURES, categories)
    assert table["sleeve"].isna().tolist() == (categories == "shoe").tolist()
    assert table["sleeve_proba"].isna().tolist() == (categories == "shoe").tolist()
    assert table[["striped", "hood"]].notna().all(axis=None)


def test_score_is_the_mean_balanced_accuracy_on_labelled_cells(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    predicted = clf.predict(FEATURES)
    expected = []
    for a in range(3):
        labelled = ~np.isnan(BINARY[:, a])
        expected.append(balanced_accuracy_score(BINARY[labelled, a], predicted[labelled, a]))
    assert clf.score(FEATURES, BINARY) == pytest.approx(np.mean(expected))


def test_score_finds_the_attributes_by_name(tabular):
    y = pd.DataFrame(BINARY, columns=["a", "b", "c"])
    clf = tabular.fit(FEATURES, y)
    assert clf.score(FEATURES, y[["c", "a", "b"]]) == clf.score(FEATURES, y)
    with pytest.raises(ValueError, match=r"attributes of fit\. Got \['a', 'b'\]"):
        clf.score(FEATURES, y[["a", "b"]])


def test_score_that_cannot_be_is_nan_with_a_warning(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    with pytest.warns(UserWarning, match="Attr1"):
        assert np.isnan(clf.score(FEATURES, np.full((80, 3), np.nan)))


# --- forms of X --------------------------------------------------------------------------------


def test_every_form_of_images_predicts_the_same(small, images, attributes):
    clf = small.fit(images["image"], attributes)
    expected = np.hstack(clf.predict_proba(images["image"]))
    opened = [Image.open(path) for path in images["image"]]
    arrays = [np.asarray(image) for image in opened]
    forms = [
        list(images["image"]),
        images["image"].to_numpy(),
        images[["image"]],
        opened,
        arrays,
        np.stack(arrays),
        [Path(path).read_bytes() for path in images["image"]],
    ]
    for form in forms:
        np.testing.assert_allclose(np.hstack(clf.predict_proba(form)), expected, atol=1e-6)


def test_one_image_is_an_error_but_in_the_table(small, images, attributes):
    clf = small.fit(images["image"], attributes)
    path = images["image"][0]
    with pytest.raises(ValueError, match=r"Got a single one, of type str\. Wrap it in a list"):
        clf.predict(path)
    pd.testing.assert_frame_equal(clf.predict_table(path), clf.predict_table([path]))
    buffer = BytesIO()
    Image.open(path).save(buffer, "PNG")
    pd.testing.assert_frame_equal(clf.predict_table(buffer.getvalue()), clf.predict_table([path]))


def test_categories_count_the_same_in_x_and_beside_it(small, images, attributes):
    inside = clone(small).fit(images, attributes)
    beside = clone(small).fit(images["image"], attributes, categories=images["category"])
    assert (inside.loss_curve_ == beside.loss_curve_).all()
    np.testing.assert_array_equal(
        inside.predict(images), beside.predict(images["image"], images["category"])
    )


def test_unseen_and_missing_categories_are_unknown_and_counted(small, images, attributes):
    clf = small.fit(images, attributes)
    paths = images["image"][:3]
    with pytest.warns(UserWarning, match="3 rows have none: they count as unknown"):
        none = clf.predict_proba(paths)
    with pytest.warns(UserWarning, match=r"2 rows .* unknown: \{'hat': 2\}\. Known are \['dress'"):
        unseen = clf.predict_proba(paths, ["hat", None, "hat"])
    np.testing.assert_allclose(np.hstack(none), np.hstack(unseen))


@pytest.mark.parametrize("n", [1, 2])
def test_one_image_and_one_attribute_keep_their_axes(small, images, n):
    y = np.array([[1.0], [0.0]])[:n]
    clf = small.set_params(trainable="head")
    if n == 1:
        with pytest.warns(UserWarning, match=r"Fewer than two classes .*\['Attr1'\]"):
            clf.fit(images["image"][:n], y)
    else:
        clf.fit(images["image"][:n], y)
    assert clf.predict_proba(images["image"][:1]).shape == (1, 1)
    assert clf.predict(images["image"][:1]).shape == (1, 1)
    assert len(clf.categories_) == 0


def test_attribute_without_a_label_is_named_and_learns_nothing(tabular):
    y = BINARY.copy()
    y[:, 1] = np.nan
    with pytest.warns(UserWarning, match=r"in 1 attributes: \['Attr2'\]\. They teach nothing"):
        clf = tabular.fit(FEATURES, y)
    assert clf.class_weight_["Attr2"] == {0: 1.0, 1: 1.0}
    assert clf.predict(FEATURES).shape == (80, 3)


def test_table_without_any_label_still_fits(tabular):
    with pytest.warns(UserWarning, match="3 attributes"):
        clf = tabular.fit(FEATURES, np.full((80, 3), np.nan))
    assert (clf.loss_curve_ == 0).all()


def test_class_weights_are_kept_by_name(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    n_negative, n_positive = (BINARY[:, 0] == 0).sum(), (BINARY[:, 0] == 1).sum()
    weight = clf.class_weight_["Attr1"]
    assert weight[1] / weight[0] == pytest.approx(n_negative / n_positive)


def test_texts_that_mark_a_gap_are_an_error_in_fit_and_score_and_metrics(tabular):
    neck = np.array(["v", "o"] * 40, dtype=object)[:, None]
    clf = tabular.fit(FEATURES, neck)
    predicted = clf.predict(FEATURES)
    neck[7] = "n/a"
    validation = {"X_val": FEATURES, "y_val": neck}
    for call in (
        lambda: clf.fit(FEATURES, neck),
        lambda: clf.score(FEATURES, neck),
        lambda: SCORERS["balanced_accuracy"](clf, FEATURES, neck),
        lambda: accuracy_score(neck, predicted),
        lambda: clone(clf).set_params(early_stopping=True).fit(FEATURES, predicted, **validation),
    ):
        with pytest.raises(
            ValueError, match=r"Got 'n/a' at row 7, attribute 'Attr1'\. Pass y.repl"
        ):
            call()


def test_text_that_is_not_meant_as_classes_is_warned_about_in_fit_alone(tabular):
    y = pd.DataFrame({"hood": ["0", "1"] * 40, "sku": [f"{i:03}" for i in range(80)]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tabular.fit(FEATURES, y, np.array(["shirt", "nan"] * 40))
    assert [str(warning.message)[:24] for warning in caught] == [
        "['sku'] look like free t",
        "['hood'] hold 0 and 1 as",
        "['nan'] are learnt as ca",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    categories = np.array(["shirt", "nan"] * 40)
    tabular.score(FEATURES, y, categories)
    accuracy_score(y, tabular.predict(FEATURES, categories))
    tabular.set_params(categorical_attributes=["hood", "sku"]).fit(FEATURES, y)


def test_class_weights_that_leave_nothing_to_learn_are_an_error(tabular):
    zero = {0: 0, 1: 0}
    clf = tabular.set_params(class_weight={"Attr1": zero, "Attr2": zero})
    with pytest.raises(ValueError, match="class_weight must be more than 0 for a labelled class"):
        clf.fit(FEATURES, BINARY[:, :2])
    with pytest.warns(UserWarning, match=r"fewer than two .*\['Attr1', 'Attr2'\]") as record:
        clf.fit(FEATURES, BINARY)
    assert record[0].filename == __file__
    with (
        pytest.warns(UserWarning, match=r"Fewer than two classes .*\['Attr3'\]"),
        pytest.raises(ValueError, match="class_weight must be more than 0 for a labelled class"),
    ):
        clf.fit(FEATURES, BINARY, sample_weight=np.tile([1, 1, 0], (80, 1)))


def test_dates_are_classes_of_a_category_dtype(tabular):
    dates = pd.to_datetime(["2020-01-02", "2021-03-04"]).as_unit("ns")
    codes = (FEATURES[:, 0] > 0).astype(int)
    y = pd.DataFrame({"season": pd.Categorical.from_codes(codes, dates)})
    clf = tabular.set_params(max_epochs=60, learning_rate=0.03).fit(FEATURES, y)
    assert clf.score(FEATURES, y) > 0.9
    assert SCORERS["accuracy"](clf, FEATURES, y) > 0.9
    assert {*clf.predict_table(FEATURES)["season"]} == {*dates}


def test_tensors_teach_what_arrays_teach(tabular):
    y, categories = np.nan_to_num(BINARY), np.arange(80) % 2
    options = {"early_stopping": True, "scoring": "accuracy"}
    expected = (
        clone(tabular)
        .set_params(**options)
        .fit(FEATURES, y, categories, sample_weight=categories + 1)
    )
    X, y, categories = map(torch.tensor, (FEATURES, y, categories))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = tabular.set_params(**options).fit(X, y, categories, sample_weight=categories + 1)
        scores = [model.score(X, y, categories) for model in (clf, expected)]
    np.testing.assert_array_equal(clf.loss_curve_, expected.loss_curve_)
    assert scores[0] == scores[1]


# --- bad images ------------------------------------------------------------------------------


@pytest.fixture
def damaged(images, tmp_path) -> pd.DataFrame:
    """The images, of which row 5 is not one."""
    (tmp_path / "bad.jpg").write_bytes(b"not an image")
    X = images.copy()
    X.loc[5, "image"] = str(tmp_path / "bad.jpg")
    return X


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_bad_image_is_an_error_that_names_its_row(small, damaged, attributes, trainable):
    with pytest.raises(OSError, match=r"image '.*bad\.jpg' \(row 5\): .*on_bad_image=\"drop\""):
        small.set_params(trainable=trainable).fit(damaged, attributes)
    assert not hasattr(small, "network_")


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_dropped_images_are_listed_and_the_others_learnt(small, damaged, attributes, trainable):
    clf = clone(small).set_params(on_bad_image="drop", trainable=trainable)
    with pytest.warns(UserWarning, match=r"1 of 24 images .* \(row 5\)"):
        clf.fit(damaged, attributes)
    assert clf.bad_images_["row"].tolist() == [5]
    rest = clone(small).set_params(trainable=trainable)
    rest.fit(damaged.drop(index=5), attributes.drop(index=5))
    assert (clf.loss_curve_ == rest.loss_curve_).all()


def test_dropped_images_keep_their_place_in_predictions(small, damaged, images, attributes):
    clf = small.set_params(on_bad_image="drop").fit(images, attributes)
    good = np.arange(24) != 5
    with pytest.warns(UserWarning, match="1 of 24 images"):
        p = np.hstack(clf.predict_proba(damaged))
    assert np.isnan(p[5]).all()
    np.testing.assert_allclose(p[good], np.hstack(clf.predict_proba(images))[good], atol=1e-6)
    with pytest.warns(UserWarning, match="1 of 24 images"):
        table = clf.predict_table(damaged)
    reasons = table.pop("image_error")
    assert reasons[~good].tolist() == ["not an image Pillow can read"]
    assert reasons[good].isna().all()
    assert table.isna().all(axis=1).tolist() == (~good).tolist()
    with pytest.warns(UserWarning, match="1 of 24 images"):
        score = clf.score(damaged, attributes)
    assert score == pytest.approx(clf.score(images[good], attributes[good]))
    with pytest.raises(OSError, match="row 5"):
        clf.predict(damaged)


def test_the_score_of_no_good_image_is_nan(small, images, attributes):
    clf = small.set_params(on_bad_image="drop").fit(images, attributes)
    with (
        pytest.warns(UserWarning, match="2 of 2 images"),
        pytest.warns(UserWarning, match=r"left out \['hood', 'zip', 'length'\]"),
    ):
        score = clf.score(images[:2].assign(image=["a.jpg", "b.jpg"]), attributes[:2])
    assert np.isnan(score)


def test_no_good_image_is_an_error(small, tmp_path):
    clf = small.set_params(on_bad_image="drop")
    with pytest.raises(OSError, match="Got 2, none of which can"):
        clf.fit([tmp_path / "a.jpg", tmp_path / "b.jpg"], [[0], [1]])


# --- parameters --------------------------------------------------------------------------------


def test_init_only_stores():
    params = AttributeClassifier().get_params()
    assert vars(AttributeClassifier()) == params
    assert clone(AttributeClassifier(dropout=0.1)).dropout == 0.1


def test_every_parameter_has_a_rule_and_a_text():
    params = AttributeClassifier().get_params()
    assert params.keys() == AttributeClassifier._parameter_constraints.keys()
    for name, default in params.items():
        assert f"\n{name} : " in getdoc(AttributeClassifier), name
        line = getdoc(AttributeClassifier).split(f"\n{name} : ")[1].splitlines()[0]
        assert literal_eval(line.split("default=")[1]) == default, name


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_epochs", 0), ("dropout", 1.0), ("trainable", "tail"), ("resize", None), ("loss", "mse")],
)
def test_wrong_parameter_is_named(tabular, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of AttributeClassifier must be"):
        tabular.set_params(**{name: value}).fit(FEATURES, BINARY)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_every_optimizer_and_schedule_lowers_the_loss(optimizer, schedule):
    clf = AttributeClassifier(
        None,
        optimizer=optimizer,
        schedule=schedule,
        learning_rate=0.02,
        max_epochs=20,
        random_state=0,
    ).fit(FEATURES, BINARY)
    assert clf.history_["loss"].iloc[-1] < 0.8 * clf.history_["loss"].iloc[0]
    assert len(clf.loss_curve_) == 20 * 3
    assert clf.n_epochs_ == len(clf.history_) == 20


def test_accumulated_fit_equals_the_large_batch():
    options = {"dropout": 0, "max_epochs": 3, "random_state": 0, "optimizer": "sgd"}
    large = AttributeClassifier(None, batch_size=32, **options).fit(FEATURES, BINARY)
    small = AttributeClassifier(None, batch_size=8, accumulate_steps=4, **options)
    np.testing.assert_allclose(
        small.fit(FEATURES, BINARY).loss_curve_, large.loss_curve_, rtol=1e-4
    )


def test_warm_start_continues_the_curve(tabular):
    clf = tabular.set_params(warm_start=True, learning_rate=0.03)
    first = clf.fit(FEATURES, BINARY).loss_curve_
    second = clf.fit(FEATURES, BINARY).loss_curve_
    assert (second[: len(first)] == first).all()
    assert len(second) == 2 * len(first)
    assert list(clf.history_.index) == [1, 2, 3, 4, 5, 6]
    assert second[len(first) :].mean() < first.mean()
    with pytest.raises(ValueError, match="attributes and classes of the last fit"):
        clf.fit(FEATURES, BINARY[:, :2])


def test_warm_start_refuses_another_network_table_or_features(tabular):
    X = pd.DataFrame(FEATURES, columns=[f"f{i}" for i in range(12)])
    y = pd.DataFrame(BINARY, columns=["a", "b", "c"])
    clf = tabular.set_params(warm_start=True).fit(X, y)
    curve = clf.loss_curve_.copy()
    with pytest.raises(ValueError, match="attributes and classes of the last fit"):
        clf.fit(X, y[["b", "a", "c"]])
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        clf.fit(X[X.columns[::-1]], y)
    with pytest.raises(ValueError, match=r"\['hidden_dim'\] must be those of the last fit.*\[8\]"):
        clf.set_params(hidden_dim=8).fit(X, y)
    assert (clf.loss_curve_ == curve).all()


def test_score_refuses_classes_that_fit_did_not_know(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    wrong = BINARY.copy()
    wrong[7, 1] = 2
    with pytest.raises(ValueError, match=r"Got 2\.0 at row 7, attribute 'Attr2'"):
        clf.score(FEATURES, wrong)


def test_a_class_of_minus_one_counts_like_any_other(tabular):
    y = pd.DataFrame({"turn": pd.Categorical(np.where(FEATURES[:, 0] > 0, 1, -1))})
    clf = tabular.set_params(max_epochs=40, learning_rate=0.03).fit(FEATURES, y)
    right = clf.predict(FEATURES)[:, 0] == y["turn"].to_numpy()
    assert clf.score(FEATURES, y) == pytest.approx(
        np.mean([right[y["turn"] == k].mean() for k in (-1, 1)])
    )
    assert clf.score(FEATURES, y) > 0.9


def test_rows_that_lack_the_highest_codes_can_be_scored():
    """Of 0 and 1 alone an attribute would seem binary, and a predicted 2 wrong."""
    y = (FEATURES[:, :2] > 0).sum(axis=1, keepdims=True)
    clf = AttributeClassifier(None, max_epochs=3, categorical_attributes=[0], random_state=0).fit(
        FEATURES, y
    )
    rows = y[:, 0] < 2
    predicted = clf.predict(FEATURES[rows])[:, 0].astype(int)
    assert 2 in predicted
    recalls = [(predicted == c)[y[rows, 0] == c].mean() for c in (0, 1)]
    assert clf.score(FEATURES[rows], y[rows]) == pytest.approx(np.mean(recalls))


def test_batch_norm_on_single_rows_is_an_error():
    clf = AttributeClassifier(None, hidden_dim=4, norm="batch", batch_size=1)
    with pytest.raises(ValueError, match=r"batches of two rows or more\. Got 80 rows and batch_si"):
        clf.fit(FEATURES, BINARY)


def test_bfloat16_predicts_nearly_the_same(small, images, attributes):
    clf = small.set_params(engine="torch", dtype="float32").fit(images, attributes)
    expected = np.hstack(clf.predict_proba(images))
    other = np.hstack(clf.set_params(dtype="bfloat16").predict_proba(images))
    assert np.abs(other - expected).max() < 0.02
    assert (other != expected).any()


def test_progress_is_shown_only_when_asked(tabular, capsys):
    clone(tabular).fit(FEATURES, BINARY)
    assert capsys.readouterr().err == ""
    tabular.set_params(verbose=1).fit(FEATURES, BINARY)
    assert "epoch 3/3" in capsys.readouterr().err


def test_unfitted_is_said(tabular):
    with pytest.raises(NotFittedError):
        tabular.predict(FEATURES)


def test_other_number_of_features_is_an_error(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    with pytest.raises(ValueError, match=r"X has 11 features, but .* is expecting 12"):
        clf.predict(FEATURES[:, 1:])


def test_features_in_another_order_are_an_error(tabular):
    X = pd.DataFrame(FEATURES, columns=[f"f{i}" for i in range(12)])
    clf = tabular.fit(X, BINARY)
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        clf.predict(X[X.columns[::-1]])


# --- save and load -----------------------------------------------------------------------------


def test_loaded_model_predicts_the_same_in_a_fresh_process_elsewhere(
    small, images, attributes, tmp_path
):
    weights = tmp_path / "weights.pth"
    torch.save(_state_dict(), weights)
    clf = small.set_params(weights=weights).fit(images, attributes)
    joblib.dump(clf, tmp_path / "model.joblib")
    np.save(tmp_path / "expected.npy", np.hstack(clf.predict_proba(images)))
    images.to_pickle(tmp_path / "X.pkl")
    weights.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = (
        "import joblib, numpy as np, pandas as pd; clf = joblib.load('../model.joblib');"
        "p = np.hstack(clf.predict_proba(pd.read_pickle('../X.pkl')));"
        "print(np.abs(p - np.load('../expected.npy')).max())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 1e-6


def _state_dict():
    from torchvision.models import resnet18

    return resnet18(weights=None).state_dict()


def test_tensors_are_saved_on_the_cpu(small, images, attributes):
    state = small.fit(images, attributes).__getstate__()
    assert {p.device.type for p in state["network_"].parameters()} == {"cpu"}


def test_model_of_another_version_warns(tabular, tmp_path, monkeypatch):
    tabular.fit(FEATURES, BINARY)
    monkeypatch.setattr("attrlearn.pickling.__version__", "9.9")
    joblib.dump(tabular, tmp_path / "m.joblib")
    monkeypatch.undo()
    with pytest.warns(UserWarning, match=r"written by attrlearn 9\.9 and is read by"):
        joblib.load(tmp_path / "m.joblib")


# --- rows and cells that count more --------------------------------------------------------------

WHOLE = {"dropout": 0, "batch_size": 200, "max_epochs": 5, "learning_rate": 0.1, "random_state": 0}


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_row_of_weight_two_is_a_row_twice_and_one_of_zero_is_none(class_weight):
    clf = AttributeClassifier(None, class_weight=class_weight, **WHOLE)
    times = np.arange(80) % 3
    weighted = clf.fit(FEATURES, BINARY, sample_weight=times).loss_curve_
    rows = np.repeat(np.arange(80), times)
    repeated = clf.fit(FEATURES[rows], BINARY[rows]).loss_curve_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-5)
    assert not np.allclose(clf.fit(FEATURES, BINARY).loss_curve_, repeated, rtol=1e-5)


def test_a_cell_of_weight_zero_is_a_missing_cell():
    clf = AttributeClassifier(None, **WHOLE)
    counts = RNG.random(BINARY.shape) < 0.7
    weighted = clf.fit(FEATURES, BINARY, sample_weight=counts).loss_curve_
    missing = clf.fit(FEATURES, np.where(counts, BINARY, np.nan)).loss_curve_
    np.testing.assert_array_equal(weighted, missing)


def test_score_weighs_rows_as_scikit_learn_does(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    weight = RNG.random(80)
    expected = [
        balanced_accuracy_score(known[rows], predicted[rows], sample_weight=weight[rows])
        for known, predicted in zip(BINARY.T, clf.predict(FEATURES).T, strict=True)
        for rows in [~np.isnan(known)]
    ]
    assert clf.score(FEATURES, BINARY, sample_weight=weight) == pytest.approx(np.mean(expected))


# --- rows held out -------------------------------------------------------------------------------

NOISY = np.where(RNG.random((300, 3)) < 0.3, np.nan, RNG.random((300, 3)) < 0.5)
NOISE = RNG.normal(size=(300, 30)).astype(np.float32)
STOPPING = {"learning_rate": 0.05, "max_epochs": 30, "early_stopping": True, "random_state": 0}


def weighted_loss(clf, X, y):
    """The loss on the labelled cells, by scikit-learn."""
    total = weights = 0.0
    for a, p in enumerate(clf.predict_proba(X).T):
        rows = ~np.isnan(y[:, a])
        known = y[rows, a]
        weight = np.vectorize(clf.class_weight_[f"Attr{a + 1}"].get)(known.astype(int))
        total += log_loss(known, p[rows], sample_weight=weight, normalize=False)
        weights += weight.sum()
    return total / weights


def test_training_stops_and_keeps_the_weights_of_the_best_epoch():
    X_val, y_val = NOISE[:80], NOISY[:80]
    clf = AttributeClassifier(None, n_iter_no_change=4, **STOPPING)
    clf.fit(NOISE[80:], NOISY[80:], X_val=X_val, y_val=y_val)
    scores = clf.validation_scores_
    assert clf.n_epochs_ == len(scores) == len(clf.history_) == clf.best_epoch_ + 4 < 30
    assert clf.best_epoch_ == scores.argmax() + 1
    assert clf.history_["validation_score"].tolist() == scores.tolist()
    assert -weighted_loss(clf, X_val, y_val) == pytest.approx(scores.max(), rel=1e-5)


@pytest.mark.parametrize("scoring", ["average_precision", "balanced_accuracy", "neg_log_loss"])
def test_the_score_of_the_best_epoch_is_that_of_the_fitted_estimator(scoring):
    clf = AttributeClassifier(None, scoring=scoring, **STOPPING)
    clf.fit(NOISE[80:], NOISY[80:], X_val=NOISE[:80], y_val=NOISY[:80])
    score = SCORERS[scoring](clf, NOISE[:80], NOISY[:80])
    assert clf.validation_scores_.max() == pytest.approx(score, rel=1e-5)


def test_any_scorer_judges_with_the_rows_as_they_were_given():
    seen = []

    def scorer(estimator, X, y):
        seen.append((X, y))
        return -abs(estimator.predict_proba(X)[:, 0].mean() - X["wanted"].iloc[0])

    X = pd.DataFrame(NOISE[:, :4], columns=list("abcd")).assign(wanted=0.25)
    y = pd.DataFrame(NOISY, columns=["hood", "zip", "logo"], index=X.index)
    clf = AttributeClassifier(None, scoring=scorer, **STOPPING).fit(X, y)
    X_val, y_val = seen[0]
    assert len(seen) == clf.n_epochs_
    assert len(X_val) == 30
    pd.testing.assert_frame_equal(X_val, X.loc[X_val.index])
    pd.testing.assert_frame_equal(y_val, y.loc[X_val.index])


def test_held_out_rows_teach_nothing():
    clf = AttributeClassifier(None, max_epochs=3, early_stopping=True, random_state=0)
    curves = [
        clf.fit(NOISE[80:], NOISY[80:], X_val=NOISE[:80], y_val=y_val).loss_curve_
        for y_val in (NOISY[:80], 1 - NOISY[:80])
    ]
    np.testing.assert_array_equal(*curves)
    alone = clf.set_params(early_stopping=False).fit(NOISE[80:], NOISY[80:]).loss_curve_
    np.testing.assert_array_equal(curves[0], alone)


def test_a_share_is_held_out_of_rows_and_rare_positives_alike():
    y = np.zeros((200, 1))
    y[::20] = 1
    seen = []

    def scorer(estimator, X, y):
        seen.append(y)
        return 0.0

    clf = AttributeClassifier(
        None, batch_size=1, early_stopping=True, scoring=scorer, validation_fraction=0.2
    )
    clf.set_params(max_epochs=1).fit(RNG.normal(size=(200, 2)), y)
    assert seen[0].shape == (40, 1)
    assert seen[0].sum() == 2
    assert len(clf.loss_curve_) == 160


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_held_out_images_are_judged_unchanged(small, images, attributes, trainable):
    clf = small.set_params(
        trainable=trainable, early_stopping=True, scoring="neg_log_loss", dtype="float32"
    )
    X_val, y_val = images.iloc[:12], attributes.iloc[:12]
    clf.fit(images.iloc[12:], attributes.iloc[12:], X_val=X_val, y_val=y_val)
    expected = SCORERS["neg_log_loss"](clf, X_val, y_val)
    assert clf.validation_scores_.max() == pytest.approx(expected, rel=1e-4)


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


def test_warm_start_continues_the_scores():
    clf = AttributeClassifier(None, warm_start=True, **STOPPING | {"max_epochs": 2})
    first = clf.fit(NOISE, NOISY).validation_scores_
    clf.fit(NOISE, NOISY)
    assert clf.validation_scores_[:2].tolist() == first.tolist()
    assert len(clf.validation_scores_) == clf.n_epochs_ == 4
    assert clf.best_epoch_ in (3, 4)


def test_without_early_stopping_nothing_is_held_out(tabular):
    clf = tabular.fit(FEATURES, BINARY)
    assert clf.validation_scores_.tolist() == []
    assert clf.best_epoch_ == clf.n_epochs_ == 3
    assert "validation_score" not in clf.history_


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_what_is_held_out_can_be_read_and_is_judged_as_it_is(small, damaged, attributes, trainable):
    """Bad images leave; rows, labels and predictions of those held out stay together."""
    seen = {}

    def scorer(estimator, X, y):
        seen[estimator.predict_proba(X)[0].tobytes()] = (X, y)
        return len(seen)

    clf = small.set_params(
        trainable=trainable,
        on_bad_image="drop",
        early_stopping=True,
        validation_fraction=0.4,
        scoring=scorer,
        dtype="float32",
    )
    with pytest.warns(UserWarning, match="could not be read"):
        clf.fit(damaged, attributes)
    *_, (said, (X_val, y_val)) = seen.items()
    assert len(X_val) == 10  # 0.4 of the 23 that can be read, rounded up
    assert clf.bad_images_["row"].tolist() == [5]
    assert 5 not in X_val.index
    pd.testing.assert_frame_equal(X_val, damaged.loc[X_val.index])
    pd.testing.assert_frame_equal(y_val, attributes.loc[X_val.index])
    again = clf.predict_proba(X_val)[0]
    np.testing.assert_allclose(
        np.frombuffer(said, np.float32).reshape(again.shape), again, atol=1e-5
    )


def test_columns_of_the_held_out_rows_may_come_in_another_order():
    X = pd.DataFrame(NOISE, columns=[f"f{i}" for i in range(30)])
    y = pd.DataFrame(NOISY, columns=["hood", "zip", "logo"])
    clf = AttributeClassifier(None, scoring="roc_auc", **STOPPING)
    scores = [
        clf.fit(X[80:], y[80:], X_val=X[:80], y_val=y.loc[:79, names]).validation_scores_
        for names in (["hood", "zip", "logo"], ["logo", "hood", "zip"])
    ]
    np.testing.assert_array_equal(*scores)
    with pytest.raises(ValueError, match=r"(?s)In X_val, y_val: .*must be in the same order"):
        clf.fit(X, y, X_val=X[X.columns[::-1]], y_val=y)
    with pytest.raises(ValueError, match=r"In X_val, y_val: X has 7 features, but Attr.* 30"):
        clf.fit(NOISE, NOISY, X_val=NOISE[:, :7], y_val=NOISY)


def test_held_out_cells_of_weight_zero_do_not_judge():
    weight = np.where(np.arange(300) % 3, 1.0, 0.0)
    clf = AttributeClassifier(None, scoring="average_precision", **STOPPING)
    seen = []

    def scorer(estimator, X, y, sample_weight):
        seen.append(sample_weight)
        return SCORERS["average_precision"](estimator, X, y, sample_weight=sample_weight)

    scores = clf.fit(NOISE, NOISY, sample_weight=weight).validation_scores_
    clf.set_params(scoring=scorer).fit(NOISE, NOISY, sample_weight=weight)
    np.testing.assert_array_equal(clf.validation_scores_, scores)
    assert set(seen[0]) == {0.0, 1.0}
    missing = np.where(weight[:, None] == 0, np.nan, NOISY)
    without = clf.set_params(scoring="average_precision").fit(NOISE, missing).validation_scores_
    np.testing.assert_allclose(scores, without, atol=1e-6)


def test_warm_start_holds_the_same_rows_out_again():
    seen = []

    def scorer(estimator, X, y):
        seen.append(X[:, 0].tolist())
        return 0.0

    clf = AttributeClassifier(
        None, max_epochs=1, early_stopping=True, scoring=scorer, warm_start=True
    )
    clf.fit(NOISE, NOISY).fit(NOISE, NOISY)
    assert seen[0] == seen[1]
    clf.set_params(warm_start=False).fit(NOISE, NOISY)
    assert seen[2] != seen[0]


def test_epochs_that_nothing_judged_have_no_score():
    clf = AttributeClassifier(None, max_epochs=2, warm_start=True, random_state=0)
    clf.fit(NOISE, NOISY).set_params(early_stopping=True).fit(NOISE, NOISY)
    assert np.isnan(clf.validation_scores_).tolist() == [True, True, False, False]
    assert len(clf.validation_scores_) == clf.n_epochs_


def test_a_second_fit_leaves_nothing_of_the_first(tabular):
    X = pd.DataFrame(FEATURES, columns=[f"f{i}" for i in range(12)])
    clf = tabular.set_params(early_stopping=True, scoring="average_precision").fit(X, BINARY)
    fresh = clone(tabular).fit(FEATURES, BINARY)
    clf.fit(FEATURES, BINARY)
    assert vars(clf).keys() == vars(fresh).keys()
    np.testing.assert_array_equal(clf.validation_scores_, fresh.validation_scores_)


def test_fits_in_threads_are_those_of_one_after_the_other():
    clf = AttributeClassifier(None, max_epochs=2, random_state=0)
    expected = clf.fit(FEATURES, BINARY).loss_curve_
    with ThreadPoolExecutor(4) as pool:
        fits = pool.map(lambda _: clone(clf).fit(FEATURES, BINARY).loss_curve_, range(8))
        for curve in fits:
            np.testing.assert_array_equal(curve, expected)


def test_warning_points_at_the_line_that_called_fit(tabular):
    with pytest.warns(UserWarning, match="Fewer than two classes") as record:
        tabular.fit(FEATURES, np.ones((80, 1)))
    assert record[0].filename == __file__


@pytest.mark.parametrize(
    ("params", "arguments", "words"),
    [
        ({}, {"X_val": NOISE}, "X_val and y_val must be given together. Got X_val alone"),
        ({}, {"y_val": NOISY}, "Got y_val alone"),
        (
            {"early_stopping": False},
            {"X_val": NOISE, "y_val": NOISY},
            "X_val and y_val must come with early_stopping=True",
        ),
        ({"scoring": "accuracy_score"}, {}, 'scoring must be "loss", a scorer or one of'),
        ({"scoring": lambda *_: np.nan}, {}, "must give a number on the 30 held-out rows. Got nan"),
        ({"scoring": lambda *_: None}, {}, "must give a number on the 30 held-out rows. Got None"),
        (
            {},
            {"X_val": NOISE, "y_val": np.full(NOISY.shape, np.nan)},
            "must give a number on the 300 held-out rows",
        ),
        (
            {},
            {"X_val": NOISE, "y_val": NOISY[:5]},
            "In X_val, y_val: .*Got 5 rows for 300 images",
        ),
        ({"validation_fraction": 0.9999}, {}, "validation_fraction must leave rows to learn from"),
    ],
)
def test_what_cannot_be_held_out_or_scored_is_an_error(params, arguments, words):
    clf = AttributeClassifier(None, **STOPPING | params)
    with pytest.raises(ValueError, match=words):
        clf.fit(NOISE, NOISY, **arguments)
    assert not hasattr(clf, "network_")
