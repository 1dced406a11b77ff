"""What a file of a fitted estimator holds, and what it leaves out."""

import pickle
import subprocess
import sys
from copy import deepcopy

import joblib
import numpy as np
import pytest
from sklearn.callback import ProgressBar

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = (X[:, :2] > 0).astype(float)


def unchanged(image):
    return image


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


def test_a_model_made_by_a_script_loads_elsewhere(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import joblib, numpy as np\n"
        "from attrlearn import AttributeClassifier\n"
        "from sklearn.callback import ProgressBar\n"
        "class Bar(ProgressBar):\n"
        "    pass\n"
        "def same(image):\n"
        "    return image\n"
        "clf = AttributeClassifier(None, augment=same, max_epochs=1).set_callbacks(Bar())\n"
        "clf.fit(np.eye(4), [[0], [1], [0], [1]])\n"
        f"joblib.dump(clf, {str(tmp_path / 'model.joblib')!r})\n"
    )
    made = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert "augment must be importable to be saved" in made.stderr
    loaded = joblib.load(tmp_path / "model.joblib")
    assert loaded.augment == "flip"
    assert loaded.predict_proba(np.eye(4)).shape == (4, 1)


def test_a_deep_copy_keeps_everything_and_shares_nothing():
    same = lambda image: image  # noqa: E731
    clf = AttributeClassifier(None, augment=same, max_epochs=1, random_state=0).fit(X, Y)
    copy = deepcopy(clf)
    assert copy.augment is same
    copy.network_.head.linear.weight.data.zero_()
    assert not np.array_equal(copy.predict_proba(X), clf.predict_proba(X))
