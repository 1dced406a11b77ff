import numpy as np
import pytest
import torch
from torch.nn import Parameter

from attrlearn.training.schedule import build_optimizer, build_schedule, parameter_groups

N_STEPS = 40


def rates(name: str, n_steps: int = N_STEPS) -> np.ndarray:
    """Learning rate of each step."""
    groups = parameter_groups([Parameter(torch.ones(1))], 0.2, 0.0)
    optimizer = build_optimizer("adamw", groups)
    schedule = build_schedule(name, optimizer, n_steps)
    seen = []
    for _ in range(n_steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(seen)


def test_constant_stays():
    assert rates("constant") == pytest.approx(np.full(N_STEPS, 0.2))


def test_cosine_rises_for_a_twentieth_and_falls_to_zero_along_a_cosine():
    seen = rates("cosine")
    assert seen[:3] == pytest.approx([0.2 / 3, 0.4 / 3, 0.2])
    assert seen[2:] == pytest.approx(0.1 * (1 + np.cos(np.pi * np.arange(38) / 38)))


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
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        (torch.optim.NAdam, torch.optim.NAdam),
    ],
)
def test_optimizer_holds_what_is_trained_and_decays_what_is_not_a_bias(name, kind):
    kernel, bias, frozen = Parameter(torch.ones(2, 2)), Parameter(torch.ones(2)), torch.ones(2, 2)
    groups = parameter_groups([Parameter(frozen, requires_grad=False), bias, kernel], 0.1, 0.01)
    optimizer = build_optimizer(name, groups)
    assert type(optimizer) is kind
    seen = [(g["params"], g["lr"], g["weight_decay"]) for g in optimizer.param_groups]
    assert seen == [([kernel], 0.1, 0.01), ([bias], 0.1, 0.0)]


def test_a_callable_schedule_gets_the_optimizer_and_the_number_of_steps():
    linear = lambda optimizer, n: torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, n)  # noqa: E731
    assert rates(linear, 4) == pytest.approx([0.2, 0.15, 0.1, 0.05])


def test_a_callable_that_gives_something_else_is_an_error():
    groups = parameter_groups([Parameter(torch.ones(1))], 0.2, 0.0)
    with pytest.raises(TypeError, match=r"optimizer must give .* Got list\. Pass a class of torch"):
        build_optimizer(list, groups)
    with pytest.raises(TypeError, match=r"schedule must give .* Got int\. Return one of"):
        build_schedule(lambda optimizer, n: n, build_optimizer("sgd", groups), 3)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
def test_groups_begin_a_second_schedule_as_they_began_the_first(schedule):
    groups = parameter_groups([torch.nn.Parameter(torch.zeros(2, 2))], 0.1, 0.01)
    courses = []
    for _ in range(2):
        optimizer = build_optimizer("sgd", groups)
        course = build_schedule(schedule, optimizer, 10)
        courses.append([course.get_last_lr()])
        for _ in range(9):
            optimizer.step()
            course.step()
            courses[-1].append(course.get_last_lr())
    assert courses[0] == courses[1]
