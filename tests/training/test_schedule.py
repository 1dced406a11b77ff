import numpy as np
import pytest
import torch
from torch.nn import Parameter

from attrlearn.training.schedule import build_optimizer, build_schedule

N_STEPS = 40


def rates(name: str, n_steps: int = N_STEPS) -> np.ndarray:
    """Learning rate of each step."""
    optimizer = build_optimizer("adamw", [Parameter(torch.ones(1))], 0.2, 0.0)
    schedule = build_schedule(name, optimizer, n_steps)
    seen = []
    for _ in range(n_steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(seen)


def test_constant_stays():
    assert rates("constant") == pytest.approx(np.full(N_STEPS, 0.2))


def test_cosine_falls_to_zero_along_a_cosine():
    expected = 0.1 * (1 + np.cos(np.pi * np.arange(N_STEPS) / N_STEPS))
    assert rates("cosine") == pytest.approx(expected)


def test_onecycle_rises_to_the_rate_and_falls_below_where_it_began():
    seen = rates("onecycle")
    peak = seen.argmax()
    assert seen[peak] == pytest.approx(0.2, rel=0.01)
    assert 0.2 < peak / N_STEPS < 0.4
    assert (np.diff(seen[: peak + 1]) > 0).all()
    assert (np.diff(seen[peak:]) < 0).all()
    assert seen[-1] < seen[0]


@pytest.mark.parametrize("name", ["constant", "cosine", "onecycle"])
@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_a_few_steps_are_enough(name, n_steps):
    assert np.isfinite(rates(name, n_steps)).all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)],
)
def test_optimizer_holds_what_is_trained(name, kind):
    trained, frozen = Parameter(torch.ones(1)), Parameter(torch.ones(1), requires_grad=False)
    optimizer = build_optimizer(name, [frozen, trained], 0.1, 0.01)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert group["params"] == [trained]
    assert group["lr"] == 0.1
    assert group["weight_decay"] == 0.01
