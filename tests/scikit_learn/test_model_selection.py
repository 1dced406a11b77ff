"""Searches and cross-validation take gaps and categories as they are."""

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection as ms
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import get_scorer

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS
from attrlearn.model_selection import (
    AttributeKFold,
    AttributeShuffleSplit,
    cross_val_predict_proba,
)

GRID = {"dropout": [0.0, 0.5]}
SLOW = {  # dozens of fits, or processes of their own
    "GridSearchCV, scoring=SCORERS",
    "cross_val_score, n_jobs=2",
    "learning_curve",
    "permutation_test_score",
    "validation_curve",
}
TABLES = ["NaN array", "-1 array", "mixed DataFrame", "categories in X"]


def search(kind, **options):
    def run(clf, X, y):
        found = kind(clf, GRID, cv=3, **options).fit(X, y)
        assert found.best_params_["dropout"] in GRID["dropout"]
        assert found.predict(X).shape == np.shape(y)
        key = "mean_test_score" if "mean_test_score" in found.cv_results_ else "mean_test_f1"
        return found.cv_results_[key]

    return run


def scores(cv=3, **options):
    return lambda clf, X, y: ms.cross_val_score(clf, X, y, cv=cv, **options)


def out_of_fold(clf, X, y):
    predicted = ms.cross_val_predict(clf, X, y, cv=3)
    assert predicted.shape == np.shape(y)
    return (pd.DataFrame(predicted) == clf.fit(X, y).predict(X)).mean()


def probabilities(clf, X, y):
    p = cross_val_predict_proba(clf, X, y, cv=3)
    like = clf.fit(X, y).predict_proba(X)
    columns = zip(p, like, strict=True) if isinstance(like, list) else [(p, like)]
    assert all(ours.shape == theirs.shape for ours, theirs in columns)
    return np.ravel(p[0])


TOOLS = {
    "GridSearchCV": search(ms.GridSearchCV),
    "GridSearchCV, scoring=SCORERS": search(ms.GridSearchCV, scoring=SCORERS, refit="f1"),
    "RandomizedSearchCV": search(ms.RandomizedSearchCV, n_iter=2, random_state=0),
    "HalvingGridSearchCV": search(
        ms.HalvingGridSearchCV, resource="max_epochs", max_resources=4, min_resources=2
    ),
    "cross_val_score": scores(),
    "cross_val_score, n_jobs=2": scores(n_jobs=2),
    "cross_val_score, KFold": scores(ms.KFold(3, shuffle=True, random_state=0)),
    "cross_val_score, AttributeKFold": scores(AttributeKFold(3)),
    "cross_val_score, AttributeShuffleSplit": scores(
        AttributeShuffleSplit(3, test_size=0.3, random_state=0)
    ),
    "cross_validate": lambda clf, X, y: ms.cross_validate(clf, X, y, cv=3, scoring=SCORERS)[
        "test_f1"
    ],
    "cross_val_predict": out_of_fold,
    "cross_val_predict_proba": probabilities,
    "learning_curve": lambda clf, X, y: ms.learning_curve(clf, X, y, cv=3, train_sizes=[0.7, 1.0])[
        2
    ],
    "validation_curve": lambda clf, X, y: ms.validation_curve(
        clf, X, y, param_name="dropout", param_range=[0.0, 0.5], cv=3
    )[1],
    "permutation_test_score": lambda clf, X, y: ms.permutation_test_score(
        clf, X, y, cv=3, n_permutations=3
    )[1],
}


@pytest.fixture
def tables(features, with_category, gaps, mixed) -> dict:
    """X and y by what is special about them."""
    codes = np.where(np.isnan(gaps), -1, gaps).astype(int)
    pairs = [(features, gaps), (features, codes), (features, mixed), (with_category, mixed)]
    return dict(zip(TABLES, pairs, strict=True))


