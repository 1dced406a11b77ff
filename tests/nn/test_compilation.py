"""Compiled code computes what plain code computes, or is not used."""

import pickle
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from attrlearn.nn import compilation
from attrlearn.nn.compilation import Compiled


@pytest.fixture
def layer() -> nn.Module:
    """Notes statistics down in training."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())


@pytest.fixture
def compiler(monkeypatch):
    """`torch.compile` that only counts, as the real one takes half a minute."""
    seen = []

    def compile(run, dynamic):
        assert dynamic is False

        def compiled(inputs):
            seen.append(len(inputs))
            return run(inputs)

        return compiled

    monkeypatch.setattr(compilation.torch, "compile", compile)
    return seen


@pytest.fixture
def no_compiler(monkeypatch):
    """`torch.compile` where there is none."""

    def compile(run, dynamic):
        def compiled(inputs):
            raise RuntimeError("No working C++ compiler found.\nSet CXX.")

        return compiled

    monkeypatch.setattr(compilation.torch, "compile", compile)


def test_batches_of_another_size_run_as_they_are(layer, compiler):
    run = Compiled(layer)
    for n in (4, 4, 3, 4, 5):
        run(torch.zeros(n, 3, 8, 8))
    assert compiler == [4, 4, 4]
    assert int(layer[1].num_batches_tracked) == 5


def test_without_a_compiler_one_warning_says_so(layer, no_compiler):
    run, inputs = Compiled(layer), torch.rand(4, 3, 8, 8)
    with pytest.warns(UserWarning, match=r"compile=True must find .* compiler found\. Training"):
        first = run(inputs)
    assert torch.equal(run(inputs), first)  # no second warning, which would be an error
    assert int(layer[1].num_batches_tracked) == 2


@pytest.mark.slow
def test_an_error_of_the_run_itself_is_its_own(layer):
    with (
        pytest.warns(UserWarning, match="compile=True must find"),
        pytest.raises(RuntimeError, match="channels"),
    ):
        Compiled(layer)(torch.zeros(4, 2, 8, 8))


def test_a_fit_without_a_compiler_is_the_plain_one(small, images, attributes, no_compiler):
    small.set_params(trainable="all")
    plain = clone(small).fit(images, attributes)
    with pytest.warns(UserWarning, match="compile=True must find") as warned:
        clf = clone(small).set_params(compile=True).fit(images, attributes)
    assert len(warned) == 1
    assert np.array_equal(plain.loss_curve_, clf.loss_curve_)


def test_kept_features_need_no_compiler(small, images, attributes, no_compiler):
    small.set_params(compile=True).fit(images, attributes)


def test_only_full_batches_of_training_are_compiled(small, images, attributes, compiler):
    small.set_params(trainable="last_block", compile=True, early_stopping=True, batch_size=6)
    small.fit(images, attributes)  # 21 rows, and 3 that are held out
    assert compiler == [6, 6, 6] * small.n_epochs_


def test_it_is_not_for_blocks_that_are_computed_anew(small, images, attributes):
    with pytest.raises(ValueError, match=r"compile must be False with gradient_checkpointing=True"):
        small.set_params(compile=True, gradient_checkpointing=True).fit(images, attributes)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="needs a C++ compiler")
@pytest.mark.parametrize(
    ("trainable", "dtype", "tolerance"),
    [("last_block", "float32", 1e-3), ("all", "bfloat16", 5e-2)],
)
def test_a_compiled_step_is_the_plain_one(resnet, images, attributes, trainable, dtype, tolerance):
    resnet.set_params(trainable=trainable, dtype=dtype, dropout=0.0)
    # One step: batch norm of so small images blows up the last digits from step to step.
    resnet.set_params(optimizer="sgd", learning_rate=1e-3, batch_size=24, max_epochs=1)
    plain = clone(resnet).fit(images, attributes)
    compiled = clone(resnet).set_params(compile=True).fit(images, attributes)
    again = clone(resnet).set_params(compile=True).fit(images, attributes)
    assert np.array_equal(compiled.loss_curve_, again.loss_curve_)
    np.testing.assert_allclose(compiled.loss_curve_, plain.loss_curve_, rtol=tolerance)
    states = plain.network_.state_dict(), compiled.network_.state_dict()
    for name, p in states[0].items():
        torch.testing.assert_close(p, states[1][name], rtol=tolerance, atol=tolerance)
    loaded = pickle.loads(pickle.dumps(compiled))
    assert np.array_equal(loaded.predict(images), compiled.predict(images))
