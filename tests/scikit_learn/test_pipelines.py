"""Pipelines from images to attributes."""

import numpy as np
from sklearn import model_selection as ms
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS


def test_pipeline_from_images_equals_its_steps(clf, embedder, images, attributes):
    pipeline = make_pipeline(embedder, StandardScaler(), clf).fit(images["image"], attributes)
    features = StandardScaler().fit_transform(embedder.fit_transform(images["image"]))
    expected = clone(clf).fit(features, attributes).predict_proba(features)
    for ours, theirs in zip(pipeline.predict_proba(images["image"]), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    search = ms.GridSearchCV(
        pipeline, {"attributeclassifier__dropout": [0, 0.5]}, cv=2, scoring=SCORERS["accuracy"]
    )
    assert search.fit(images["image"], attributes).best_score_ > 0


def test_pipeline_ends_in_a_classifier_of_scikit_learn(embedder, images):
    kind = np.array(["long", "short"] * 12)
    pipeline = make_pipeline(embedder, StandardScaler(), LogisticRegression())
    assert pipeline.fit(images["image"], kind).score(images["image"], kind) == 1


def test_column_transformer_keeps_the_category(embedder, images):
    columns = ColumnTransformer(
        [("features", embedder, "image"), ("keep", "passthrough", ["category"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    y = (images[["category"]] == "dress").astype(float)
    embedder.set_params(features="last")
    learner = AttributeClassifier(
        None,
        standardize=False,
        hidden_dim=None,
        max_epochs=60,
        learning_rate=0.1,
        dropout=0,
        random_state=0,
    )
    pipeline = Pipeline([("columns", columns), ("attributes", learner)]).fit(images, y)
    assert pipeline[-1].categories_.tolist() == ["dress", "shirt"]
    assert pipeline.score(images, y) == 1
    assert ms.cross_val_score(pipeline, images, y, cv=3).mean() > 0.9


def test_nested_parameters_are_found_and_set(clf, embedder):
    pipeline = make_pipeline(embedder, clf)
    pipeline.set_params(attributeclassifier__dropout=0.25, imageembedder__image_size=48)
    assert pipeline[1].dropout == 0.25
    assert pipeline.get_params()["imageembedder__image_size"] == 48