@pytest.mark.filterwarnings("ignore:.*needs two labelled classes")
@pytest.mark.filterwarnings("ignore:Fewer than two classes")
@pytest.mark.parametrize("columns", TABLES)
@pytest.mark.parametrize(
    "tool",
    [pytest.param(tool, marks=pytest.mark.slow if tool in SLOW else ()) for tool in TOOLS],
)
def test_tools_of_model_selection_take_gaps_and_categories(tool, columns, clf, tables):
    assert np.isfinite(TOOLS[tool](clf, *tables[columns])).all()


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        (
            "NaN array",
            ValueError,
            r"Got 2\.0 at row .*attrlearn.model_selection.cross_val_predict_p",
        ),
        (
            "-1 array",
            ValueError,
            r"Got 2\.0 at row .*attrlearn.model_selection.cross_val_predict_p",
        ),
        ("mixed DataFrame", TypeError, "must be uniformly strings or numbers"),  # scikit-learn's
        ("categories in X", TypeError, "must be uniformly strings or numbers"),
    ],
)
def test_scikit_learns_out_of_fold_probabilities_of_gaps_are_an_error(
    columns, error, words, clf, tables
):
    """scikit-learn numbers the values of y anew before fit: {0, 1, NaN} arrives as {0, 1, 2}."""
    with pytest.raises(error, match=words):
        ms.cross_val_predict(clf, *tables[columns], cv=3, method="predict_proba")


@pytest.mark.parametrize(
    ("positive", "negative"),
    [(1, np.nan), (0, -1), ("short", "long")],
    ids=["{1, NaN}", "{0, -1}", "text"],
)
def test_gaps_that_scikit_learn_turns_into_zeros_and_ones_cannot_be_told(
    positive, negative, clf, features, complete, monkeypatch
):
    """Why the documentation rules out its method="predict_proba" for any y with gaps."""
    arrived = []
    fit = AttributeClassifier.fit
    monkeypatch.setattr(
        AttributeClassifier,
        "fit",
        lambda self, X, y: arrived.append(np.array(y)) or fit(self, X, y),
    )
    y = np.where(complete == 1, positive, negative)
    p = ms.cross_val_predict(clf, features, y, cv=3, method="predict_proba")
    assert [set(np.ravel(part)) for part in arrived] == [{0, 1}] * 3
    assert p.shape == complete.shape


class Tagged(AttributeClassifier):
    """One that tells scikit-learn that it is a classifier."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        return tags


def test_with_the_tag_of_a_classifier_an_int_cv_would_stop_at_the_gaps(features, gaps):
    options = {"backbone": None, "max_epochs": 1}
    with pytest.raises(ValueError, match="Input y contains NaN"):
        ms.cross_val_score(Tagged(**options), features, gaps, cv=3)
    assert len(ms.cross_val_score(AttributeClassifier(**options), features, gaps, cv=3)) == 3


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")  # of several attributes
@pytest.mark.parametrize("n_attributes", [1, 2, 3])
@pytest.mark.parametrize("dtype", [int, float, bool])
@pytest.mark.parametrize(
    "scoring", ["f1_macro", "roc_auc", "average_precision", "neg_log_loss", "accuracy"]
)
def test_scorers_of_scikit_learn_work_on_complete_tables(
    n_attributes, dtype, scoring, clf, features, complete
):
    y = np.column_stack([complete, complete[:, 0]])[:, :n_attributes].astype(dtype)
    found = ms.cross_val_score(clf, features, y, cv=3, scoring=scoring)
    expected = [
        get_scorer(scoring)(clone(clf).fit(features[train], y[train]), features[test], y[test])
        for train, test in ms.KFold(3).split(features)
    ]
    np.testing.assert_allclose(found, expected)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_out_of_fold_probabilities_of_complete_tables_are_those_of_scikit_learn(
    dtype, clf, features, complete
):
    y = complete.astype(dtype)
    theirs = ms.cross_val_predict(clf, features, y, cv=ms.KFold(3), method="predict_proba")
    np.testing.assert_allclose(theirs, cross_val_predict_proba(clf, features, y, cv=ms.KFold(3)))
