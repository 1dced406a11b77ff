"""Global settings of torch that the caller has changed."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch


@contextmanager
def default_float64():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("trainable", ["head", "last_block", "all"])
@pytest.mark.parametrize(
    "setting", [torch.no_grad, torch.inference_mode, default_float64], ids=lambda s: s.__name__
)
def test_an_estimator_learns_and_predicts_under_it(small, images, attributes, setting, trainable):
    clf = small.set_params(
        trainable=trainable,
        hidden_dim=4,
        early_stopping=True,
        max_epochs=1,
        engine="torch",
    )
    with setting():
        clf.fit(images, attributes)
        inside = np.hstack(clf.predict_proba(images))
    outside = np.hstack(clf.predict_proba(images))
    np.testing.assert_allclose(inside, outside, atol=1e-6)
    assert all(p.dtype == torch.float32 for p in clf.network_.parameters())
    clf.set_params(warm_start=True).fit(images, attributes)  # what was made there can learn on
    assert clf.n_epochs_ == 2


@pytest.mark.parametrize("setting", [torch.no_grad, torch.inference_mode])
def test_it_learns_the_same_and_the_setting_stays(small, images, attributes, setting):
    expected = small.fit(images, attributes).loss_curve_
    with setting():
        np.testing.assert_array_equal(small.fit(images, attributes).loss_curve_, expected)
        assert not torch.is_grad_enabled()
        assert torch.is_inference_mode_enabled() == (setting is torch.inference_mode)
