"""What `fit` learns, and what it leaves as it was."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from attrlearn import AttributeClassifier


def test_separable_attributes_are_learnt_through_gaps(features, binary):
    clf = AttributeClassifier(
        None, max_epochs=60, learning_rate=0.03, weight_decay=0, random_state=0
    ).fit(features, binary)
    assert (clf.predict(features) == (features[:, :3] > 0)).mean() > 0.9


def test_without_regularisation_the_fit_is_logistic_regression(features):
    """One binary attribute, no dropout, balanced weights: the optimum is known."""
    y = (features[:, :1] + np.random.default_rng(4).normal(size=(80, 1)) > 0.8).astype(float)
    ours = AttributeClassifier(
        None,
        hidden_dim=None,
        dropout=0,
        weight_decay=0,
        batch_size=80,
        max_epochs=800,
        learning_rate=0.1,
        random_state=0,
    ).fit(features, y)
    theirs = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=5000, tol=1e-10)
    expected = theirs.fit(features, y[:, 0]).predict_proba(features)[:, 1]
    np.testing.assert_allclose(ours.predict_proba(features)[:, 0], expected, atol=0.01)


def test_category_alone_can_decide_an_attribute():
    nothing = np.zeros((60, 2), dtype=np.float32)
    categories = np.array(["shirt", "dress", "shoe"] * 20, dtype=object)
    y = (categories == "dress").astype(float)[:, None]
    clf = AttributeClassifier(None, max_epochs=60, learning_rate=0.03, random_state=0)
    p = clf.fit(nothing, y, categories).predict_proba(nothing, categories)[:, 0]
    assert p[categories == "dress"].min() > 0.8 > 0.2 > p[categories != "dress"].max()


def test_value_behind_a_missing_cell_cannot_reach_the_fit(tabular, features, binary):
    """-1, NaN, None and NA all say: missing."""
    as_text = pd.DataFrame(binary).astype(object).where(~np.isnan(binary), None)
    forms = [
        binary,
        np.where(np.isnan(binary), -1, binary),
        np.where(np.isnan(binary), -1, binary).astype(int),
        as_text,
        pd.DataFrame(binary).astype("Int64"),
        pd.DataFrame(binary).astype("boolean"),
    ]
    curves = [clone(tabular).fit(features, y).loss_curve_ for y in forms]
    assert all((curve == curves[0]).all() for curve in curves)


@pytest.mark.slow
@pytest.mark.parametrize("trainable", ["head", "last_block", "all"])
def test_what_is_trained_changes_and_what_is_frozen_does_not(resnet, images, attributes, trainable):
    X, y = images[:10], attributes[:10].fillna({"hood": 0, "zip": 1})
    clf = resnet.set_params(trainable=trainable, learning_rate=0.01)
    start = clone(clf).set_params(max_epochs=1, learning_rate=1e-12, weight_decay=0)
    before = start.fit(X, y).network_.backbone.state_dict()
    after = clf.fit(X, y).network_.backbone.state_dict()
    moved = {key for key in after if not torch.allclose(before[key].float(), after[key].float())}
    first = {"model.conv1.weight", "model.bn1.running_mean"}
    last = {"model.layer4.1.conv1.weight", "model.layer4.1.bn1.running_mean"}
    assert (
        moved & (first | last)
        == {"head": set(), "last_block": last, "all": first | last}[trainable]
    )
    assert bool(moved) == (trainable != "head")


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_every_optimizer_and_schedule_lowers_the_loss(optimizer, schedule, features, binary):
    clf = AttributeClassifier(
        None,
        optimizer=optimizer,
        schedule=schedule,
        learning_rate=0.02,
        max_epochs=20,
        random_state=0,
    ).fit(features, binary)
    assert clf.history_["loss"].iloc[-1] < 0.8 * clf.history_["loss"].iloc[0]
    assert len(clf.loss_curve_) == 20 * 3
    assert clf.n_epochs_ == len(clf.history_) == 20


def test_accumulated_fit_equals_the_large_batch(features, binary):
    options = {"dropout": 0, "max_epochs": 3, "random_state": 0, "optimizer": "sgd"}
    large = AttributeClassifier(None, batch_size=32, **options).fit(features, binary)
    small = AttributeClassifier(None, batch_size=8, accumulate_steps=4, **options)
    np.testing.assert_allclose(
        small.fit(features, binary).loss_curve_, large.loss_curve_, rtol=1e-4
    )


def test_batch_norm_on_single_rows_is_an_error(features, binary):
    clf = AttributeClassifier(None, hidden_dim=4, norm="batch", batch_size=1)
    with pytest.raises(ValueError, match=r"batches of two rows or more\. Got 80 rows and batch_si"):
        clf.fit(features, binary)


def test_bfloat16_predicts_nearly_the_same(small, images, attributes):
    clf = small.set_params(engine="torch", dtype="float32").fit(images, attributes)
    expected = np.hstack(clf.predict_proba(images))
    other = np.hstack(clf.set_params(dtype="bfloat16").predict_proba(images))
    assert np.abs(other - expected).max() < 0.05
    assert (other != expected).any()


def test_progress_is_shown_only_when_asked(tabular, capsys, features, binary):
    clone(tabular).fit(features, binary)
    assert capsys.readouterr().err == ""
    tabular.set_params(verbose=1).fit(features, binary)
    assert "epoch 3/3" in capsys.readouterr().err
