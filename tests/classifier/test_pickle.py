"""What a file of a fitted estimator holds, and what it leaves out."""

import pickle
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.callback import ProgressBar
from torchvision.models import squeezenet1_1

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS

SCRIPTS = Path(__file__).parent / "scripts"
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = (X[:, :2] > 0).astype(float)


def unchanged(image):
    return image


def run_script(name, *arguments, cwd):
    """Run a script of this folder in a fresh process."""
    command = [sys.executable, SCRIPTS / name, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)


def test_callbacks_stay_out_of_a_fitted_model(tabular, tmp_path, capsys):
    clf = tabular.set_callbacks(ProgressBar()).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(clf))
    assert not hasattr(loaded, "_skl_callbacks")
    assert hasattr(clf, "_skl_callbacks")
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_callbacks_go_with_an_estimator_that_another_process_is_to_fit(tabular):
    clf = tabular.set_callbacks(ProgressBar())
    assert len(pickle.loads(pickle.dumps(clf))._skl_callbacks) == 1


@pytest.mark.parametrize(
    ("name", "value", "default"),
    [
        ("augment", lambda image: image, "flip"),
        ("scoring", lambda estimator, X, y: 0.5, "loss"),
    ],
)
def test_a_lambda_is_left_out_with_a_warning(tabular, tmp_path, name, value, default):
    clf = tabular.set_params(**{name: value}).fit(X, Y)
    with pytest.warns(UserWarning, match=rf"{name} must be importable.*{name}='{default}', and pr"):
        joblib.dump(clf, tmp_path / "model.joblib")
    assert getattr(clf, name) is value
    loaded = joblib.load(tmp_path / "model.joblib")
    assert getattr(loaded, name) == default
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    ("name", "value"), [("augment", unchanged), ("scoring", SCORERS["f1"]), ("augment", None)]
)
def test_what_can_be_imported_is_kept(tabular, name, value):
    loaded = pickle.loads(pickle.dumps(tabular.set_params(**{name: value}).fit(X, Y)))
    assert repr(getattr(loaded, name)) == repr(value)


@pytest.mark.slow
def test_a_model_made_by_a_script_loads_elsewhere(tmp_path):
    made = run_script("fit_and_save.py", tmp_path / "model.joblib", cwd=tmp_path)
    assert "augment must be importable to be saved" in made.stderr
    loaded = joblib.load(tmp_path / "model.joblib")
    assert loaded.augment == "flip"
    assert loaded.predict_proba(np.eye(4)).shape == (4, 1)


def test_a_deep_copy_keeps_everything_and_shares_nothing():
    same = lambda image: image  # noqa: E731
    clf = AttributeClassifier(None, augment=same, max_epochs=1, random_state=0).fit(X, Y)
    copy = deepcopy(clf)
    assert copy.augment is same
    copy.network_.head.members[0].linear.weight.data.zero_()
    assert not np.array_equal(copy.predict_proba(X), clf.predict_proba(X))


@pytest.mark.slow
def test_loaded_model_predicts_the_same_in_a_fresh_process_elsewhere(
    small, images, attributes, tmp_path
):
    weights = tmp_path / "weights.pth"
    torch.save(squeezenet1_1(weights=None).state_dict(), weights)
    clf = small.set_params(weights=weights).fit(images, attributes)
    files = [tmp_path / name for name in ("model.joblib", "X.pkl", "expected.npy")]
    joblib.dump(clf, files[0])
    images.to_pickle(files[1])
    np.save(files[2], np.hstack(clf.predict_proba(images)))
    weights.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert float(run_script("predict_elsewhere.py", *files, cwd=elsewhere).stdout) < 1e-6


def test_tensors_are_saved_on_the_cpu(small, images, attributes):
    state = small.fit(images, attributes).__getstate__()
    assert {p.device.type for p in state["network_"].parameters()} == {"cpu"}


def test_model_of_another_version_warns(tabular, tmp_path, monkeypatch, features, binary):
    tabular.fit(features, binary)
    monkeypatch.setattr("attrlearn.pickling.__version__", "9.9")
    joblib.dump(tabular, tmp_path / "m.joblib")
    monkeypatch.undo()
    with pytest.warns(UserWarning, match=r"written by attrlearn 9\.9 and is read by"):
        joblib.load(tmp_path / "m.joblib")
