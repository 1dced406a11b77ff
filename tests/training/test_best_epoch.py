import torch
from torch import nn

from attrlearn.training.best_epoch import BestEpoch


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
    assert best.kept == {}
