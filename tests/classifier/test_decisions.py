"""Thresholds and calibration of a fitted estimator."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from attrlearn import AttributeClassifier
from attrlearn.exceptions import AttributeWarning
from attrlearn.metrics import f1_score, log_loss

RNG = np.random.default_rng(0)
N = 1200
X = RNG.normal(size=(N, 6)).astype(np.float32)
RATES = 1 / (1 + np.exp(-(2 * X[:, :2] - [1.0, 3.0])))  # of which the second is rare
Y = np.where(RNG.random((N, 2)) < 0.2, np.nan, RNG.random((N, 2)) < RATES)
LEARN, TEST = slice(600), slice(600, None)


@pytest.fixture(scope="module")
def plain() -> AttributeClassifier:
    """Fitted with balanced classes, which its probabilities refer to."""
    clf = AttributeClassifier(
        None, hidden_dim=None, standardize=False, learning_rate=0.03, dropout=0.0, random_state=0
    )
    return clf.fit(X[LEARN], Y[LEARN])


def fitted(plain, **params) -> AttributeClassifier:
    return clone(plain).set_params(**params).fit(X[LEARN], Y[LEARN])


@pytest.mark.slow
def test_calibrated_probabilities_are_rates(plain):
    errors, losses = [], []
    for calibrate in (False, "class_weight", True):
        p = fitted(plain, calibrate=calibrate).predict_proba(X[TEST])
        errors.append(np.abs(p - RATES[TEST]).mean())
        losses.append(log_loss(Y[TEST], p))
    assert errors[0] > 0.12
    assert max(errors[1:]) < 0.04
    assert max(losses[1:]) < losses[0] - 0.08


def test_true_of_numpy_calibrates_as_true_does(plain):
    one, other = (fitted(plain, calibrate=value, max_epochs=1) for value in (True, np.True_))
    pd.testing.assert_frame_equal(one.calibration_, other.calibration_)
    assert (one.calibration_["temperature"] != 1).all()


def test_dividing_out_is_the_formula(plain):
    p = plain.predict_proba(X)
    weight = np.array([[w[0], w[1]] for w in plain.class_weight_.values()])
    expected = p / weight[:, 1] / (p / weight[:, 1] + (1 - p) / weight[:, 0])
    got = fitted(plain, calibrate="class_weight").predict_proba(X)
    np.testing.assert_allclose(got, expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("early_stopping", [False, True])
def test_tuning_changes_thresholds_and_not_the_network(plain, early_stopping):
    start = fitted(plain, early_stopping=early_stopping)
    tuned = fitted(plain, early_stopping=early_stopping, thresholds="f1")
    assert np.array_equal(tuned.loss_curve_, start.loss_curve_)
    assert np.array_equal(tuned.predict_proba(X), start.predict_proba(X))
    assert tuned.thresholds_["Attr2"] > 0.6  # rare, and its weight is high
    assert start.thresholds_ == {"Attr1": 0.5, "Attr2": 0.5}
    after, before = (f1_score(Y[TEST], clf.predict(X[TEST])) for clf in (tuned, start))
    assert after > before


def test_predictions_follow_the_thresholds(plain):
    clf = fitted(plain, thresholds={"Attr1": 0.2, "Attr2": lambda y, p: 0.9})
    assert clf.thresholds_ == {"Attr1": 0.2, "Attr2": 0.9}
    expected = clf.predict_proba(X) > [0.2, 0.9]
    assert np.array_equal(clf.predict(X), expected)
    assert np.array_equal(clf.predict_table(X)[["Attr1", "Attr2"]], expected)


def test_a_higher_threshold_never_adds_positives(plain):
    clf = clone(plain)
    clf.__dict__.update(vars(plain))
    counts = []
    for threshold in np.linspace(0, 1, 11):
        clf.thresholds_ = dict.fromkeys(clf.thresholds_, threshold)
        counts.append(clf.predict(X).sum())
    assert (np.diff(counts) <= 0).all()
    assert counts[0] == 2 * N
    assert counts[-1] == 0


@pytest.mark.slow
def test_other_rows_tune_anew_without_training(plain):
    clf = fitted(plain, thresholds="f1", calibrate=True)
    before, weights = clf.predict_proba(X), clf.network_.state_dict()
    other = clf.set_params(thresholds="recall>=0.9", calibrate=False).tune(X[TEST], Y[TEST])
    assert other is clf
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))
    assert clf.calibration_ is None
    for a, name in enumerate(clf.attribute_names_):
        positive = clf.predict(X[TEST])[Y[TEST][:, a] == 1, a]
        assert positive.mean() >= 0.9
        assert clf.thresholds_[name] < 0.6
    again = clf.set_params(calibrate=True).tune(X[LEARN], Y[LEARN])
    assert np.abs(again.predict_proba(X) - before).max() < 0.1
    assert clf.network_.state_dict().keys() == weights.keys()


@pytest.mark.slow
@pytest.mark.parametrize("on_untuned", ["keep", "abstain"])
def test_an_attribute_without_a_threshold_is_named_and_keeps_or_abstains(plain, on_untuned):
    y = Y[LEARN].copy()
    y[y[:, 1] == 1, 1] = np.nan
    y[:3, 1] = 1
    clf = clone(plain).set_params(thresholds="f1", on_untuned=on_untuned)
    with pytest.warns(AttributeWarning, match=r"'Attr2' \(3 labelled positives, and 5 are needed"):
        clf.fit(X[LEARN], y)
    assert clf.thresholds_["Attr1"] != 0.5
    table, abstains = clf.predict_table(X), on_untuned == "abstain"
    assert np.isnan(clf.thresholds_["Attr2"]) == abstains
    assert table["Attr2"].isna().all() == abstains
    assert table["Attr2_proba"].notna().all()
    assert np.array_equal(clf.predict(X)[:, 1], clf.predict_proba(X)[:, 1] > 0.5)


def test_a_precision_out_of_reach_says_what_can_be_reached():
    rng = np.random.default_rng(1)
    X = np.repeat(rng.normal(size=(20, 3)), 20, axis=0)  # twenty alike
    y = np.tile(np.arange(20) < 6, 20).astype(float)[:, None]
    clf = AttributeClassifier(None, max_epochs=1, random_state=0, thresholds="precision>=1")
    with pytest.warns(AttributeWarning, match=r"precision>=1 is out of reach: at best 0\.\d\d, at"):
        clf.fit(X, y)


def test_the_rows_that_tune_can_be_passed(plain):
    clf = clone(plain).set_params(thresholds="f1", calibrate=True)
    clf.fit(X[LEARN], Y[LEARN], X_val=X[TEST], y_val=Y[TEST])
    assert np.array_equal(clf.loss_curve_, plain.loss_curve_)
    thresholds, calibration = clf.thresholds_, clf.calibration_
    clf.tune(X[TEST], Y[TEST])
    assert clf.thresholds_ == pytest.approx(thresholds, abs=1e-5)
    pd.testing.assert_frame_equal(clf.calibration_, calibration, rtol=1e-4)


def test_a_fine_tuned_backbone_is_tuned_on_rows_held_out(small, images, attributes):
    small.set_params(trainable="all", thresholds="f1", validation_fraction=0.5, engine="torch")
    with pytest.warns(AttributeWarning, match="No threshold could be tuned"):
        clf = small.fit(images, attributes)
    assert len(clf.loss_curve_) == 2 * 2  # of 12 rows in batches of 8
    assert clf.best_epoch_ == clf.n_epochs_ == 2
    assert len(clf.validation_scores_) == 0


@pytest.mark.slow
def test_decisions_survive_joblib(plain, tmp_path):
    clf = fitted(plain, thresholds="balanced_accuracy", calibrate=True)
    joblib.dump(clf, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    assert loaded.thresholds_ == clf.thresholds_
    assert np.array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_the_table_leaves_out_what_is_not_sure_enough(plain):
    table, p = plain.predict_table(X, min_confidence=0.8), plain.predict_proba(X)
    unsure = np.maximum(p, 1 - p) < 0.8
    assert np.array_equal(table[["Attr1", "Attr2"]].isna(), unsure)
    np.testing.assert_array_equal(table[["Attr1_proba", "Attr2_proba"]], p)
    with pytest.raises(ValueError, match=r"min_confidence must be a probability .* Got 80\."):
        plain.predict_table(X, min_confidence=80)


def test_the_table_of_all_classes_holds_every_probability(small, images, attributes):
    clf = small.fit(images, attributes)
    table, proba = clf.predict_proba_table(images), clf.predict_proba(images)
    lengths = ["length=long", "length=midi", "length=short"]
    assert list(table) == ["hood=1", "zip=1", *lengths]
    np.testing.assert_array_equal(table["zip=1"], proba[1][:, 1])
    np.testing.assert_array_equal(table[lengths], proba[2])


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({"hut": 0.5}, r"must name binary attributes\. Got 'hut'\. They are \['Attr1', 'Attr2'\]"),
        ({"Attr1": "best"}, r"Got 'best' for attribute 'Attr1'"),
        ("precision>=90", r"Got 'precision>=90'\. Pass one of these"),
    ],
)
def test_a_wrong_threshold_is_an_error_before_anything_is_learnt(plain, thresholds, said):
    clf = clone(plain).set_params(thresholds=thresholds)
    with pytest.raises(ValueError, match=said):
        clf.fit(X[LEARN], Y[LEARN])
    assert not hasattr(clf, "network_")
