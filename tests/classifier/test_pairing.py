import re

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.utils import shuffle

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS
from attrlearn.model_selection import (
    AttributeKFold,
    AttributeShuffleSplit,
    cross_val_predict_proba,
)

N = 30
LABELS = [f"{i}.jpg" for i in range(N)]
X = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 4)), LABELS, columns=list("abcd"))
Y = (X[["a", "b"]] > 0).astype(float).set_axis(["hood", "zip"], axis=1)
CATEGORIES = pd.Series(["shirt", "dress"] * (N // 2), LABELS)
WEIGHT = pd.Series(np.arange(1.0, N + 1), LABELS)
CELL_WEIGHT = Y * 0 + 1


def out_of_step(first: str, second: str):
    """What reads the error of two arguments of which the second is in reverse."""
    words = (
        f"{second} must have its rows in the order of {first}. Got label '{N - 1}.jpg' at row 0, "
        f"where {first} has '0.jpg': the same labels in another order. "
        f"Pass {second}.loc[{first}.index]"
    )
    return pytest.raises(ValueError, match=re.escape(words))


@pytest.fixture
def fitted(tabular):
    return tabular.fit(X, Y, CATEGORIES)


@pytest.mark.parametrize("method", ["fit", "score"])
def test_rows_out_of_step_are_an_error(method, fitted):
    call = getattr(fitted, method)
    with out_of_step("X", "y"):
        call(X, Y[::-1], CATEGORIES)
    with out_of_step("X", "categories"):
        call(X, Y, CATEGORIES[::-1])
    for weight in (WEIGHT, CELL_WEIGHT):
        with out_of_step("X", "sample_weight"):
            call(X, Y, CATEGORIES, sample_weight=weight[::-1])
    with out_of_step("y", "sample_weight"):
        call(X.to_numpy(), Y, CATEGORIES, sample_weight=WEIGHT[::-1])
    with out_of_step("y", "categories"):
        call(X.to_numpy(), Y, CATEGORIES[::-1])


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_table"])
def test_the_categories_of_predictions_must_be_in_step(method, fitted):
    with out_of_step("X", "categories"):
        getattr(fitted, method)(X, CATEGORIES[::-1])


def test_paths_in_a_series_must_be_in_step_with_y(small, images, attributes):
    with pytest.raises(ValueError, match=r"y must have its rows .* Got label 23 at row 0"):
        small.fit(images["image"], attributes[::-1])


def test_rows_of_the_validation_set_must_be_in_step(tabular):
    tabular.set_params(early_stopping=True)
    with out_of_step("X_val", "y_val"):
        tabular.fit(X, Y, X_val=X, y_val=Y[::-1])


def test_the_cure_gives_what_rows_in_step_give(tabular):
    turned = Y[::-1]
    wanted = tabular.fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(tabular.fit(X, turned.loc[X.index]).predict_proba(X), wanted)


def test_other_labels_are_no_labels(tabular):
    wanted = tabular.fit(X, Y).predict_proba(X)
    for y in (Y.reset_index(drop=True), Y.to_numpy()):
        np.testing.assert_array_equal(tabular.fit(X, y).predict_proba(X), wanted)


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_see_what_is_out_of_step_although_predictions_have_no_index(name, fitted):
    data = X.assign(category=CATEGORIES)
    with out_of_step("X", "y"):
        SCORERS[name](fitted, data, Y[::-1])
    with out_of_step("X", "sample_weight"):
        SCORERS[name](fitted, data, Y, sample_weight=WEIGHT[::-1])


@pytest.mark.parametrize("splitter", [AttributeKFold(2), AttributeShuffleSplit(2)])
def test_splitters_see_what_is_out_of_step(splitter):
    with out_of_step("X", "y"):
        next(splitter.split(X, Y[::-1]))
    with out_of_step("X", "groups"):
        next(splitter.split(X, Y, CATEGORIES[::-1]))
    with out_of_step("y", "groups"):
        next(splitter.split(X.to_numpy(), Y, CATEGORIES[::-1]))


def test_predictions_out_of_fold_see_what_is_out_of_step(tabular):
    with out_of_step("X", "y"):
        cross_val_predict_proba(tabular, X, Y[::-1])
    with out_of_step("X", "categories"):
        cross_val_predict_proba(tabular, X, Y, categories=CATEGORIES[::-1])
    with out_of_step("X", "groups"):
        cross_val_predict_proba(tabular, X, Y, groups=CATEGORIES[::-1])


def test_rows_that_are_shuffled_and_split_together_stay_in_step(tabular):
    a, b, categories, weight = shuffle(X, Y, CATEGORIES, WEIGHT, random_state=0)
    for early_stopping in (False, True):
        clf = AttributeClassifier(
            None, max_epochs=1, early_stopping=early_stopping, scoring="roc_auc", random_state=0
        )
        assert clf.fit(a, b, categories, sample_weight=weight).score(a, b, categories) > 0
    params = {"sample_weight": weight}
    found = cross_validate(tabular, a, b, cv=3, params=params, scoring=SCORERS, error_score="raise")
    assert len(found["test_f1"]) == 3
    cv = AttributeKFold(3)
    search = GridSearchCV(tabular, {"dropout": [0, 0.5]}, cv=cv, error_score="raise").fit(a, b)
    assert cross_val_predict_proba(search, a, b, cv=cv).shape == Y.shape
