"""The validation set chooses the epoch."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS

STOPPING = {"learning_rate": 0.05, "max_epochs": 30, "early_stopping": True, "random_state": 0}


def weighted_loss(clf, X, y):
    """The loss on the labelled cells, by scikit-learn."""
    total = weights = 0.0
    for a, p in enumerate(clf.predict_proba(X).T):
        rows = ~np.isnan(y[:, a])
        known = y[rows, a]
        weight = np.vectorize(clf.class_weight_[f"Attr{a + 1}"].get)(known.astype(int))
        total += log_loss(known, p[rows], sample_weight=weight, normalize=False)
        weights += weight.sum()
    return total / weights


def test_training_stops_and_keeps_the_weights_of_the_best_epoch(noise, noisy):
    X_val, y_val = noise[:80], noisy[:80]
    clf = AttributeClassifier(None, n_iter_no_change=4, **STOPPING)
    clf.fit(noise[80:], noisy[80:], X_val=X_val, y_val=y_val)
    scores = clf.validation_scores_
    assert clf.n_epochs_ == len(scores) == len(clf.history_) == clf.best_epoch_ + 4 < 30
    assert clf.best_epoch_ == scores.argmax() + 1
    assert clf.history_["validation_score"].tolist() == scores.tolist()
    assert -weighted_loss(clf, X_val, y_val) == pytest.approx(scores.max(), rel=1e-5)


@pytest.mark.parametrize("scoring", ["average_precision", "balanced_accuracy", "neg_log_loss"])
def test_the_score_of_the_best_epoch_is_that_of_the_fitted_estimator(scoring, noise, noisy):
    clf = AttributeClassifier(None, scoring=scoring, **STOPPING)
    clf.fit(noise[80:], noisy[80:], X_val=noise[:80], y_val=noisy[:80])
    score = SCORERS[scoring](clf, noise[:80], noisy[:80])
    assert clf.validation_scores_.max() == pytest.approx(score, rel=1e-5)


def test_any_scorer_judges_with_the_rows_as_they_were_given(noise, noisy):
    seen = []

    def scorer(estimator, X, y):
        seen.append((X, y))
        return -abs(estimator.predict_proba(X)[:, 0].mean() - X["wanted"].iloc[0])

    X = pd.DataFrame(noise[:, :4], columns=list("abcd")).assign(wanted=0.25)
    y = pd.DataFrame(noisy, columns=["hood", "zip", "logo"], index=X.index)
    clf = AttributeClassifier(None, scoring=scorer, **STOPPING).fit(X, y)
    X_val, y_val = seen[0]
    assert len(seen) == clf.n_epochs_
    assert len(X_val) == 30
    pd.testing.assert_frame_equal(X_val, X.loc[X_val.index])
    pd.testing.assert_frame_equal(y_val, y.loc[X_val.index])


def test_the_validation_set_teaches_nothing(noise, noisy):
    clf = AttributeClassifier(None, max_epochs=3, early_stopping=True, random_state=0)
    curves = [
        clf.fit(noise[80:], noisy[80:], X_val=noise[:80], y_val=y_val).loss_curve_
        for y_val in (noisy[:80], 1 - noisy[:80])
    ]
    np.testing.assert_array_equal(*curves)
    alone = clf.set_params(early_stopping=False).fit(noise[80:], noisy[80:]).loss_curve_
    np.testing.assert_array_equal(curves[0], alone)


def test_the_validation_set_has_its_share_of_rows_and_of_rare_positives():
    y = np.zeros((200, 1))
    y[::20] = 1
    seen = []

    def scorer(estimator, X, y):
        seen.append(y)
        return 0.0

    clf = AttributeClassifier(
        None, batch_size=1, early_stopping=True, scoring=scorer, validation_fraction=0.2
    )
    clf.set_params(max_epochs=1).fit(np.random.default_rng(0).normal(size=(200, 2)), y)
    assert seen[0].shape == (40, 1)
    assert seen[0].sum() == 2
    assert len(clf.loss_curve_) == 160


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_images_of_the_validation_set_are_not_augmented(small, images, attributes, trainable):
    clf = small.set_params(
        trainable=trainable, early_stopping=True, scoring="neg_log_loss", dtype="float32"
    )
    X_val, y_val = images.iloc[:12], attributes.iloc[:12]
    clf.fit(images.iloc[12:], attributes.iloc[12:], X_val=X_val, y_val=y_val)
    expected = SCORERS["neg_log_loss"](clf, X_val, y_val)
    assert clf.validation_scores_.max() == pytest.approx(expected, rel=1e-4)


def test_without_early_stopping_there_is_no_validation_set(tabular, features, binary):
    clf = tabular.fit(features, binary)
    assert clf.validation_scores_.tolist() == []
    assert clf.best_epoch_ == clf.n_epochs_ == 3
    assert "validation_score" not in clf.history_


def test_columns_of_the_validation_set_may_come_in_another_order(noise, noisy):
    X = pd.DataFrame(noise, columns=[f"f{i}" for i in range(30)])
    y = pd.DataFrame(noisy, columns=["hood", "zip", "logo"])
    clf = AttributeClassifier(None, scoring="roc_auc", **STOPPING)
    scores = [
        clf.fit(X[80:], y[80:], X_val=X[:80], y_val=y.loc[:79, names]).validation_scores_
        for names in (["hood", "zip", "logo"], ["logo", "hood", "zip"])
    ]
    np.testing.assert_array_equal(*scores)
    with pytest.raises(ValueError, match=r"(?s)In X_val, y_val: .*must be in the same order"):
        clf.fit(X, y, X_val=X[X.columns[::-1]], y_val=y)
    with pytest.raises(ValueError, match=r"In X_val, y_val: X has 7 features, but Attr.* 30"):
        clf.fit(noise, noisy, X_val=noise[:, :7], y_val=noisy)


def test_validation_cells_of_weight_zero_do_not_judge(noise, noisy):
    weight = np.where(np.arange(300) % 3, 1.0, 0.0)
    clf = AttributeClassifier(None, scoring="average_precision", **STOPPING)
    seen = []

    def scorer(estimator, X, y, sample_weight):
        seen.append(sample_weight)
        return SCORERS["average_precision"](estimator, X, y, sample_weight=sample_weight)

    scores = clf.fit(noise, noisy, sample_weight=weight).validation_scores_
    clf.set_params(scoring=scorer).fit(noise, noisy, sample_weight=weight)
    np.testing.assert_array_equal(clf.validation_scores_, scores)
    assert set(seen[0]) == {0.0, 1.0}
    missing = np.where(weight[:, None] == 0, np.nan, noisy)
    without = clf.set_params(scoring="average_precision").fit(noise, missing).validation_scores_
    np.testing.assert_allclose(scores, without, atol=1e-6)


@pytest.mark.parametrize(
    ("validation_set", "params", "words"),
    [
        (lambda X, y: {"X_val": X}, {}, "X_val and y_val must be given together. Got X_val alone"),
        (lambda X, y: {"y_val": y}, {}, "Got y_val alone"),
        (
            lambda X, y: {"X_val": X, "y_val": y},
            {"early_stopping": False},
            "X_val and y_val must come with early_stopping=True",
        ),
        (
            lambda X, y: {"X_val": X, "y_val": np.full(y.shape, np.nan)},
            {},
            "must give a number on the 300 held-out rows",
        ),
        (
            lambda X, y: {"X_val": X, "y_val": y[:5]},
            {},
            "In X_val, y_val: .*Got 5 rows for 300 images",
        ),
    ],
)
def test_what_is_no_validation_set_is_an_error(validation_set, params, words, noise, noisy):
    clf = AttributeClassifier(None, **STOPPING | params)
    with pytest.raises(ValueError, match=words):
        clf.fit(noise, noisy, **validation_set(noise, noisy))
    assert not hasattr(clf, "network_")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"scoring": "accuracy_score"}, 'scoring must be "loss", a scorer or one of'),
        ({"scoring": lambda *_: np.nan}, "must give a number on the 30 held-out rows. Got nan"),
        ({"scoring": lambda *_: None}, "must give a number on the 30 held-out rows. Got None"),
        ({"validation_fraction": 0.9999}, "validation_fraction must leave rows to learn from"),
    ],
)
def test_what_cannot_be_validated_is_an_error(params, words, noise, noisy):
    clf = AttributeClassifier(None, **STOPPING | params)
    with pytest.raises(ValueError, match=words):
        clf.fit(noise, noisy)
    assert not hasattr(clf, "network_")
