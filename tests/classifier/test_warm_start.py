"""A fit that goes on from the last one."""

import numpy as np
import pandas as pd
import pytest

from attrlearn import AttributeClassifier


def test_warm_start_continues_the_curve(tabular, features, binary):
    clf = tabular.set_params(warm_start=True, learning_rate=0.03)
    first = clf.fit(features, binary).loss_curve_
    second = clf.fit(features, binary).loss_curve_
    assert (second[: len(first)] == first).all()
    assert len(second) == 2 * len(first)
    assert list(clf.history_.index) == [1, 2, 3, 4, 5, 6]
    assert second[len(first) :].mean() < first.mean()
    with pytest.raises(ValueError, match="attributes and classes of the last fit"):
        clf.fit(features, binary[:, :2])


def test_warm_start_refuses_another_network_table_or_features(tabular, features, binary):
    X = pd.DataFrame(features, columns=[f"f{i}" for i in range(12)])
    y = pd.DataFrame(binary, columns=["a", "b", "c"])
    clf = tabular.set_params(warm_start=True).fit(X, y)
    curve = clf.loss_curve_.copy()
    with pytest.raises(ValueError, match="attributes and classes of the last fit"):
        clf.fit(X, y[["b", "a", "c"]])
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        clf.fit(X[X.columns[::-1]], y)
    with pytest.raises(ValueError, match=r"\['hidden_dim'\] must be those of the last fit.*\[8\]"):
        clf.set_params(hidden_dim=8).fit(X, y)
    assert (clf.loss_curve_ == curve).all()


def test_warm_start_continues_the_scores(noise, noisy):
    clf = AttributeClassifier(
        None,
        warm_start=True,
        learning_rate=0.05,
        max_epochs=2,
        early_stopping=True,
        random_state=0,
    )
    first = clf.fit(noise, noisy).validation_scores_
    clf.fit(noise, noisy)
    assert clf.validation_scores_[:2].tolist() == first.tolist()
    assert len(clf.validation_scores_) == clf.n_epochs_ == 4
    assert clf.best_epoch_ in (3, 4)


def test_warm_start_keeps_the_validation_set(noise, noisy):
    seen = []

    def scorer(estimator, X, y):
        seen.append(X[:, 0].tolist())
        return 0.0

    clf = AttributeClassifier(
        None, max_epochs=1, early_stopping=True, scoring=scorer, warm_start=True
    )
    clf.fit(noise, noisy).fit(noise, noisy)
    assert seen[0] == seen[1]
    clf.set_params(warm_start=False).fit(noise, noisy)
    assert seen[2] != seen[0]


def test_epochs_that_nothing_judged_have_no_score(noise, noisy):
    clf = AttributeClassifier(None, max_epochs=2, warm_start=True, random_state=0)
    clf.fit(noise, noisy).set_params(early_stopping=True).fit(noise, noisy)
    assert np.isnan(clf.validation_scores_).tolist() == [True, True, False, False]
    assert len(clf.validation_scores_) == clf.n_epochs_
