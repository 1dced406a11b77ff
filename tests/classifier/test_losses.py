"""What `loss`, `focal_gamma` and `label_smoothing` change of a fit."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from attrlearn.metrics import SCORERS


@pytest.mark.parametrize("loss", ["bce", "focal", "asymmetric"])
def test_every_loss_learns_through_gaps(loss, tabular, features, binary):
    clf = tabular.set_params(
        loss=loss, max_epochs=60, learning_rate=0.03, weight_decay=0, dropout=0
    ).fit(features, binary)
    assert SCORERS["roc_auc"](clf, features, features[:, :3] > 0) > 0.95
    assert clf.history_["loss"].iloc[-1] < 0.5 * clf.history_["loss"].iloc[0]


def by_hand(log_probabilities, targets, weights):
    """The cross-entropy of binary attributes, from the columns of 1 as logits of a sigmoid."""
    logits = log_probabilities[:, 1::2] - log_probabilities[:, ::2]
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, (targets % 2).float(), reduction="none"
    )
    return (losses * weights).sum()


def test_a_loss_of_the_users_learns_what_ours_learns(tabular, features, binary):
    tabular.set_params(early_stopping=True)
    ours = clone(tabular).fit(features, binary)
    theirs = clone(tabular).set_params(loss=by_hand).fit(features, binary)
    np.testing.assert_allclose(theirs.loss_curve_, ours.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(theirs.validation_scores_, ours.validation_scores_, rtol=1e-4)


def test_without_focus_focal_is_cross_entropy_and_with_it_the_confident_count_less(
    tabular, features, binary
):
    plain = clone(tabular).fit(features, binary).loss_curve_
    tabular.set_params(loss="focal", focal_gamma=0)
    np.testing.assert_allclose(tabular.fit(features, binary).loss_curve_, plain, rtol=1e-5)
    assert (tabular.set_params(focal_gamma=2).fit(features, binary).loss_curve_ < plain).all()


@pytest.mark.slow
def test_smoothed_labels_keep_probabilities_from_the_ends(tabular, features, binary):
    tabular.set_params(max_epochs=200, learning_rate=0.1, weight_decay=0, dropout=0)
    spread = [
        np.abs(
            clone(tabular)
            .set_params(label_smoothing=s)
            .fit(features, binary)
            .predict_proba(features)
            - 0.5
        ).mean()
        for s in (0.0, 0.4)
    ]
    assert spread[1] < 0.35 < 0.45 < spread[0]


def test_a_loss_that_is_no_sum_is_an_error(tabular, features, binary):
    tabular.set_params(loss=lambda log_p, targets, weights: log_p)
    with pytest.raises(ValueError, match=r"loss must give a tensor of shape \(\).*\(64, 6\)"):
        tabular.fit(features, binary)
    assert not hasattr(tabular, "network_")
