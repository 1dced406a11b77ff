"""Fits that end before their last epoch: by a limit of time, or an interrupt."""

import pickle
import time
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone

from attrlearn import AttributeClassifier
from attrlearn.nn.losses import cross_entropy
from attrlearn.training import session
from attrlearn.training.schedule import build_schedule


class Clock:
    """Time that passes by a second at each look."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def a_second_a_step(monkeypatch):
    monkeypatch.setattr(session, "monotonic", Clock())


@pytest.fixture
def tabular():
    return AttributeClassifier(None, max_epochs=4, batch_size=10, random_state=0)


def test_a_limit_of_time_ends_at_the_next_step(a_second_a_step, tabular, features, binary):
    whole = clone(tabular).fit(features, binary)
    clf = tabular.set_params(time_limit=13).fit(features, binary)
    n = len(clf.loss_curve_)
    assert 8 < n < 16  # in the midst of the second epoch of eight steps
    assert clf.loss_curve_.tolist() == whole.loss_curve_[:n].tolist()
    assert clf.n_epochs_ == clf.best_epoch_ == 2
    assert len(clf.history_) == 2
    assert clf.predict(features).shape == (80, 3)


def test_a_limit_that_has_passed_leaves_one_step(tabular, features, binary):
    clf = tabular.set_params(time_limit=1e-9).fit(features, binary)
    assert len(clf.loss_curve_) == 1


def test_a_limit_that_is_not_reached_changes_nothing(tabular, features, binary):
    whole = clone(tabular).fit(features, binary)
    clf = tabular.set_params(time_limit=600).fit(features, binary)
    assert (clf.predict_proba(features) == whole.predict_proba(features)).all()


def test_the_best_epoch_so_far_is_kept(a_second_a_step, noise, noisy):
    clf = AttributeClassifier(None, max_epochs=9, early_stopping=True, learning_rate=0.03)
    clf.set_params(n_iter_no_change=9, random_state=0)
    whole = clone(clf).fit(noise, noisy)
    ended = clone(clf).set_params(time_limit=42).fit(noise, noisy)
    n_scored = len(ended.history_) - 1  # the last epoch was not finished
    assert 2 < n_scored < 9
    scores = whole.validation_scores_[:n_scored]
    assert ended.validation_scores_[:n_scored].tolist() == scores.tolist()
    assert ended.best_epoch_ == 1 + scores.argmax() < n_scored
    course = partial(first_steps_of, n_steps=9 * n_steps_of_epoch(whole))
    best = clone(clf).set_params(max_epochs=int(ended.best_epoch_), schedule=course)
    best.fit(noise, noisy)
    assert (best.predict_proba(noise) == ended.predict_proba(noise)).all()


def n_steps_of_epoch(clf):
    return len(clf.loss_curve_) // clf.n_epochs_


def first_steps_of(optimizer, _, n_steps):
    """The schedule of so many steps, whatever is made of them."""
    return build_schedule("cosine", optimizer, n_steps)


@pytest.mark.parametrize("when", [1, 8, 9, 21])
@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_an_interrupt_sets_what_there_is_and_goes_on(tabular, features, binary, when, ema_decay):
    # What an interrupted step has drawn for its dropout is drawn anew.
    tabular.set_params(ema_decay=ema_decay, dropout=0)
    whole = clone(tabular).fit(features, binary)
    seen = []

    def loss(log_probabilities, targets, weights):
        seen.append(1)
        if len(seen) == when + 1:
            raise KeyboardInterrupt
        return cross_entropy(log_probabilities, targets, weights)

    clf = tabular.set_params(loss=loss)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(features, binary)
    assert clf.loss_curve_.tolist() == whole.loss_curve_[:when].tolist()
    assert not np.allclose(clf.predict_proba(features), whole.predict_proba(features))

    clf.set_params(warm_start=True).fit(features, binary)  # the steps that were left
    assert clf.loss_curve_.tolist() == whole.loss_curve_.tolist()
    assert (clf.predict_proba(features) == whole.predict_proba(features)).all()
    assert clf.n_epochs_ == 4
    clf.fit(features, binary)  # which is over now: a schedule of its own
    assert clf.n_epochs_ == 8


def test_an_interrupt_before_the_first_step_leaves_an_estimator_as_it_was(
    tabular, features, binary
):
    def loss(*_):
        raise KeyboardInterrupt

    tabular.set_params(loss=loss)
    with pytest.raises(KeyboardInterrupt):
        tabular.fit(features, binary)
    assert not hasattr(tabular, "network_")


def test_an_interrupt_while_thresholds_are_tuned_keeps_the_network(
    monkeypatch, tabular, features, binary
):
    whole = clone(tabular).fit(features, binary)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("attrlearn.classifier.predict_out_of_fold", interrupt)
    tabular.set_params(thresholds="f1")
    with pytest.raises(KeyboardInterrupt):
        tabular.fit(features, binary)
    assert (tabular.predict_proba(features) == whole.predict_proba(features)).all()
    assert set(tabular.thresholds_.values()) == {0.5}


def test_warm_start_goes_on_with_the_schedule_where_it_stood(
    a_second_a_step, tabular, features, binary
):
    whole = clone(tabular).fit(features, binary)
    clf = tabular.set_params(time_limit=13).fit(features, binary)
    clf.set_params(warm_start=True, time_limit=None).fit(features, binary)
    rates = clf.history_["learning_rate"]
    assert rates.tolist() == whole.history_["learning_rate"].tolist()
    assert (clf.predict_proba(features) == whole.predict_proba(features)).all()


def test_warm_start_goes_on_in_a_folder_of_checkpoints_too(
    a_second_a_step, tmp_path, tabular, features, binary
):
    whole = clone(tabular).fit(features, binary)
    clf = tabular.set_params(time_limit=13, checkpoint_dir=tmp_path, checkpoint_every=0)
    clf.fit(features, binary)
    assert (tmp_path / "checkpoint.safetensors").exists()
    clf.set_params(warm_start=True, time_limit=20).fit(features, binary)
    assert 8 < len(clf.loss_curve_) < 32
    again = clone(clf).set_params(time_limit=None).fit(features, binary)  # in another process
    clf.set_params(time_limit=None, checkpoint_dir=None).fit(features, binary)
    for ended in (clf, again):
        assert ended.loss_curve_.tolist() == whole.loss_curve_.tolist()
        assert (ended.predict_proba(features) == whole.predict_proba(features)).all()


def test_warm_start_on_other_rows_begins_a_schedule_of_its_own(
    a_second_a_step, tabular, features, binary
):
    clf = tabular.set_params(time_limit=13).fit(features, binary)
    before = clf.loss_curve_.copy()
    clf.set_params(warm_start=True, time_limit=None).fit(features[1:], binary[1:])
    assert clf.loss_curve_[: len(before)].tolist() == before.tolist()
    assert len(clf.loss_curve_) == len(before) + 4 * 8
    assert clf.n_epochs_ == 2 + 4


def test_what_it_takes_to_go_on_is_copied_but_not_pickled(
    a_second_a_step, tabular, features, binary
):
    clf = tabular.set_params(time_limit=13).fit(features, binary)
    loaded = pickle.loads(pickle.dumps(clf))
    assert loaded._unfinished is None
    assert (loaded.predict_proba(features) == clf.predict_proba(features)).all()
    assert deepcopy(clf)._unfinished is not None


def test_tuning_out_of_fold_gets_its_share_of_the_time(a_second_a_step, noise, noisy):
    clf = AttributeClassifier(None, max_epochs=50, thresholds="f1", random_state=0)
    clf.set_params(time_limit=500).fit(noise, noisy)
    assert 60 < len(clf.loss_curve_) < 130  # a fifth
    assert len(set(clf.thresholds_.values()) - {0.5}) > 0
    assert session.monotonic.now < 560  # within the limit, and a step of each fold


def test_the_limit_holds_in_seconds(noise, noisy):
    clf = AttributeClassifier(None, max_epochs=100_000, random_state=0, time_limit=0.5)
    started = time.perf_counter()
    clf.fit(noise, noisy)
    assert time.perf_counter() - started < 5
    assert 1 < clf.n_epochs_ < 100_000


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_average_of_the_weights_is_what_is_validated_and_kept(noise, noisy, early_stopping):
    seen = []

    def scorer(estimator, X, y):
        seen.append(deepcopy(estimator.network_.head.state_dict()))
        return len(seen)

    clf = AttributeClassifier(
        None, max_epochs=3, ema_decay=0.95, scoring=scorer, random_state=0, hidden_dim=None
    )
    clf.set_params(early_stopping=early_stopping)
    weights = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            weights.append(self.param_groups[0]["params"][0].detach().double().clone())

    begun = []

    def optimizer(groups):
        begun.append(groups[0]["params"][0].detach().double().clone())
        return Watched(groups, lr=0.1)

    clf.set_params(optimizer=optimizer).fit(noise, noisy)
    average = begun[0]
    for step, now in enumerate(weights, start=1):
        decay = min(0.95, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * now
    got = next(p for p in clf.network_.head.parameters() if p.shape == average.shape)
    torch.testing.assert_close(got.detach().double(), average, rtol=1e-4, atol=1e-6)
    if early_stopping:
        assert len(seen) == 3
        for name, tensor in clf.network_.head.state_dict().items():
            assert torch.equal(tensor, seen[-1][name])
