import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from attrlearn.nn.gate import SqueezeExcitationGate
from attrlearn.nn.heads import (
    AttributeHead,
    CategoryEmbedding,
    ClassLogProbabilities,
    Standardization,
)

OPTIONS = {
    "standardize": True,
    "attention": True,
    "category_dim": 5,
    "hidden_dim": 7,
    "norm": "layer",
    "dropout": 0.5,
}


def test_probabilities_are_sigmoid_and_softmax_in_the_order_of_the_attributes():
    layer = ClassLogProbabilities([3, 2, 1, 2, 4], [False, True, False, True, False])
    logits = np.random.default_rng(0).normal(0, 4, (5, layer.n_logits))
    p = layer(torch.tensor(logits)).exp().numpy()
    one, two = expit(logits[:, [3]]), expit(logits[:, [5]])
    expected = [
        softmax(logits[:, :3], axis=1),
        np.hstack([1 - one, one]),
        np.ones((5, 1)),
        np.hstack([1 - two, two]),
        softmax(logits[:, 6:], axis=1),
    ]
    np.testing.assert_allclose(p, np.hstack(expected), atol=1e-6)


@pytest.mark.parametrize(("n_classes", "is_binary"), [([2, 2], [True, True]), ([3], [False])])
def test_one_kind_of_attribute_alone_works(n_classes, is_binary):
    layer = ClassLogProbabilities(n_classes, is_binary)
    p = layer(torch.randn(4, layer.n_logits)).exp()
    assert p.shape == (4, sum(n_classes))
    torch.testing.assert_close(p.sum(dim=1), torch.full((4,), float(len(n_classes))))


def test_attention_weighs_each_feature_between_zero_and_one():
    features = torch.rand(1, 1, 3, 32) + 0.1
    weights = SqueezeExcitationGate(32)(features) / features
    assert ((weights > 0) & (weights < 1)).all()
    assert weights.std() > 0


def test_hidden_categories_read_the_unknown_row():
    torch.manual_seed(0)
    embedding = CategoryEmbedding(3, dim=4, dropout=0.25).train()
    ((out,),) = embedding(torch.full((4000,), 2))
    unknown = (out == embedding.table[0, 0]).all(dim=1)
    assert unknown.float().mean() == pytest.approx(0.25, abs=0.03)
    assert (out[~unknown] == embedding.table[0, 2]).all()


def test_in_prediction_every_category_reads_its_own_row():
    embedding = CategoryEmbedding(3, dim=4, dropout=0.9, n_members=2).eval()
    assert (embedding(torch.tensor([0, 1, 2, 3]))[0] == embedding.table).all()


def test_category_dropout_trains_the_unknown_row():
    torch.manual_seed(0)
    embedding = CategoryEmbedding(2, dim=4).train()
    embedding(torch.ones(200, dtype=torch.long)).sum().backward()
    assert (embedding.table.grad[0, 0] != 0).all()


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("hidden_dim", [None, 7, (None, 7, 7)])
@pytest.mark.parametrize("norm", ["layer", "batch", None])
@pytest.mark.parametrize("n_categories", [0, 2])
def test_every_form_of_the_head_maps_features_to_logits(attention, hidden_dim, norm, n_categories):
    options = OPTIONS | {"attention": attention, "hidden_dim": hidden_dim, "norm": norm}
    head = AttributeHead(16, 3, n_categories, **options)
    logits = head(torch.randn(4, 16), torch.tensor([0, 1, 2, 0]) % (n_categories + 1))
    assert logits.shape == (1, 3 if isinstance(hidden_dim, tuple) else 1, 4, 3)
    logits.sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_category_moves_the_logits():
    head = AttributeHead(16, 3, 2, **OPTIONS).eval()
    features = torch.randn(1, 16)
    assert (head(features, torch.tensor([1])) != head(features, torch.tensor([2]))).any()


def test_dropout_is_off_in_prediction():
    head = AttributeHead(16, 3, 0, **OPTIONS).eval()
    features, nothing = torch.randn(4, 16), torch.zeros(4, dtype=torch.long)
    assert (head(features, nothing) == head(features, nothing)).all()


def alone(head, form, member):
    """A head of one member: that of a form, by number, with its weights."""
    hidden_dim = [None, 7][form]
    one = AttributeHead(16, 3, 2, **OPTIONS | {"hidden_dim": hidden_dim}).eval()
    one.standardization.load_state_dict(head.standardization.state_dict())
    state = {n: p[member : member + 1] for n, p in head.members[form].state_dict().items()}
    one.members[0].load_state_dict(state)
    return one


def test_members_of_a_committee_are_heads_of_their_own():
    torch.manual_seed(0)
    head = AttributeHead(16, 3, 2, **OPTIONS | {"hidden_dim": (7, None, 7)}).eval()
    head.standardization.set(torch.randn(16), torch.rand(16))
    features, codes = torch.randn(4, 16), torch.tensor([0, 1, 2, 1])
    (logits,) = head(features, codes)
    hidden, linear = head.members
    assert len(hidden.linear.weight) == 2
    assert len(linear.linear.weight) == 1
    committee = torch.nn.Module()
    committee.standardization, committee.members = head.standardization, [linear, hidden]
    for found, (form, member) in zip(logits, [(1, 0), (1, 1), (0, 0)], strict=True):
        torch.testing.assert_close(found, alone(committee, form, member)(features, codes)[0, 0])


def test_a_member_learns_nothing_from_the_others():
    head = AttributeHead(16, 3, 0, **OPTIONS | {"hidden_dim": (None, None)})
    head(torch.randn(4, 16), torch.zeros(4, dtype=torch.long))[0, 0].sum().backward()
    weights = head.members[0].linear.weight
    assert (weights.grad[0] != 0).any()
    assert (weights.grad[1] == 0).all()


def test_standardised_features_have_mean_0_and_variance_1_and_constant_ones_stay_small():
    x = torch.randn(50, 3) * torch.tensor([1.0, 1e3, 1e-3]) + 7
    x = torch.cat([x, torch.full((50, 1), 0.1)], dim=1)
    layer = Standardization(4)
    layer.set(x.mean(dim=0), x.std(dim=0, correction=0))
    out = layer(x)
    torch.testing.assert_close(out[:, :3].mean(0), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(out[:, :3].std(0, correction=0), torch.ones(3))
    assert out[:, 3].abs().max() < 1e-6


def test_copies_of_a_head_drop_the_same_and_learn_for_themselves():
    torch.manual_seed(0)
    options = OPTIONS | {"hidden_dim": (None, 7, 7)}
    head = AttributeHead(16, 3, 2, **options)
    heads = head.copies([0.5] * 4)
    features, codes = torch.randn(5, 16), torch.tensor([0, 1, 2, 1, 2])
    torch.manual_seed(1)
    (alone,) = head(features, codes)
    torch.manual_seed(1)
    many = heads(features, codes)
    for network in many:
        torch.testing.assert_close(network, alone)
    many[2].square().sum().backward()
    alone.square().sum().backward()
    for p, several in zip(head.parameters(), heads.parameters(), strict=True):
        gradients = several.grad.unflatten(0, (4, -1))
        torch.testing.assert_close(gradients[2], p.grad)
        assert (gradients[[0, 1, 3]] == 0).all()
        several.data -= several.grad
    one = AttributeHead(16, 3, 2, **options)
    one.standardization.load_state_dict(head.standardization.state_dict())
    one.take(heads, 2)
    torch.testing.assert_close(one.eval()(features, codes)[0], heads.eval()(features, codes)[2])
    one.take(heads, 1)
    torch.testing.assert_close(one(features, codes), head.eval()(features, codes))
