from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attrlearn.nn.losses import cross_entropy
from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.examples import Examples
from attrlearn.training.history import Epoch
from attrlearn.training.loop import EpochLoop, split
from attrlearn.training.schedule import build_schedule
from attrlearn.training.sources import FeatureSource

HEAD = {
    "standardize": False,
    "attention": False,
    "category_dim": 4,
    "hidden_dim": 8,
    "norm": "layer",
    "dropout": 0.0,
}


def learn(
    *,
    n: int = 32,
    batch_size: int = 32,
    accumulate_steps: int = 1,
    max_epochs: int = 1,
    clip_grad_norm: float | None = None,
    **head,
) -> tuple[list[Epoch], list[torch.Tensor], list[torch.Tensor]]:
    """Train by plain gradient steps; epochs, parameters before and after."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    network = AttributeNetwork(None, 6, [2, 3], [True, False], 0, HEAD | head).train()
    targets = np.stack([rng.integers(0, 2, n), 2 + rng.integers(0, 3, n)], axis=1)
    # Rows with few and with many labels do not mix, so that parts of a batch differ.
    targets[: n // 2][rng.random((n // 2, 2)) < 0.8] = -1
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    before = [p.detach().clone() for p in network.parameters()]
    examples = Examples(
        FeatureSource(torch.tensor(rng.normal(size=(1, n, 6)), dtype=torch.float32)),
        torch.tensor(targets),
        torch.zeros(n, dtype=torch.long),
        (torch.tensor(targets) >= 0) * torch.tensor([0.5, 2, 1, 3, 0.2])[targets],
    )
    loop = EpochLoop(
        network,
        examples,
        None,
        loss=cross_entropy,
        optimizer=optimizer,
        schedule=build_schedule("constant", optimizer, 1),
        clip_grad_norm=clip_grad_norm,
        batch_size=batch_size,
        accumulate_steps=accumulate_steps,
        generator=torch.Generator().manual_seed(0),
        context=nullcontext(),
    )
    epochs = []
    for _ in range(max_epochs):
        assert sum(loop.run()) == n
        epochs.append(loop.epoch())
        loop.begin()
    return epochs, before, [p.detach() for p in network.parameters()]


@pytest.mark.parametrize(("batch_size", "accumulate_steps"), [(8, 4), (5, 7), (1, 32), (31, 2)])
def test_accumulated_batches_equal_one_large_batch(batch_size, accumulate_steps):
    whole, _, expected = learn(batch_size=32)
    parts, _, got = learn(batch_size=batch_size, accumulate_steps=accumulate_steps)
    assert parts[0].losses == pytest.approx(whole[0].losses, rel=1e-5)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_members_learn_as_if_alone_and_the_loss_is_their_mean():
    together, before, after = learn(batch_size=8, hidden_dim=(None, None))
    assert (before[0][0] != before[0][1]).any()
    losses = []
    for member in (0, 1):
        epochs, alone = learn_from(before, member)
        losses.append(epochs[0].losses)
        for got, expected in zip(after, alone, strict=True):
            torch.testing.assert_close(got[member], expected[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(together[0].losses, np.mean(losses, axis=0), rtol=1e-5)


def learn_from(parameters, member):
    """Epochs of one linear head that starts where a member did, and its parameters after them."""
    original = AttributeNetwork.train

    def start(self, mode=True):
        if not hasattr(self, "started"):
            self.started = True
            for p, values in zip(self.parameters(), parameters, strict=True):
                p.data.copy_(values[member : member + 1])
        return original(self, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AttributeNetwork, "train", start)
        epochs, _, after = learn(batch_size=8, hidden_dim=None)
    return epochs, after


def test_averaging_the_parts_would_not_equal_the_large_batch():
    """The data of these tests tell a sum over cells from a mean of means."""
    whole, _, _ = learn(batch_size=32)
    parts, _, _ = learn(batch_size=8)
    assert parts[0].loss != pytest.approx(whole[0].loss, rel=1e-3)


def test_losses_and_epochs_are_counted():
    epochs, _, _ = learn(n=20, batch_size=4, accumulate_steps=2, max_epochs=3)
    assert [len(epoch.losses) for epoch in epochs] == [3] * 3
    assert epochs[1].loss == pytest.approx(np.mean(epochs[1].losses))
    assert all(epoch.seconds > 0 and epoch.learning_rate == 0.1 for epoch in epochs)


@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("n", [9, 33])
def test_last_batch_of_one_row_trains(norm, n):
    epochs, before, after = learn(n=n, batch_size=8, norm=norm)
    assert np.isfinite(epochs[0].losses).all()
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def test_one_row_alone_trains():
    _, before, after = learn(n=1)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def test_a_clipped_step_is_the_same_step_shortened():
    _, before, whole = learn()
    step = torch.cat([(b - a).flatten() for a, b in zip(before, whole, strict=True)])
    for share in (0.5, 2.0):
        norm = float(step.norm()) / 0.1  # of the gradient: the learning rate is 0.1
        _, before, clipped = learn(clip_grad_norm=share * norm)
        got = torch.cat([(b - a).flatten() for a, b in zip(before, clipped, strict=True)])
        torch.testing.assert_close(got, min(share, 1) * step, rtol=1e-4, atol=1e-7)


@given(st.integers(1, 200), st.integers(1, 40))
def test_split_keeps_every_row_in_order_and_leaves_none_alone(n, size):
    parts = split(torch.arange(n), size)
    assert torch.cat(parts).tolist() == list(range(n))
    assert all(len(part) <= size + 1 for part in parts)
    if n > 1 and size > 1:
        assert all(len(part) > 1 for part in parts)


def failing_loop(features, loss=cross_entropy):
    """The loop of a network with a linear head on four rows of features."""
    network = AttributeNetwork(None, 2, [2], [True], 0, HEAD | {"hidden_dim": None})
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    examples = Examples(
        FeatureSource(features),
        torch.ones(4, 1).long(),
        torch.zeros(4, dtype=torch.long),
        torch.ones(4, 1),
    )
    return EpochLoop(
        network,
        examples,
        None,
        loss=loss,
        optimizer=optimizer,
        schedule=build_schedule("constant", optimizer, 1),
        clip_grad_norm=None,
        batch_size=4,
        accumulate_steps=1,
        generator=torch.Generator(),
        context=nullcontext(),
    )


def test_loss_that_runs_away_is_an_error_that_names_the_step_and_what_to_change():
    loop = failing_loop(torch.full((1, 4, 2), torch.nan))
    list(loop.run())
    with pytest.raises(
        ValueError, match=r"Got nan at step 1 of epoch 1\. Lower learning_rate, and"
    ):
        loop.epoch()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    ],
)
def test_memory_that_runs_out_is_an_error_that_names_the_step_and_what_to_change(error):
    def loss(*_):
        raise error

    loop = failing_loop(torch.zeros(1, 4, 2), loss)
    with pytest.raises(
        MemoryError, match=r"at step 1 of epoch 1, with 4 rows at once.* Halve batch_size"
    ):
        next(loop.run())


def test_other_errors_of_a_step_are_left_as_they_are():
    def loss(*_):
        raise RuntimeError("of the user's loss")

    with pytest.raises(RuntimeError, match=r"^of the user's loss$"):
        next(failing_loop(torch.zeros(1, 4, 2), loss).run())


@pytest.mark.parametrize("n_done", [0, 1, 3, 4])
def test_a_loop_that_was_left_after_a_step_goes_on_as_if_it_had_not_been(n_done):
    sources = torch.randn(2, 16, 2, generator=torch.Generator().manual_seed(0))

    def new():
        torch.manual_seed(0)
        loop = failing_loop(sources[:, :4])
        loop.examples = Examples(
            FeatureSource(sources),
            torch.ones(16, 1).long(),
            torch.zeros(16, dtype=torch.long),
            torch.ones(16, 1),
        )
        loop.n_steps = 4
        loop.begin()
        return loop

    whole, left = new(), new()
    list(whole.run())
    for _ in range(n_done):
        next(steps := left.run())
        steps.close()  # and begun anew at the step after it
    list(left.run())
    assert left.losses.tolist() == whole.losses.tolist()
    assert (left.generator.get_state() == whole.generator.get_state()).all()


def test_each_batch_reads_the_views_of_its_own_rows():
    views = torch.stack([torch.arange(50.0), torch.arange(50.0) + 100])[:, :, None]
    rows = torch.randperm(50)
    (batch,) = FeatureSource(views).batches([rows], torch.Generator().manual_seed(0))
    assert (batch[:, 0] % 100 == rows).all()
    assert 10 < (batch[:, 0] >= 100).sum() < 40
