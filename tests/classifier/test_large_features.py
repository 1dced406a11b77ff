"""A feature matrix is never copied as a whole, and teaches what its copy in float32 teaches."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attrlearn import AttributeClassifier
from attrlearn.checks import feature_matrix

N, D = 2_000, 1_000
RNG = np.random.default_rng(0)
Y = RNG.choice([0, 1, np.nan], (N, 2))


class LargestTensor(TorchDispatchMode):
    """The bytes of the largest tensor that is made of others."""

    n_bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        made = [leaf.nbytes for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.n_bytes = max([self.n_bytes, *made])
        return result


@pytest.fixture(params=["float16", "float32", "float64"])
def mapped(request, tmp_path, monkeypatch):
    """Features in a file that cannot be written to."""
    monkeypatch.setattr(feature_matrix, "CELLS_AT_ONCE", 2**14)
    RNG.standard_normal((N, D)).astype(request.param).tofile(tmp_path / "features")
    return np.memmap(tmp_path / "features", request.param, "r", shape=(N, D))


@pytest.fixture
def clf():
    return AttributeClassifier(None, hidden_dim=None, max_epochs=1, batch_size=100, random_state=0)


@pytest.mark.parametrize(
    ("wrap", "option"),
    [
        (np.asarray, "early_stopping"),
        pytest.param(np.asarray, "calibrate", marks=pytest.mark.slow),
        (pd.DataFrame, "early_stopping"),
    ],
)
def test_nothing_that_fit_and_predict_make_is_as_large_as_the_features(clf, mapped, wrap, option):
    X = wrap(mapped)
    clf.set_params(**{option: True})
    tracemalloc.start()
    try:
        with LargestTensor() as largest:
            clf.fit(X, Y).predict_proba(X)
            clf.score(X, Y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < mapped.nbytes / 2
    assert largest.n_bytes < mapped.nbytes / 4


def test_a_memory_map_teaches_what_a_matrix_of_float32_teaches(clf, mapped):
    clf.set_params(early_stopping=True, calibrate=True)
    a, b = (clone(clf).fit(X, Y) for X in (mapped, np.array(mapped, dtype=np.float32)))
    np.testing.assert_array_equal(a.loss_curve_, b.loss_curve_)
    np.testing.assert_array_equal(a.validation_scores_, b.validation_scores_)
    np.testing.assert_array_equal(a.predict_proba(mapped), b.predict_proba(np.array(mapped)))


def test_what_is_held_out_is_selected_for_a_scorer_alone(clf, features, binary, monkeypatch):
    from attrlearn import classifier

    selected = []
    select = classifier.select_rows
    monkeypatch.setattr(
        classifier, "select_rows", lambda X, rows: selected.append(X) or select(X, rows)
    )
    for scoring in ("loss", "neg_log_loss"):
        clf.set_params(early_stopping=True, scoring=scoring).fit(features, binary)
        assert any(X is features for X in selected) == (scoring != "loss")
