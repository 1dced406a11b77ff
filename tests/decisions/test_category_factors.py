"""A class that a category was not seen with is improbable in it; the others keep their odds."""

import numpy as np
import pandas as pd
import pytest

from attrlearn import AttributeClassifier
from attrlearn.checks.attributes import Attributes
from attrlearn.decisions.category_factors import (
    category_factors,
    factors_of_unseen,
    fit_concentration,
    weigh_classes,
)

SHARES = np.array([0.5, 0.3, 0.2])
ATTRIBUTES = Attributes(
    ["hood", "neck"], [np.array([0, 1]), np.array(["o", "u", "v"], dtype=object)], [True, False]
)


def drawn_one_by_one(counts, m) -> np.ndarray:
    """Log likelihood of each m by Pólya's urn: cells are drawn by the shares and those before."""
    shares, total = counts.sum(axis=0) / counts.sum(), np.zeros(len(m))
    for of_category in counts:
        seen = np.zeros(len(shares))
        for k in np.repeat(np.arange(len(shares)), of_category):
            total += np.log((m * shares[k] + seen[k]) / (m + seen.sum()))
            seen[k] += 1
    return total


@pytest.mark.parametrize("m", [2, 10, 30])
def test_the_concentration_is_the_likeliest_by_an_urn(m):
    rng = np.random.default_rng(m)
    counts = np.array([rng.multinomial(20, rng.dirichlet(m * SHARES)) for _ in range(150)])
    grid = np.geomspace(1, 10_000, 1000)
    best = grid[drawn_one_by_one(counts, grid).argmax()]
    assert fit_concentration(counts) == pytest.approx(best, rel=0.01)
    assert fit_concentration(counts) == pytest.approx(m, rel=0.5)


@pytest.mark.parametrize("counts", [np.zeros((2, 3), int), np.eye(3, dtype=int), np.zeros((0, 3))])
def test_where_nothing_tells_categories_apart_they_are_alike(counts):
    assert fit_concentration(counts) == 10_000
    assert (factors_of_unseen(counts) >= 10_000 / 10_001).all()


def test_only_classes_that_others_have_and_the_category_has_not_are_improbable():
    counts = np.array([[30, 9, 0, 0], [0, 0, 40, 0], [0, 0, 0, 0]])
    factors, m = factors_of_unseen(counts), fit_concentration(counts)
    expected = [[1, 1, m / (m + 39), 1], [m / (m + 40), m / (m + 40), 1, 1], [1, 1, 1, 1]]
    np.testing.assert_allclose(factors, expected)


def test_binary_attributes_are_left_to_their_thresholds():
    counts = np.array([[40, 0, 40, 0, 0], [0, 40, 0, 20, 20]])
    factors = category_factors(counts, np.array(["a", "b"]), ATTRIBUTES)
    assert [*factors] == ["neck"]
    assert factors["neck"].columns.tolist() == ["o", "u", "v"]
    assert (factors["neck"].to_numpy() < 1).tolist() == [[False, True, True], [True, False, False]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weighed_probabilities_sum_to_1_and_keep_the_odds_of_what_is_possible(dtype):
    rng = np.random.default_rng(0)
    p = np.hstack([rng.dirichlet(np.ones(k), 50) for k in (2, 3)]).astype(dtype)
    p[0, 2:] = [0, 1, 0]  # the network is sure of a class that its category has not
    p[1] = np.nan
    factors = {"neck": pd.DataFrame([[1, 1e-4, 1], [1, 1, 1]], ["a", "b"], ["o", "u", "v"])}
    codes = np.arange(50) % 3
    codes[:2] = 1
    out = weigh_classes(p, ATTRIBUTES, factors, codes)
    assert out.dtype == dtype
    assert out[0, 2:].tolist() == [0, 1, 0]
    assert np.isnan(out[1]).all()
    np.testing.assert_array_equal(out[codes != 1], p[codes != 1])
    np.testing.assert_array_equal(out[:, :2], p[:, :2])
    of_a = np.flatnonzero(codes == 1)[2:]
    np.testing.assert_allclose(out[of_a, 2:].sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(out[of_a, 2] / out[of_a, 4], p[of_a, 2] / p[of_a, 4], rtol=1e-5)
    odds = p[of_a, 3] / p[of_a, 2] * 1e-4
    np.testing.assert_allclose(out[of_a, 3] / out[of_a, 2], odds, rtol=1e-5)


@pytest.fixture(scope="module")
def data():
    """A column that is a collar in shirts and a length in skirts, told by noisy features."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 4)).astype("float32"), columns=list("abcd"))
    X["category"] = ["shirt", "skirt"] * 100
    collar = np.where(X["a"] > 0, "polo", "round")
    length = np.where(X["a"] > 0, "long", "short")
    return X, pd.DataFrame({"detail": np.where(X["category"] == "shirt", collar, length)})


@pytest.fixture(scope="module")
def clf(data):
    return AttributeClassifier(None, max_epochs=3, random_state=0).fit(*data)


def test_a_fitted_model_finds_classes_of_the_category_only(clf, data):
    X, _ = data
    factors = clf.category_factors_["detail"]
    assert (factors.loc["shirt"] < 1).tolist() == [True, False, False, True]
    assert (factors.loc["skirt"] < 1).tolist() == [False, True, True, False]
    assert factors.columns.tolist() == ["long", "polo", "round", "short"]
    shirts = (X["category"] == "shirt").to_numpy()
    (p,) = clf.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert set(clf.predict(X)[shirts, 0]) <= {"polo", "round"}
    assert set(clf.predict(X)[~shirts, 0]) <= {"long", "short"}
    assert (clf.predict_table(X)["detail"] == clf.predict(X)[:, 0]).all()


@pytest.mark.filterwarnings("ignore:.*count as unknown")
def test_an_unknown_category_rules_nothing_out(clf, data):
    X = data[0].assign(category=None)
    (p,) = clf.predict_proba(X)
    raw, _ = clf._run_network(clf._check(X, None), np.zeros(len(X), dtype=np.int64), "raise")
    np.testing.assert_array_equal(p, raw)


def test_without_categories_there_is_nothing_to_rule_out(data):
    X, y = data
    clf = AttributeClassifier(None, max_epochs=1, random_state=0).fit(X[list("abcd")], y)
    assert clf.category_factors_["detail"].shape == (0, 4)
    assert np.isfinite(clf.predict_proba(X[list("abcd")])[0]).all()


def test_scorers_see_the_predictions_that_the_fitted_model_makes(data):
    X, y = data
    seen = []

    def scorer(estimator, X, y):
        seen.append(estimator.predict_proba(X)[0])
        return 0.0

    clf = AttributeClassifier(
        None, early_stopping=True, scoring=scorer, max_epochs=1, random_state=0
    )
    clf.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    np.testing.assert_allclose(clf.predict_proba(X[150:])[0], seen[-1], rtol=1e-5)
