"""What "auto" means for features, heads and dropout."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from attrlearn import AttributeClassifier
from attrlearn.nn.dropout import Dropout


def head_of(clf):
    """Whether stages are read and standardised, the number of members, and their dropout."""
    network = clf.network_
    rates = {m.p for m in network.head.modules() if isinstance(m, Dropout)}
    n_members = sum(form.n_members for form in network.head.members)
    stages = bool(network.backbone and network.backbone.stages)
    return stages, network.head.standardization is not None, n_members, rates


@pytest.mark.parametrize(
    ("trainable", "expected"),
    [("head", (True, True, 2, {0.8})), ("last_block", (False, False, 1, {0.5}))],
)
def test_a_frozen_backbone_has_stages_and_a_committee_another_one_linear_head(
    small, images, attributes, trainable, expected
):
    clf = small.set_params(trainable=trainable, max_epochs=1).fit(images, attributes)
    assert head_of(clf) == expected


def test_auto_is_what_its_values_are(small, images, attributes):
    auto = clone(small).fit(images, attributes)
    said = clone(small).set_params(features="stages", hidden_dim=(None, 128), dropout=0.8)
    said.fit(images, attributes)
    np.testing.assert_array_equal(auto.loss_curve_, said.loss_curve_)


@pytest.mark.parametrize(("n_features", "rate"), [(999, 0.5), (1_000, 0.8)])
def test_few_features_are_dropped_less(n_features, rate):
    X = np.random.default_rng(0).normal(size=(12, n_features))
    clf = AttributeClassifier(None, max_epochs=1).fit(X, X[:, :1] > 0)
    assert head_of(clf) == (False, True, 2, {rate})


@pytest.mark.parametrize("hidden_dim", [(), (None, 0), [8, "wide"], (1.5,)])
def test_a_member_of_no_width_is_an_error(hidden_dim):
    with pytest.raises(
        ValueError, match=r"hidden_dim must be a width of 1 or more, None, or a tup"
    ):
        AttributeClassifier(None, hidden_dim=hidden_dim).fit([[1.0], [2.0]], [[0], [1]])


def test_probabilities_of_a_committee_are_the_mean_of_its_members():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5)).astype(np.float32)
    y = X[:, :2] > 0
    clf = AttributeClassifier(None, hidden_dim=(None, 4, 4), max_epochs=2, random_state=0)
    clf.fit(X, y)
    with torch.no_grad():
        (members,) = clf.network_.by_member(torch.tensor(X), torch.zeros(40, dtype=torch.long))
    mean = members.exp().mean(dim=0)[:, 1::2].numpy()
    np.testing.assert_allclose(clf.predict_proba(X), mean, atol=1e-6)
    assert members.exp().std(dim=0).max() > 0.01
