"""A fit that computes activations anew learns the same."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from attrlearn.nn.recompute import Recomputed


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("trainable", ["last_block", "all"])
def test_the_fit_is_the_plain_one(resnet, images, attributes, trainable, dtype):
    resnet.set_params(trainable=trainable, dtype=dtype, augment="strong", early_stopping=True)
    plain = clone(resnet).fit(images, attributes)
    checkpointed = clone(resnet).set_params(gradient_checkpointing=True).fit(images, attributes)
    assert np.array_equal(plain.loss_curve_, checkpointed.loss_curve_)
    assert np.array_equal(plain.validation_scores_, checkpointed.validation_scores_)
    for p, q in zip(
        plain.network_.state_dict().values(),
        checkpointed.network_.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(p, q)


def test_activations_are_indeed_computed_anew(small, images, attributes, monkeypatch):
    called = []

    def call(self, inputs):
        called.append(len(inputs))
        return self.run(inputs)

    monkeypatch.setattr(Recomputed, "__call__", call)
    small.set_params(gradient_checkpointing=True).fit(images, attributes)
    assert called == []  # the backbone does not learn
    small.set_params(trainable="last_block").fit(images, attributes)
    assert called == [8, 8, 8] * 2


def test_the_network_stays_a_plain_one(small, images, attributes):
    small.set_params(trainable="all", gradient_checkpointing=True).fit(images, attributes)
    assert not any("forward" in vars(module) for module in small.network_.modules())
    loaded = pickle.loads(pickle.dumps(small))
    assert np.array_equal(loaded.predict(images), small.predict(images))
