"""What holds of all callbacks."""

import pickle
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from attrlearn.callbacks import LiveLossCurve, MLflowCallback, TensorBoardCallback
from attrlearn.exceptions import CallbackWarning


def live(folder):
    return LiveLossCurve(folder / "curve.png", every=0)


def tensorboard(folder):
    pytest.importorskip("tensorboard", reason="needs the package tensorboard")
    return TensorBoardCallback(folder / "runs")


def mlflow(folder):
    pytest.importorskip("mlflow", reason="needs the package mlflow")
    pytest.importorskip("sqlalchemy", reason="needs a database for the package mlflow")
    return MLflowCallback(tracking_uri=f"sqlite:///{folder}/runs.db")


@pytest.fixture(params=[live, tensorboard, mlflow], ids=lambda make: make.__name__)
def make(request):
    return request.param


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the two packages
def test_a_callback_changes_nothing_of_what_is_learnt(make, clf, features, gaps, tmp_path):
    plain = clone(clf).fit(features, gaps)
    watched = clf.set_callbacks(make(tmp_path)).fit(features, gaps)
    np.testing.assert_array_equal(watched.loss_curve_, plain.loss_curve_)
    np.testing.assert_array_equal(watched.validation_scores_, plain.validation_scores_)
    np.testing.assert_array_equal(watched.predict_proba(features), plain.predict_proba(features))
    assert list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_disk_that_is_full_is_a_warning_and_the_fit_goes_on(make, clf, features, gaps, tmp_path):
    (tmp_path / "file").touch()  # where a folder would have to be
    callback = make(tmp_path / "file")
    with pytest.warns(CallbackWarning, match="The training goes on without it"):
        clf.set_callbacks(callback).fit(features, gaps)
    assert clf.n_epochs_ == 3
    assert callback._records == {}


def test_a_callback_survives_pickle_and_is_shared_by_clones(make, clf, tmp_path):
    callback = make(tmp_path)
    again = pickle.loads(pickle.dumps(callback))
    assert type(again) is type(callback)
    assert clone(clf.set_callbacks(callback))._skl_callbacks == [callback]


def test_the_fit_that_fails_leaves_nothing_open(make, clf, features, gaps, tmp_path):
    callback = make(tmp_path)
    clf.set_params(optimizer=lambda groups: 1 / 0).set_callbacks(callback)
    with pytest.raises(ZeroDivisionError):
        clf.fit(features, gaps)
    assert not callback._records
    assert not callback._searches


@pytest.mark.slow
def test_worker_processes_of_a_search_take_it_along(make, clf, features, gaps, tmp_path):
    search = GridSearchCV(clf, {"dropout": [0.1, 0.2]}, cv=2, n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", CallbackWarning)
        search.set_callbacks(make(tmp_path)).fit(features, gaps)
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("callback", "package"), [(TensorBoardCallback, "tensorboard"), (MLflowCallback, "mlflow")]
)
def test_a_package_that_is_missing_is_an_error_with_the_command(callback, package, monkeypatch):
    monkeypatch.setattr(
        f"attrlearn.callbacks.{package}_runs.find_spec",
        lambda name: None if name == package else find_spec(name),
    )
    with pytest.raises(ImportError, match=f"Run: pip install {package}"):
        callback(*["runs"][: package == "tensorboard"])
