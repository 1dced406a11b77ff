"""Warnings point at the line of the user's that led to them, and have categories of their own."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV, cross_val_score

from attrlearn import AttributeClassifier
from attrlearn.exceptions import (
    AttributeWarning,
    UnknownCategoryWarning,
    UnreadableImageWarning,
)
from attrlearn.metrics import f1_score

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(24, 4))
Y = np.tile([[0, 1], [1, 0]], (12, 1)).astype(float)
KINDS = ["tee", "polo"] * 12


def caught(work, category):
    """The warnings of that category, each of which must point at this file."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        work()
    kinds = [w for w in found if w.category is category]
    assert kinds
    assert {w.filename for w in kinds} == {__file__}
    assert issubclass(category, UserWarning)


def model(**parameters):
    return AttributeClassifier(None, max_epochs=1, random_state=0, **parameters)


def test_fit():
    caught(lambda: model().fit(FEATURES, np.ones_like(Y)), AttributeWarning)
    caught(lambda: model().fit(FEATURES, Y, categories=["NA"] * 24), UnknownCategoryWarning)


def test_predict_and_score():
    clf = model().fit(FEATURES, Y, categories=KINDS)
    for method in (clf.predict, clf.predict_proba, clf.predict_table):
        caught(lambda method=method: method(FEATURES), UnknownCategoryWarning)
    caught(lambda: clf.score(FEATURES, Y), UnknownCategoryWarning)
    caught(lambda: clf.score(FEATURES, np.ones_like(Y), categories=KINDS), UndefinedMetricWarning)


def test_a_metric():
    caught(lambda: f1_score(np.ones((3, 1)), np.ones((3, 1), int)), UndefinedMetricWarning)


def test_searches_and_cross_validation_of_scikit_learn():
    constant = np.ones_like(Y)
    caught(lambda: cross_val_score(model(), FEATURES, constant, cv=2), AttributeWarning)
    search = GridSearchCV(model(), {"dropout": [0.1]}, cv=2, scoring=lambda *_: 0.5)
    caught(lambda: search.fit(FEATURES, constant), AttributeWarning)


def test_a_callback_that_predicts():
    class Predicting:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, X=None):
            clf.predict(FEATURES)
            return False

    clf = model().fit(FEATURES, Y, categories=KINDS)
    watched = model().set_callbacks(Predicting())
    caught(lambda: watched.fit(FEATURES, Y), UnknownCategoryWarning)


def test_images(images, attributes, small):
    unreadable = [*images["image"][:23], "absent.png"]
    y = attributes[["hood", "zip"]].fillna(0)
    clf = small.set_params(on_bad_image="drop", cache_dir=None)
    caught(lambda: clf.fit(unreadable, y), UnreadableImageWarning)
    caught(lambda: clf.predict_proba(unreadable), UnreadableImageWarning)


@pytest.mark.parametrize("category", [AttributeWarning, UnknownCategoryWarning])
def test_a_filter_can_name_what_it_is_about(category):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", category)
        if category is AttributeWarning:
            model().fit(FEATURES, np.ones_like(Y))
        else:
            model().fit(FEATURES, Y, categories=KINDS).predict(FEATURES)
