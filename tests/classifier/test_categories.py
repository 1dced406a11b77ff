"""Categories that are learnt from have an embedding; any other one is unknown."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from attrlearn import AttributeClassifier

FEATURES = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = (FEATURES[:, :1] + np.random.default_rng(1).normal(size=(60, 1)) > 0).astype(float)
UNLEARNT = r"1 categories count as unknown: no labelled cell .*\{'hat': 5\} \(rows of each\)"


@pytest.fixture
def kinds() -> np.ndarray:
    """Shirts and dresses in turns, and five hats at the end."""
    kinds = np.array(["shirt", "dress"] * 30, dtype=object)
    kinds[55:] = "hat"
    return kinds


def predicts_as_unknown(clf, category) -> bool:
    with pytest.warns(UserWarning, match=rf"fit did not learn.* \{{'{category}': 60\}}"):
        as_this = clf.predict_proba(FEATURES, [category] * 60)
    with pytest.warns(UserWarning, match="have none: they count as unknown"):
        as_none = clf.predict_proba(FEATURES, [None] * 60)
    return np.array_equal(as_this, as_none)


@pytest.mark.parametrize("nothing", [np.nan, "weight"])
def test_a_category_without_a_labelled_cell_is_unknown(tabular, kinds, nothing):
    y, weight = Y.copy(), np.ones(60)
    if nothing == "weight":
        weight[55:] = 0
    else:
        y[55:] = np.nan
    with pytest.warns(UserWarning, match=UNLEARNT):
        clf = tabular.fit(FEATURES, y, kinds, sample_weight=weight)
    assert clf.categories_.tolist() == ["dress", "shirt"]
    assert clf.network_.head.members[0].embedding.table.shape == (1, 3, 50)
    assert predicts_as_unknown(clf, "hat")


def test_a_category_whose_images_cannot_be_read_is_unknown(small, images, attributes):
    X = images.assign(category=["shirt"] * 22 + ["hat"] * 2)
    X.loc[22:, "image"] = "nowhere.png"
    with pytest.warns(UserWarning, match="could not be read|count as unknown"):
        clf = small.set_params(on_bad_image="drop").fit(X, attributes)
    assert clf.categories_.tolist() == ["shirt"]


def test_a_category_that_only_the_validation_set_holds_is_unknown_to_its_score(kinds):
    clf = AttributeClassifier(
        None, early_stopping=True, validation_fraction=0.1, max_epochs=3, random_state=0
    )
    alone = np.array(["shirt"] * 60, dtype=object)
    validated = _validation_rows(clf, alone)
    alone[validated[0]] = "hat"
    with pytest.warns(UserWarning, match=r"1 categories .*\{'hat': 1\}.*or pass X_val and y_val"):
        clf.fit(FEATURES, Y, alone)
    assert clf.categories_.tolist() == ["shirt"]
    scores = clf.validation_scores_
    alone[validated[0]] = None  # says the same
    np.testing.assert_array_equal(clf.fit(FEATURES, Y, alone).validation_scores_, scores)


def _validation_rows(clf, categories) -> list[int]:
    seen = []

    def scorer(estimator, X, y):
        seen.append([int(np.flatnonzero((x == FEATURES).all(axis=1))[0]) for x in X])
        return 0.0

    clf.set_params(scoring=scorer).fit(FEATURES, Y, categories)
    clf.set_params(scoring="loss")
    return seen[0]


def test_a_category_of_x_val_alone_is_unknown(kinds):
    X = pd.DataFrame(FEATURES).set_axis(list("abcd"), axis=1).assign(category=kinds)
    clf = AttributeClassifier(None, early_stopping=True, max_epochs=2, random_state=0)
    with pytest.warns(UserWarning, match=r"5 rows .* did not learn.*\{'hat': 5\}"):
        clf.fit(X[:55], Y[:55], X_val=X[50:], y_val=Y[50:])
    scores = clf.validation_scores_
    X_val = X[50:].assign(category=[*kinds[50:55], *[None] * 5])
    clf.fit(X[:55], Y[:55], X_val=X_val, y_val=Y[50:])
    np.testing.assert_array_equal(clf.validation_scores_, scores)


def test_what_fit_saw_of_an_unknown_category_still_rules_attributes_out(tabular):
    kinds = np.array(["shirt"] * 40 + ["hat"] * 20, dtype=object)
    y = Y.copy()
    y[40:] = np.nan
    with pytest.warns(UserWarning, match=r"\{'hat': 20\}"):
        clf = tabular.fit(FEATURES, y, kinds)
    assert clf.applicable_["Attr1"].to_dict() == {"hat": False, "shirt": True}
    with pytest.warns(UserWarning, match="did not learn"):
        table = clf.predict_table(FEATURES, kinds)
    assert table["Attr1"].isna().tolist() == [False] * 40 + [True] * 20


def test_a_warm_start_keeps_the_embeddings_of_the_first_fit(kinds):
    clf = AttributeClassifier(None, max_epochs=1, warm_start=True, random_state=0)
    clf.fit(FEATURES, Y, kinds)
    with pytest.warns(UserWarning, match=r"\{'sock': 60\}"):
        clf.fit(FEATURES, Y, ["sock"] * 60)
    assert clf.categories_.tolist() == ["dress", "hat", "shirt"]
    assert predicts_as_unknown(clf, "sock")


def test_categories_count_the_same_in_x_and_beside_it(small, images, attributes):
    inside = clone(small).fit(images, attributes)
    beside = clone(small).fit(images["image"], attributes, categories=images["category"])
    assert (inside.loss_curve_ == beside.loss_curve_).all()
    np.testing.assert_array_equal(
        inside.predict(images), beside.predict(images["image"], images["category"])
    )


def test_unseen_and_missing_categories_are_unknown_and_counted(small, images, attributes):
    clf = small.fit(images, attributes)
    paths = images["image"][:3]
    with pytest.warns(UserWarning, match="3 rows have none: they count as unknown"):
        none = clf.predict_proba(paths)
    with pytest.warns(UserWarning, match=r"2 rows .* unknown: \{'hat': 2\}\. Known are \['dress'"):
        unseen = clf.predict_proba(paths, ["hat", None, "hat"])
    np.testing.assert_allclose(np.hstack(none), np.hstack(unseen))
