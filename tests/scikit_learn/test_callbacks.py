"""Callbacks of scikit-learn see each epoch of a fit."""

import numpy as np
import pytest
from sklearn import model_selection as ms
from sklearn.callback import ProgressBar, ScoringMonitor

from attrlearn.metrics import SCORERS


class Recorder:
    """Notes what each epoch says of the first row, and asks to stop after some."""

    def __init__(self, stop_after=99):
        self.stop_after = stop_after
        self.begun, self.epochs, self.torn_down = 0, [], False

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down = True

    def on_fit_task_begin(self, estimator, context):
        self.begun += context.task_name == "epoch"

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.epochs.append(fitted_estimator)
            return len(self.epochs) == self.stop_after


class Propagated(Recorder):
    """One that a search hands on to what it fits."""

    max_propagation_depth = None


def test_each_epoch_is_a_task_with_an_estimator_fitted_so_far(clf, features, gaps):
    recorder = Recorder()
    clf.set_params(max_epochs=3).set_callbacks(recorder).fit(features, gaps)
    assert recorder.begun == len(recorder.epochs) == 3
    assert recorder.torn_down
    assert [len(fitted.loss_curve_) for fitted in recorder.epochs] == [2, 4, 6]
    said = [fitted.predict_proba(features) for fitted in recorder.epochs]
    np.testing.assert_array_equal(said[2], clf.predict_proba(features))
    assert not np.allclose(said[0], said[1])


def test_a_callback_can_stop_the_training(clf, features, gaps):
    recorder = Recorder(stop_after=2)
    clf.set_params(max_epochs=9).set_callbacks(recorder).fit(features, gaps)
    assert clf.n_epochs_ == 2


def test_a_callback_is_torn_down_when_fit_fails(clf, features, complete):
    recorder = Recorder()
    with pytest.raises(ValueError, match="y must hold only"):
        clf.set_callbacks(recorder).fit(features, complete + 7)
    assert recorder.torn_down


def test_scoring_monitor_logs_our_scores_each_epoch(clf, features, gaps):
    monitor = ScoringMonitor(scoring=SCORERS)
    clf.set_params(max_epochs=3).set_callbacks(monitor).fit(features, gaps)
    log = monitor.get_logs().data_as_pandas
    epochs = log[log["task_name"] == "epoch"]
    assert len(epochs) == 3
    for name, scorer in SCORERS.items():
        assert epochs[name].iloc[-1] == pytest.approx(scorer(clf, features, gaps))


def test_a_search_hands_its_callbacks_on_to_the_epochs(clf, features, gaps, capsys):
    recorder = Propagated()
    search = ms.GridSearchCV(clf, {"dropout": [0.0, 0.5]}, cv=3)
    search.set_callbacks(recorder, ProgressBar(max_propagation_depth=None)).fit(features, gaps)
    assert recorder.begun == len(recorder.epochs) == (2 * 3 + 1) * clf.max_epochs
    assert "AttributeClassifier - fit" in capsys.readouterr().out


def test_the_fitted_estimator_is_monitored_too(clf, features, gaps):
    monitor = ScoringMonitor(scoring=SCORERS["accuracy"])
    clf.set_callbacks(monitor).fit(features, gaps)
    log = monitor.get_logs().data_as_pandas
    assert log["task_name"].tolist() == ["fit", "epoch", "epoch"]
    expected = pytest.approx(SCORERS["accuracy"](clf, features, gaps))
    assert log["score"][0] == log["score"][2] == expected
