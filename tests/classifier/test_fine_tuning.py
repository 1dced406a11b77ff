"""Head and backbone learn at their own pace."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torchvision import models

from attrlearn import AttributeClassifier


@pytest.fixture
def tuned(small) -> AttributeClassifier:
    """Fine-tunes all of the backbone, exactly repeatable."""
    return small.set_params(trainable="all", dtype="float32", engine="torch", augment=None)


def change(start, clf) -> dict[str, torch.Tensor]:
    """How far the parameters of head and backbone are from those of another fit."""
    moved = [
        (name.split(".")[0], (b - a).flatten())
        for (name, a), (_, b) in zip(
            start.network_.named_parameters(), clf.network_.named_parameters(), strict=True
        )
    ]
    return {part: torch.cat([d for p, d in moved if p == part]) for part in ("head", "backbone")}


def test_the_backbone_learns_at_its_own_rate(tuned, images, attributes):
    sgd = partial(torch.optim.SGD, momentum=0)
    tuned.set_params(
        optimizer=sgd, schedule="constant", max_epochs=1, batch_size=24, dropout=0.0, weight_decay=0
    )
    fits = [
        clone(tuned)
        .set_params(learning_rate=0.1, backbone_learning_rate=rate)
        .fit(images, attributes)
        for rate in (1e-30, 0.01, 0.02)  # one step
    ]
    _, slow, fast = (change(fits[0], clf) for clf in fits)
    torch.testing.assert_close(fast["backbone"], 2 * slow["backbone"], rtol=1e-3, atol=1e-7)
    assert slow["backbone"].abs().max() > 0
    assert fast["head"].abs().max() == 0


@pytest.mark.slow
def test_pretrained_weights_learn_at_a_tenth_and_random_ones_as_the_head(
    tuned, images, attributes, tmp_path
):
    torch.save(models.squeezenet1_1(weights=None).state_dict(), tmp_path / "weights.pth")
    for weights, rate in ((str(tmp_path / "weights.pth"), 1e-3), (None, 1e-2)):
        tuned.set_params(weights=weights, learning_rate=1e-2)
        curves = [
            clone(tuned).set_params(backbone_learning_rate=r).fit(images, attributes).loss_curve_
            for r in (None, rate, rate / 2)
        ]
        assert np.array_equal(curves[0], curves[1])
        assert not np.array_equal(curves[0], curves[2])


@pytest.mark.parametrize("trainable", ["all", "last_block", ["features.12"]])
def test_the_head_learns_first_as_on_a_frozen_backbone(small, images, attributes, trainable):
    small.set_params(schedule="constant", dtype="float32", engine="torch", standardize=False)
    small.set_params(
        features="last", hidden_dim=None, dropout=0.5
    )  # the defaults of all but "head"
    head = clone(small).set_params(max_epochs=2).fit(images, attributes)
    both = clone(small).set_params(trainable=trainable, freeze_epochs=2, max_epochs=3)
    both.fit(images, attributes)
    assert np.array_equal(both.loss_curve_[:6], head.loss_curve_)
    assert len(both.loss_curve_) == 9
    assert both.n_epochs_ == both.best_epoch_ == 3
    assert change(head, both)["backbone"].abs().max() > 0


def test_epochs_of_the_head_alone_are_not_scored(tuned, images, attributes):
    clf = tuned.set_params(early_stopping=True, freeze_epochs=2, max_epochs=4, n_iter_no_change=9)
    scores = clf.fit(images, attributes).validation_scores_
    assert np.isnan(scores).tolist() == [True, True, False, False]
    assert clf.best_epoch_ == 1 + np.nanargmax(scores)


def test_epochs_must_be_left_for_the_backbone(tuned, images, attributes):
    with pytest.raises(ValueError, match=r"freeze_epochs must leave .* Got 2 of max_epochs=2\."):
        tuned.set_params(freeze_epochs=2).fit(images, attributes)
    tuned.set_params(trainable="head").fit(images, attributes)  # there is nothing to be left for
