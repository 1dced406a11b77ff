from contextlib import nullcontext

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import nn

from attrlearn.nn.losses import cross_entropy
from attrlearn.training.early_stopping import BestEpoch, mean_loss, predict
from attrlearn.training.examples import Examples
from attrlearn.training.sources import FeatureSource


def test_training_goes_on_until_patience_is_over():
    best = BestEpoch(nn.Linear(1, 1), patience=3)
    scores = [0.1, 0.3, 0.2, 0.3, 0.4, 0.1, 0.1, 0.1]
    assert [best.update(score) for score in scores] == [False] * 7 + [True]
    assert best.epoch == 5
    assert best.scores == scores


def test_the_first_of_equal_epochs_is_the_best():
    best = BestEpoch(nn.Linear(1, 1), patience=2)
    assert [best.update(0.5) for _ in range(3)] == [False, False, True]
    assert best.epoch == 1


def test_weights_and_batch_norm_statistics_of_the_best_epoch_come_back():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    best = BestEpoch(network, patience=9)
    states = []
    for score in (0.1, 0.9, 0.5):
        with torch.no_grad():
            for p in network.parameters():
                p += torch.rand_like(p)
        network(torch.randn(5, 2))  # moves the running statistics
        states.append({name: value.clone() for name, value in network.state_dict().items()})
        best.update(score)
    best.restore()
    for name, value in network.state_dict().items():
        assert torch.equal(value, states[1][name]), name
    assert not torch.equal(states[1]["1.running_mean"], states[2]["1.running_mean"])


def test_frozen_parameters_are_not_kept_twice():
    network = nn.Linear(1000, 1000)
    network.requires_grad_(False)
    best = BestEpoch(network, patience=1)
    best.update(1.0)
    assert best._kept == []


@pytest.mark.parametrize("seed", range(3))
def test_mean_loss_is_the_weighted_log_loss_of_the_labelled_cells(seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), size=20)
    targets = rng.integers(-1, 3, (20, 1))
    weights = np.where(targets >= 0, rng.uniform(0.1, 3, (20, 1)), 0)
    examples = Examples(
        FeatureSource(torch.zeros(1, 20, 1)),
        torch.from_numpy(targets),
        torch.zeros(20).long(),
        torch.from_numpy(weights),
    )
    labelled = targets[:, 0] >= 0
    expected = log_loss(
        targets[labelled, 0], p[labelled], labels=[0, 1, 2], sample_weight=weights[labelled, 0]
    )
    assert mean_loss(torch.from_numpy(p).log(), examples, cross_entropy) == pytest.approx(expected)


def test_rows_are_predicted_in_their_order_whatever_the_batches():
    class Echo(nn.Module):
        def forward(self, inputs, categories):
            return inputs + categories[:, None]

    inputs = torch.randn(1, 7, 2)
    categories = torch.arange(7)
    examples = Examples(FeatureSource(inputs), torch.ones(7, 1).long(), categories, torch.ones(7))
    for batch_size in (1, 3, 7, 50):
        outputs = predict(Echo(), examples, batch_size, nullcontext())
        torch.testing.assert_close(outputs, inputs[0] + categories[:, None])
