"""Categories and weights, routed by scikit-learn or inside X."""

import numpy as np
import pandas as pd
import pytest
from sklearn import model_selection as ms
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS

CATEGORIES = np.array(["shirt", "dress"] * 18, dtype=object)
BY_CATEGORY = (CATEGORIES == "dress").astype(float)[:, None]
NOTHING = np.zeros((36, 4), dtype=np.float32)  # as features: only the category tells


@pytest.fixture
def learner() -> AttributeClassifier:
    """One that learns the attribute from the category."""
    return AttributeClassifier(None, max_epochs=60, learning_rate=0.03, dropout=0, random_state=0)


@pytest.mark.usefixtures("routing")
def test_routed_categories_reach_fit_and_score(learner):
    search = ms.GridSearchCV(learner, {"dropout": [0.0]}, cv=3)
    search.fit(NOTHING, BY_CATEGORY, categories=CATEGORIES, sample_weight=np.ones(36))
    assert search.best_score_ == 1


@pytest.mark.usefixtures("routing")
def test_routed_weights_reach_the_last_step_of_a_pipeline(learner, features, monkeypatch):
    seen = []
    fit = AttributeClassifier.fit
    monkeypatch.setattr(
        AttributeClassifier,
        "fit",
        lambda self, X, y, **given: seen.append(given) or fit(self, X, y, **given),
    )
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    weight = np.arange(1.0, 37)
    pipeline = make_pipeline(scaler, learner)
    pipeline.fit(features, BY_CATEGORY, categories=CATEGORIES, sample_weight=weight)
    assert list(seen[0]) == ["categories", "sample_weight"]
    np.testing.assert_array_equal(seen[0]["sample_weight"], weight)
    assert pipeline.score(features, BY_CATEGORY, categories=CATEGORIES) == 1


def test_without_routing_categories_reach_fit_alone_and_the_warning_says_so(learner):
    search = ms.GridSearchCV(learner, {"dropout": [0.0]}, cv=3)
    with pytest.warns(UserWarning, match="hand the argument categories to fit alone"):
        search.fit(NOTHING, BY_CATEGORY, categories=CATEGORIES)
    assert search.best_score_ < 1


def test_categories_inside_x_reach_every_scorer(learner):
    table = pd.DataFrame(NOTHING, columns=list("abcd")).assign(category=CATEGORIES)
    found = ms.cross_validate(learner, table, BY_CATEGORY, cv=3, scoring=SCORERS)
    for name in ("accuracy", "average_precision", "roc_auc", "f1", "balanced_accuracy"):
        assert found[f"test_{name}"].tolist() == [1] * 3


@pytest.mark.usefixtures("routing")
def test_a_validation_set_passes_the_steps_of_a_pipeline(features, gaps, complete):
    learner = AttributeClassifier(None, max_epochs=3, early_stopping=True, random_state=0)
    pipeline = make_pipeline(
        StandardScaler(),
        learner.set_fit_request(X_val=True, y_val=True),
        transform_input=["X_val"],
    )
    X_val, y_val = 5 * features[:9] + 1, complete[:9]
    pipeline.fit(features, gaps, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(features)
    alone = AttributeClassifier(**learner.get_params()).fit(
        scaler.transform(features), gaps, X_val=scaler.transform(X_val), y_val=y_val
    )
    np.testing.assert_array_equal(pipeline[-1].validation_scores_, alone.validation_scores_)
