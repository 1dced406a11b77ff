"""A fit that was killed, and is started again."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from attrlearn import AttributeClassifier
from attrlearn.training.checkpoint import CheckpointFolder

SCRIPT = Path(__file__).parent / "scripts" / "fit_with_checkpoints.py"


def sgd(groups):
    return torch.optim.SGD(groups, momentum=0.9, nesterov=True)


def restarts(optimizer, n_steps):
    """A schedule whose rate follows from the last one rather than from the number of the step."""
    return torch.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda step: 0.9)


def kill_after(monkeypatch, n_writes):
    """Let the process die after it has written that many states."""
    original, written = CheckpointFolder.write, []

    def write(self, state):
        original(self, state)
        written.append(state)
        if len(written) == n_writes:
            raise SystemExit

    monkeypatch.setattr(CheckpointFolder, "write", write)
    return written


def assert_same(got, expected):
    np.testing.assert_array_equal(got.loss_curve_, expected.loss_curve_)
    np.testing.assert_array_equal(got.validation_scores_, expected.validation_scores_)
    history = expected.history_.drop(columns="seconds")
    assert got.history_.drop(columns="seconds").equals(history)
    assert got.best_epoch_ == expected.best_epoch_
    assert got.thresholds_ == expected.thresholds_
    state = expected.network_.state_dict()
    for name, tensor in got.network_.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def check_resumes(monkeypatch, tmp_path, clf, table, n_writes):
    """Fit whole, and killed after some states, and compare; return how many were written."""
    whole = clone(clf).fit(*table)
    killed = clone(clf).set_params(checkpoint_dir=tmp_path / "kept", checkpoint_every=0)
    with monkeypatch.context() as patch:
        kill_after(patch, n_writes)
        with pytest.raises(SystemExit):
            killed.fit(*table)
    assert not hasattr(killed, "network_")
    again = clone(killed)
    with monkeypatch.context() as patch:
        written = kill_after(patch, -1)
        again.fit(*table)
    assert_same(again, whole)
    assert not (tmp_path / "kept" / "checkpoint.safetensors").exists()
    return len(written)


@pytest.mark.parametrize("n_writes", [1, 9, 10, 11, 25, 40])
def test_a_killed_fit_ends_as_if_it_had_not_been(monkeypatch, tmp_path, noise, noisy, n_writes):
    clf = AttributeClassifier(
        None,
        max_epochs=4,
        learning_rate=0.02,
        early_stopping=True,
        n_iter_no_change=4,
        scoring="balanced_accuracy",
        ema_decay=0.9,
        accumulate_steps=2,
        batch_size=14,
        thresholds="f1",
        random_state=0,
    )
    n_left = check_resumes(monkeypatch, tmp_path, clf, (noise, noisy), n_writes)
    assert n_left == 4 * 10 + 1 - n_writes  # and no step was made twice


@pytest.mark.slow
@pytest.mark.parametrize("n_writes", [3, 7, 13])
@pytest.mark.parametrize("augment", ["flip", "light", "callable"])
def test_so_does_one_that_fine_tunes(
    monkeypatch, tmp_path, small, images, attributes, augment, n_writes
):
    jitter = partial(torch.roll, shifts=1, dims=2)
    clf = small.set_params(
        trainable="last_block" if augment == "flip" else "all",
        augment=jitter if augment == "callable" else augment,
        freeze_epochs=2,
        max_epochs=4,
        optimizer=sgd,
        schedule=restarts,
        cache_dir=None,
    )
    check_resumes(monkeypatch, tmp_path, clf, (images, attributes), n_writes)


def test_so_does_one_that_was_killed_as_its_thresholds_were_tuned(
    monkeypatch, tmp_path, features, binary
):
    clf = AttributeClassifier(None, max_epochs=2, thresholds="f1", random_state=0)
    n_steps = 2 * 3
    assert check_resumes(monkeypatch, tmp_path, clf, (features, binary), n_steps + 1) == 1


def test_the_seed_of_a_fit_without_one_is_kept(monkeypatch, tmp_path, features, binary):
    clf = AttributeClassifier(None, max_epochs=3, checkpoint_dir=tmp_path, checkpoint_every=0)
    with monkeypatch.context() as patch:
        written = kill_after(patch, 4)
        with pytest.raises(SystemExit):
            clf.fit(features, binary)
    seed = written[-1].record["seed"]
    clf.fit(features, binary)
    whole = AttributeClassifier(None, max_epochs=3, random_state=seed).fit(features, binary)
    assert_same(clf, whole)


def test_a_resumed_schedule_goes_on_where_it_stood(monkeypatch, tmp_path, features, binary):
    clf = AttributeClassifier(None, max_epochs=8, checkpoint_dir=tmp_path, checkpoint_every=0)
    with monkeypatch.context() as patch:
        kill_after(patch, 12)
        with pytest.raises(SystemExit):
            clf.fit(features, binary)
    rates = clf.fit(features, binary).history_["learning_rate"].to_numpy()
    assert (np.diff(rates[1:]) < 0).all()
    assert rates[-1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"learning_rate": 0.5}, r"learning_rate=0\.001 rather than 0\.5"),
        ({"random_state": 1}, "random_state=0 rather than 1"),
        ({"max_epochs": 5}, "max_epochs=3 rather than 5"),
    ],
)
def test_a_fit_with_other_parameters_is_refused(
    monkeypatch, tmp_path, features, binary, change, match
):
    clf = AttributeClassifier(None, max_epochs=3, random_state=0, checkpoint_dir=tmp_path)
    clf.set_params(checkpoint_every=0)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(SystemExit):
            clf.fit(features, binary)
    kept = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(ValueError, match=match):
        clone(clf).set_params(**change).fit(features, binary)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == kept
    clf.set_params(verbose=0, n_jobs=2, checkpoint_every=9).fit(features, binary)  # may change


def test_a_fit_on_other_rows_is_refused(monkeypatch, tmp_path, features, binary):
    clf = AttributeClassifier(None, max_epochs=3, random_state=0, checkpoint_dir=tmp_path)
    clf.set_params(checkpoint_every=0)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(SystemExit):
            clf.fit(features, binary)
    other_features, other_labels = features.copy(), binary.copy()
    other_features[7, 3] += 1e-6
    other_labels[7, 1] = np.nan if binary[7, 1] == binary[7, 1] else 1
    for table in ((other_features, binary), (features, other_labels), (features[1:], binary[1:])):
        with pytest.raises(ValueError, match="of a fit with other rows of X and y"):
            clone(clf).fit(*table)
    with pytest.raises(ValueError, match="other rows of X and y"):
        clone(clf).fit(features, binary, sample_weight=np.linspace(1, 2, 80))


@pytest.mark.slow
def test_other_weights_in_the_same_file_are_refused(
    monkeypatch, tmp_path, small, images, attributes
):
    def draw(seed):
        torch.manual_seed(seed)
        clf = clone(small).fit(images, attributes)
        torch.save(clf.network_.backbone.model.state_dict(), tmp_path / "weights.pth")

    draw(0)
    clf = small.set_params(weights=tmp_path / "weights.pth", checkpoint_dir=tmp_path / "kept")
    clf.set_params(checkpoint_every=0)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(SystemExit):
            clf.fit(images, attributes)
    small.set_params(random_state=1, weights=None, checkpoint_dir=None)
    draw(1)
    clf.set_params(random_state=0, weights=tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="of a fit with other weights to begin with"):
        clf.set_params(checkpoint_dir=tmp_path / "kept").fit(images, attributes)


def test_a_folder_cannot_be_that_of_a_fit_and_of_one_inside_it(tmp_path, features, binary):
    inner = AttributeClassifier(None, max_epochs=1, checkpoint_dir=tmp_path)

    def scorer(estimator, X, y):
        inner.fit(features, binary)
        return 0.0

    outer = clone(inner).set_params(early_stopping=True, scoring=scorer)
    with pytest.raises(ValueError, match="used by one fit at a time"):
        outer.fit(features, binary)


def test_a_cross_validation_may_use_a_folder_as_its_fits_end_one_by_one(tmp_path, features, binary):
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    expected = cross_val_score(clf, features, binary, cv=3)
    clf.set_params(checkpoint_dir=tmp_path, checkpoint_every=0)
    assert (cross_val_score(clf, features, binary, cv=3) == expected).all()


def test_an_optimizer_that_cannot_be_kept_is_refused_before_anything_is_written(
    tmp_path, features, binary
):
    class Listing(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            self.state[self.param_groups[0]["params"][0]]["seen"] = [1]

    clf = AttributeClassifier(None, optimizer=Listing, checkpoint_dir=tmp_path, checkpoint_every=0)
    with pytest.raises(TypeError, match=r"Got Listing, whose 'seen' is of type list\."):
        clf.fit(features, binary)
    assert not list(tmp_path.glob("check*"))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["features", "images"])
def test_kill_9_at_random_steps_changes_nothing(tmp_path, kind):
    def run(name, *options):
        command = [sys.executable, str(SCRIPT), kind, str(tmp_path / name), *map(str, options)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    whole = run("whole.npz")
    assert whole.returncode == 0, whole.stderr
    steps = sorted(np.random.default_rng().choice(np.arange(1, 24), 5, replace=False))
    for step in steps:
        killed = run("killed.npz", tmp_path / "kept", step)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    ended = run("killed.npz", tmp_path / "kept", 10**6)
    assert ended.returncode == 0, ended.stderr
    with np.load(tmp_path / "whole.npz") as expected, np.load(tmp_path / "killed.npz") as got:
        assert set(got) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(got[name], expected[name], err_msg=f"{name}: {steps}")
