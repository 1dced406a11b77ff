import pytest
import torch

from attrlearn.nn.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8, 0.99])
def test_a_share_is_dropped_and_the_expectation_stays(p):
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(1, 1_000, 401))
    assert (out == 0).float().mean() == pytest.approx(p, abs=0.003)
    assert out.double().mean() == pytest.approx(1, abs=0.03)
    assert out[out > 0].unique().numel() == 1


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(1, 4, 100_000))[0] > 0).double()
    for shift in range(1, 9):
        pairs = torch.stack([kept[:, :-shift].flatten(), kept[:, shift:].flatten()])
        assert abs(torch.corrcoef(pairs)[0, 1]) < 0.006


def test_what_is_dropped_has_no_gradient_and_the_rest_its_scale():
    x = torch.ones(1, 50, 7, requires_grad=True)
    out = Dropout(0.75)(x)
    out.sum().backward()
    assert (x.grad == out).all()


def test_prediction_and_no_dropout_change_nothing_and_draw_nothing():
    x = torch.randn(1, 5, 3)
    state = torch.get_rng_state()
    assert Dropout(0.5).eval()(x) is x
    assert (Dropout(0.0)(x) == x).all()
    assert (torch.get_rng_state() == state).all()


def test_the_global_seed_decides():
    x = torch.ones(1, 9, 5)
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(Dropout(0.5)(x))
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_networks_drop_the_same():
    out = Dropout(0.5)(torch.ones(3, 40, 5))
    assert (out == out[:1]).all()
    assert 0 < (out[0] == 0).float().mean() < 1


def test_networks_of_other_rates_drop_what_each_would_drop_alone():
    layer = Dropout(0.5)
    layer.rates = [0.2, 0.8, 0.5]
    torch.manual_seed(0)
    many = layer(torch.ones(1, 40, 5))
    for network, rate in zip(many, layer.rates, strict=True):
        torch.manual_seed(0)
        (alone,) = Dropout(rate)(torch.ones(1, 40, 5))
        torch.testing.assert_close(network, alone)
