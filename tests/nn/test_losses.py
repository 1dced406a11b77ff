import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch.nn import functional as F

from attrlearn.nn.heads import ClassLogProbabilities
from attrlearn.nn.losses import cross_entropy

BINARY_AND_FOUR = ClassLogProbabilities([2, 4, 2], [True, False, True])  # columns 0-1, 2-5, 6-7


def random_case(seed: int, n: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets with gaps of two binary attributes and one of four classes."""
    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(0, 3, (n, 6)), dtype=torch.float32)
    targets = np.stack(
        [rng.integers(0, 2, n), 2 + rng.integers(0, 4, n), 6 + rng.integers(0, 2, n)]
    )
    targets = np.where(rng.random((3, n)) < 0.3, -1, targets).T
    return logits, torch.tensor(targets)


@pytest.mark.parametrize("seed", range(5))
def test_loss_is_the_log_loss_of_scikit_learn_on_labelled_cells(seed):
    logits, targets = random_case(seed)
    weight = torch.tensor(np.random.default_rng(seed).uniform(0.2, 5, 8), dtype=torch.float32)
    log_p = BINARY_AND_FOUR(logits)
    cells = weight[targets.clamp(min=0)] * (targets >= 0)
    ours = cross_entropy(log_p, targets, cells) / cells.sum()

    total, weights = 0.0, 0.0
    for a, columns in enumerate([range(2), range(2, 6), range(6, 8)]):
        labelled = (targets[:, a] >= 0).numpy()
        known = targets[labelled, a].numpy()
        if not labelled.any():
            continue
        w = weight[known].numpy()
        p = log_p[labelled][:, list(columns)].exp().numpy()
        total += w.sum() * log_loss(known, p, sample_weight=w, labels=list(columns))
        weights += w.sum()
    assert float(ours) == pytest.approx(total / weights, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_loss_is_that_of_torch_for_each_kind_of_attribute(seed):
    logits, targets = random_case(seed)
    ones = torch.ones(targets.shape)
    binary = torch.where(targets[:, [0, 1, 2]] == -1, -1, targets)
    mine = cross_entropy(BINARY_AND_FOUR(logits), binary, ones)
    reference = F.cross_entropy(
        logits[:, 1:5], torch.where(targets[:, 1] < 0, -100, targets[:, 1] - 2), reduction="sum"
    )
    for a, column, start in [(0, 0, 0), (2, 5, 6)]:
        labelled = targets[:, a] >= 0
        reference = reference + F.binary_cross_entropy_with_logits(
            logits[labelled, column], (targets[labelled, a] - start).float(), reduction="sum"
        )
    assert float(mine) == pytest.approx(float(reference), rel=1e-5)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_gradient_of_a_missing_cell_is_exactly_zero(seed):
    logits, targets = random_case(seed)
    logits.requires_grad_()
    cross_entropy(BINARY_AND_FOUR(logits), targets, torch.ones(targets.shape)).backward()
    own = {0: [0], 1: [1, 2, 3, 4], 2: [5]}  # logits of each attribute
    for a, columns in own.items():
        missing = targets[:, a] < 0
        assert (logits.grad[missing][:, columns] == 0).all()
        assert (logits.grad[~missing][:, columns] != 0).any(dim=1).all()


def test_value_behind_a_missing_cell_changes_nothing():
    logits, targets = random_case(3)
    other = logits.clone()
    other[targets[:, 1] < 0, 1:5] = 77.0
    before = cross_entropy(BINARY_AND_FOUR(logits), targets, torch.ones(targets.shape))
    assert cross_entropy(BINARY_AND_FOUR(other), targets, torch.ones(targets.shape)) == before


def test_batch_without_a_labelled_cell_gives_zero_loss_and_zero_gradient():
    logits = torch.randn(3, 6, requires_grad=True)
    nothing = torch.full((3, 3), -1)
    loss = cross_entropy(BINARY_AND_FOUR(logits), nothing, torch.ones(3, 3))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_confident_and_wrong_is_finite():
    log_p = BINARY_AND_FOUR(torch.full((1, 6), -1e4, requires_grad=True))
    loss = cross_entropy(log_p, torch.tensor([[1, -1, 7]]), torch.ones(1, 3))
    loss.backward()
    assert loss.item() == pytest.approx(2e4)


def test_a_cell_of_twice_the_weight_counts_twice():
    logits, targets = random_case(1)
    log_p = BINARY_AND_FOUR(logits)
    weights = torch.ones(targets.shape)
    doubled = weights.clone()
    doubled[0, 0] = 2
    alone = torch.zeros(targets.shape)
    alone[0, 0] = 1
    torch.testing.assert_close(
        cross_entropy(log_p, targets, doubled),
        cross_entropy(log_p, targets, weights) + cross_entropy(log_p, targets, alone),
    )
