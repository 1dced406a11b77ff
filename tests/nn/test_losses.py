import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from attrlearn.checks.attributes import Attributes
from attrlearn.nn.heads import ClassLogProbabilities
from attrlearn.nn.losses import LOSSES, asymmetric, build_loss, cross_entropy, focal, smooth

BINARY_AND_FOUR = ClassLogProbabilities([2, 4, 2], [True, False, True])  # columns 0-1, 2-5, 6-7
ATTRIBUTES = Attributes(
    ["hood", "neck", "zip"],
    [np.array([0, 1]), np.array(list("abcd"), dtype=object), np.array([0, 1])],
    [True, False, True],
)


@pytest.fixture(params=[(loss, smoothing) for loss in LOSSES for smoothing in (0.0, 0.2)])
def loss(request):
    name, smoothing = request.param
    return build_loss(name, ATTRIBUTES, focal_gamma=2.0, label_smoothing=smoothing)


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


@pytest.mark.parametrize("seed", range(5))
def test_gradient_of_a_missing_cell_is_exactly_zero(loss, seed):
    logits, targets = random_case(seed)
    logits.requires_grad_()
    loss(BINARY_AND_FOUR(logits), targets, torch.ones(targets.shape)).backward()
    own = {0: [0], 1: [1, 2, 3, 4], 2: [5]}  # logits of each attribute
    for a, columns in own.items():
        missing = targets[:, a] < 0
        assert (logits.grad[missing][:, columns] == 0).all()


def test_value_behind_a_missing_cell_changes_nothing(loss):
    logits, targets = random_case(3)
    other = logits.clone()
    other[targets[:, 1] < 0, 1:5] = 77.0
    before = loss(BINARY_AND_FOUR(logits), targets, torch.ones(targets.shape))
    assert loss(BINARY_AND_FOUR(other), targets, torch.ones(targets.shape)) == before


def test_batch_without_a_labelled_cell_gives_zero_loss_and_zero_gradient(loss):
    logits = torch.randn(3, 6, requires_grad=True)
    nothing = torch.full((3, 3), -1)
    total = loss(BINARY_AND_FOUR(logits), nothing, torch.ones(3, 3))
    total.backward()
    assert total == 0
    assert (logits.grad == 0).all()


def test_confident_and_wrong_is_finite():
    log_p = BINARY_AND_FOUR(torch.full((1, 6), -1e4, requires_grad=True))
    total = cross_entropy(log_p, torch.tensor([[1, -1, 7]]), torch.ones(1, 3))
    total.backward()
    assert total.item() == pytest.approx(2e4)


@pytest.mark.parametrize("certain", [-1e4, -30.0, 0.0, 30.0, 1e4])
@pytest.mark.parametrize("targets", [[1, 2, 7], [0, 5, 6]])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_every_loss_of_certain_logits_has_a_finite_gradient(loss, certain, targets, gamma):
    logits = torch.tensor([[certain, certain, 0, 0, 0, certain]], requires_grad=True)
    focal_loss = build_loss("focal", ATTRIBUTES, focal_gamma=gamma, label_smoothing=0.1)
    for one in (loss, focal_loss):
        one(BINARY_AND_FOUR(logits), torch.tensor([targets]), torch.ones(1, 3)).backward()
    assert logits.grad.isfinite().all()


def test_a_cell_of_twice_the_weight_counts_twice(loss):
    logits, targets = random_case(1)
    log_p = BINARY_AND_FOUR(logits)
    weights = torch.ones(targets.shape)
    doubled = weights.clone()
    doubled[0, 0] = 2
    alone = torch.zeros(targets.shape)
    alone[0, 0] = 1
    torch.testing.assert_close(
        loss(log_p, targets, doubled),
        loss(log_p, targets, weights) + loss(log_p, targets, alone),
    )


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_the_focal_loss_of_binary_cells_is_that_of_torchvision(gamma):
    logits = torch.linspace(-8, 8, 33)[:, None]
    log_p = ClassLogProbabilities([2], [True])(logits)
    for label in (0.0, 1.0):
        expected = sigmoid_focal_loss(logits, torch.full_like(logits, label), alpha=-1, gamma=gamma)
        torch.testing.assert_close(focal(log_p, gamma)[:, [int(label)]], expected)


