from contextlib import suppress

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from attrlearn.training.threads import few_threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_large_step_takes_all_threads(two_threads):
    with few_threads(nn.Linear(1000, 1000), batch_size=32):
        assert torch.get_num_threads() == 2


def test_the_threads_come_back_after_an_error(two_threads):
    threads = []
    with suppress(ValueError), few_threads(nn.Linear(2, 1), batch_size=32):
        threads.append(torch.get_num_threads())
        raise ValueError
    assert threads == [1]
    assert torch.get_num_threads() == 2


def test_a_head_learns_the_same_whatever_the_threads(tabular, two_threads):
    rng = np.random.default_rng(0)
    features, binary = rng.normal(size=(80, 1200)), rng.integers(0, 2, (80, 3)).astype(float)
    two = clone(tabular).fit(features, binary)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    one = clone(tabular).fit(features, binary)
    assert np.array_equal(two.loss_curve_, one.loss_curve_)
    assert np.array_equal(two.predict_proba(features), one.predict_proba(features))
