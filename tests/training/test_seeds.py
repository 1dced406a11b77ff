import random

import numpy as np
import pytest
import torch

from attrlearn.training.seeds import seeded

CPU = torch.device("cpu")


def draw(random_state) -> tuple[float, float]:
    with seeded(random_state, CPU) as generator:
        return torch.rand(1).item(), torch.rand(1, generator=generator).item()


def test_same_seed_same_chance():
    assert draw(3) == draw(3)
    assert draw(3) != draw(4)
    assert draw(np.random.RandomState(3)) == draw(np.random.RandomState(3))


def test_without_a_seed_chance_differs():
    assert draw(None) != draw(None)


@pytest.mark.parametrize("random_state", [None, 0])
def test_global_generators_are_left_as_they_were(random_state):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    draw(random_state)
    assert (torch.get_rng_state() == before[0]).all()
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


def test_global_generator_is_put_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded(0, CPU):
        torch.rand(1 // 0)
    assert (torch.get_rng_state() == before).all()