def test_the_focal_loss_of_classes_is_its_formula():
    logits, _ = random_case(0)
    p = logits[:, 1:5].double().softmax(dim=1)
    expected = -((1 - p) ** 3) * p.log()
    found = focal(BINARY_AND_FOUR(logits), gamma=3)[:, 2:6]
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6)


def test_without_focus_the_focal_loss_is_the_cross_entropy():
    log_p = BINARY_AND_FOUR(random_case(0)[0])
    torch.testing.assert_close(focal(log_p, gamma=0), -log_p)


def test_the_asymmetric_loss_is_its_formula():
    logits = torch.linspace(-6, 6, 25)[:, None]
    log_p = ClassLogProbabilities([2], [True])(logits)
    found = asymmetric(log_p, torch.tensor([True, False])).numpy()
    for (negative, positive), logit in zip(found, logits[:, 0].tolist(), strict=True):
        p = 1 / (1 + math.exp(-logit))
        shifted = max(p - 0.05, 0)
        assert negative == pytest.approx(-(shifted**4) * math.log(1 - shifted), rel=1e-4, abs=1e-7)
        assert positive == pytest.approx(-math.log(p), rel=1e-4)


def test_the_asymmetric_loss_forgets_easy_zeros_of_binary_attributes_alone():
    logits = torch.full((1, 6), -4.0, requires_grad=True)  # p = 0.018 of 1, 0.25 of each class
    loss = build_loss("asymmetric", ATTRIBUTES, focal_gamma=2.0, label_smoothing=0.0)
    loss(BINARY_AND_FOUR(logits), torch.tensor([[0, 2, 6]]), torch.ones(1, 3)).backward()
    assert (logits.grad[0, [0, 5]] == 0).all()
    assert (logits.grad[0, 1:5] != 0).all()


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_labels_are_those_of_torch(smoothing):
    logits, targets = random_case(2)
    loss = build_loss("bce", ATTRIBUTES, focal_gamma=2.0, label_smoothing=smoothing)
    only_neck = targets.clone()
    only_neck[:, [0, 2]] = -1
    found = loss(BINARY_AND_FOUR(logits), only_neck, torch.ones(targets.shape))
    expected = F.cross_entropy(
        logits[:, 1:5],
        torch.where(targets[:, 1] < 0, -100, targets[:, 1] - 2),
        reduction="sum",
        label_smoothing=smoothing,
    )
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    # A binary attribute has two classes: a label of 1 becomes 1 - smoothing / 2.
    log_p = ClassLogProbabilities([2], [True])(logits[:, :1])
    expected = F.binary_cross_entropy_with_logits(
        logits[:, 0], torch.full((len(logits),), 1 - smoothing / 2), reduction="none"
    )
    found = smooth(-log_p, torch.tensor([2]), smoothing)[:, 1]
    torch.testing.assert_close(found, expected)


def test_a_loss_of_the_users_gets_what_ours_gets():
    logits, targets = random_case(4)
    arguments = BINARY_AND_FOUR(logits), targets, torch.ones(targets.shape)
    same = build_loss(cross_entropy, ATTRIBUTES, focal_gamma=2.0, label_smoothing=0.0)
    ours = build_loss("bce", ATTRIBUTES, focal_gamma=2.0, label_smoothing=0.0)
    assert same(*arguments) == ours(*arguments)


@pytest.mark.parametrize("wrong", [1.0, torch.ones(3), None])
def test_a_loss_of_the_users_that_gives_no_sum_is_an_error(wrong):
    loss = build_loss(lambda *_: wrong, ATTRIBUTES, focal_gamma=2.0, label_smoothing=0.0)
    with pytest.raises(ValueError, match=r"loss must give a tensor of shape \(\)"):
        loss(torch.zeros(1, 8), torch.zeros(1, 3, dtype=torch.long), torch.ones(1, 3))
