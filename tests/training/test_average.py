import pytest
import torch
from torch import nn

from attrlearn.training.average import WeightAverage


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_the_average_is_that_of_its_definition(decay):
    torch.manual_seed(0)
    network = nn.BatchNorm1d(3)
    average = WeightAverage(network, decay)
    expected = network.weight.detach().double().clone()
    for step in range(1, 30):
        with torch.no_grad():
            network.weight.copy_(torch.randn(3))
        network.train()(torch.randn(4, 3))
        average.update()
        share = min(decay, (1 + step) / (10 + step))
        expected = share * expected + (1 - share) * network.weight.detach().double()
    torch.testing.assert_close(average.tensors["weight"].double(), expected, rtol=1e-4, atol=1e-6)
    assert average.tensors["num_batches_tracked"] == 29  # counted, not averaged


def test_the_network_has_its_own_weights_again_even_after_an_error():
    network = nn.Linear(2, 1)
    average = WeightAverage(network, 0.5)
    before = network.weight.detach().clone()
    with torch.no_grad():
        network.weight.add_(1)

    def look():
        with average.applied():
            assert (network.weight == before).all()
            raise RuntimeError("of a scorer")

    with pytest.raises(RuntimeError, match="of a scorer"):
        look()
    assert (network.weight == before + 1).all()
    average.restore()
    assert (network.weight == before).all()


def test_what_is_not_trained_is_not_kept_twice():
    network = nn.Linear(1000, 1000).requires_grad_(False)
    assert WeightAverage(network, 0.9).tensors == {}
