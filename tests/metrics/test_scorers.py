import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attrlearn import AttributeClassifier, metrics
from attrlearn.metrics import SCORERS

FUNCTIONS = {
    "accuracy": metrics.accuracy_score,
    "average_precision": metrics.average_precision_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": metrics.f1_score,
    "harmonic_f1": metrics.harmonic_f1_score,
    "neg_log_loss": metrics.log_loss,
    "roc_auc": metrics.roc_auc_score,
}


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(30, 4))


@pytest.fixture(scope="module")
def y():
    """A binary attribute with gaps and one of text, whose class "short" only the last rows have."""
    rng = np.random.default_rng(1)
    hood = np.where(rng.random(30) < 0.2, np.nan, rng.integers(0, 2, 30))
    sleeve = rng.choice(["bare", "long"], 30).astype(object)
    sleeve[[3, 14]], sleeve[22::3] = None, "short"
    return pd.DataFrame({"hood": hood, "sleeve": sleeve})


@pytest.fixture(scope="module")
def clf():
    return AttributeClassifier(backbone=None, max_epochs=1, random_state=0)


def expected(name, fitted, X, y):
    """The score by hand."""
    predict = "predict" if name in ("accuracy", "balanced_accuracy", "f1", "harmonic_f1") else None
    response = fitted.predict(X) if predict else fitted.predict_proba(X)
    score = FUNCTIONS[name](y, response, classes=fitted.classes_)
    return -score if name == "neg_log_loss" else score


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_scorer_gives_what_its_function_says_of_the_predictions(name, clf, X, y):
    fitted = sklearn.clone(clf).fit(X, y)
    rows = y["sleeve"].ne("short").to_numpy()
    found = check_scoring(clf, SCORERS[name])(fitted, X[rows], y[rows])
    assert isinstance(found, float)
    assert found == expected(name, fitted, X[rows], y[rows])


def test_there_is_a_scorer_for_each_score():
    assert sorted(SCORERS) == list(SCORERS) == list(FUNCTIONS)


def test_cross_validation_takes_them_all_although_folds_lack_a_class(clf, X, y):
    folds = KFold(3)
    found = cross_validate(
        clf, X, y, cv=folds, scoring=SCORERS, return_estimator=True, error_score="raise"
    )
    for i, (_, held_out) in enumerate(folds.split(X)):
        for name in SCORERS:
            fitted = found["estimator"][i]
            wanted = expected(name, fitted, X[held_out], y.iloc[held_out])
            assert found[f"test_{name}"][i] == wanted
    lacking = [len(fitted.classes_[1]) for fitted in found["estimator"]]
    assert lacking == [3, 3, 2]


def test_a_dict_of_scorers_predicts_once(clf, X, y, monkeypatch):
    fitted, calls = sklearn.clone(clf).fit(X, y), []
    for method in ("predict", "predict_proba"):
        original = getattr(AttributeClassifier, method)

        def counted(self, X, method=method, original=original):
            calls.append(method)
            return original(self, X)

        counted.__name__ = method
        monkeypatch.setattr(AttributeClassifier, method, counted)
    scores = check_scoring(clf, SCORERS)(fitted, X, y)
    assert list(scores) == list(SCORERS)
    assert sorted(calls) == ["predict", "predict_proba"]


@pytest.mark.parametrize("name", ["f1", "roc_auc"])
def test_the_classifier_may_end_a_pipeline_or_a_search(name, clf, X, y):
    pipeline = make_pipeline(StandardScaler(), clf)
    search = GridSearchCV(
        pipeline,
        {"attributeclassifier__hidden_dim": [None, 4]},
        cv=KFold(2),
        scoring=SCORERS[name],
        error_score="raise",
    ).fit(X, y)
    found = SCORERS[name](search, X, y)
    assert found == search.score(X, y) == SCORERS[name](search.best_estimator_, X, y)
    assert found == expected(name, search.best_estimator_, X, y)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_scorers_may_be_pickled_and_copied(name, clf, X, y):
    fitted = sklearn.clone(clf).fit(X, y)
    for other in (pickle.loads(pickle.dumps(SCORERS[name])), copy.deepcopy(SCORERS[name])):
        assert other(fitted, X, y) == SCORERS[name](fitted, X, y)


def test_a_scorer_says_what_it_is():
    assert repr(SCORERS["roc_auc"]) == (
        "AttributeScorer(roc_auc_score, response_method='predict_proba')"
    )
    assert repr(SCORERS["neg_log_loss"]).endswith("'predict_proba', greater_is_better=False)")


def test_weights_are_routed_on_request(clf, X, y):
    weight = np.arange(30.0)
    with sklearn.config_context(enable_metadata_routing=True):
        asking = copy.deepcopy(SCORERS["f1"]).set_score_request(sample_weight=True)
        found = cross_validate(
            sklearn.clone(clf).set_fit_request(sample_weight=True),
            X,
            y,
            cv=KFold(3),
            scoring=asking,
            params={"sample_weight": weight},
            return_estimator=True,
            error_score="raise",
        )
    held_out = np.arange(10)
    fitted = found["estimator"][0]
    wanted, plain = (
        metrics.f1_score(y[:10], fitted.predict(X[:10]), sample_weight=w, classes=fitted.classes_)
        for w in (weight[held_out], None)
    )
    assert found["test_score"][0] == wanted != plain


def test_weights_may_be_given_to_a_scorer(clf, X, y):
    fitted, weight = sklearn.clone(clf).fit(X, y), np.arange(30.0)
    found = SCORERS["accuracy"](fitted, X, y, sample_weight=weight)
    assert found == metrics.accuracy_score(y, fitted.predict(X), sample_weight=weight)
    assert found != SCORERS["accuracy"](fitted, X, y)


@pytest.mark.parametrize("wrapped", ["alone", "pipeline", "search"])
@pytest.mark.parametrize("name", list(SCORERS))
def test_columns_belong_to_attributes_by_name(name, wrapped, clf, X):
    rng = np.random.default_rng(0)
    y = pd.DataFrame({"a": X[:, 0] > 0, "b": rng.random(30) < 0.5}, dtype=float)
    estimator = {
        "alone": clf,
        "pipeline": make_pipeline(StandardScaler(), clf),
        "search": GridSearchCV(clf, {"dropout": [0.5]}, cv=KFold(2)),
    }[wrapped].fit(X, y)
    assert SCORERS[name](estimator, X, y[["b", "a"]]) == SCORERS[name](estimator, X, y)
