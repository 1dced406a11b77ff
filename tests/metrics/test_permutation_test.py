import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from attrlearn.checks.attributes import Attributes
from attrlearn.metrics import permutation_test
from attrlearn.metrics.alignment import Alignment
from attrlearn.metrics.permutation_test import permutation_p_values


def align(codes, scores, n_classes=None):
    """Attributes of the given numbers of classes; scores (N,) of class 1 or (N, classes)."""
    n_attributes = codes.shape[1]
    n_classes = n_classes or [2] * n_attributes
    attributes = Attributes(
        [f"Attr{a + 1}" for a in range(n_attributes)],
        [np.arange(k) for k in n_classes],
        [k == 2 for k in n_classes],
    )
    predicted = [
        np.column_stack([1 - score, score]) if score.ndim == 1 else score for score in scores
    ]
    return Alignment(attributes, codes, predicted, np.ones(codes.shape))


def area(codes, proba, n_classes):
    """ROC AUC by scikit-learn, of class 1 or the mean over the labelled classes."""
    rows = codes >= 0
    classes = [1] if n_classes == 2 else np.unique(codes[rows])
    return np.mean([roc_auc_score(codes[rows] == c, proba[rows, c]) for c in classes])


def permutations(n_rows, n_permutations, seed):
    rng = np.random.RandomState(seed)
    return [rng.permutation(n_rows) for _ in range(n_permutations)]


@st.composite
def attribute(draw):
    """(N,) codes with gaps and (N, classes) probabilities with ties, of at least two classes."""
    n_classes, n_rows = draw(st.integers(2, 4)), draw(st.integers(2, 40))
    codes = draw(arrays(np.int64, n_rows, elements=st.integers(-1, n_classes - 1)))
    codes[:2] = 0, 1
    levels = draw(st.sampled_from([3, 1000]))
    proba = draw(arrays(float, (n_rows, n_classes), elements=st.integers(0, levels)))
    return codes, proba / levels, n_classes


@settings(max_examples=40, deadline=None)
@given(attribute(), st.sampled_from([3, 64]))
def test_the_areas_are_those_of_scikit_learn_as_observed_and_permuted(drawn, block):
    codes, proba, n_classes = drawn
    alignment = align(codes[:, None], [proba], [n_classes])
    classes = [1] if n_classes == 2 else np.unique(codes[codes >= 0])
    scores = {0: {c: proba[:, c] for c in classes}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(permutation_test, "MAX_BLOCK", block)
        found = permutation_test._areas(alignment.codes, scores, 5, np.random.RandomState(0))[:, 0]
    orders = [np.arange(len(codes)), *permutations(len(codes), 5, seed=0)]
    wanted = [area(codes[order], proba, n_classes) for order in orders]
    np.testing.assert_allclose(found, wanted)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("strength", [0, 0.5, 1])
def test_the_p_value_of_one_attribute_is_that_of_a_plain_permutation_test(n_classes, strength):
    rng = np.random.default_rng(n_classes)
    codes = rng.integers(-1, n_classes, 40)
    proba = rng.normal(size=(40, n_classes)).round(1) + strength * np.eye(n_classes)[codes]
    found = permutation_p_values(align(codes[:, None], [proba], [n_classes]), 99, random_state=5)
    observed = area(codes, proba, n_classes)
    permuted = [area(codes[order], proba, n_classes) for order in permutations(40, 99, seed=5)]
    assert found == [(1 + np.sum(np.array(permuted) >= observed - 1e-12)) / 100]


def test_several_attributes_are_tested_as_in_the_book():
    rng = np.random.default_rng(3)
    codes = rng.integers(-1, 2, (50, 4))
    proba = rng.normal(size=(50, 4)) + codes * [0, 0.4, 0.8, 1.2]
    found = permutation_p_values(align(codes, proba.T), 99, random_state=1)
    orders = [np.arange(50), *permutations(50, 99, seed=1)]
    areas = np.array(
        [
            [
                roc_auc_score(*(v[c >= 0] for v in (c, p)))
                for c, p in zip(codes[o].T, proba.T, strict=True)
            ]
            for o in orders
        ]
    )
    z = (areas - areas.mean(axis=0)) / areas.std(axis=0)
    lowest = 0
    left = list(range(4))
    for a in np.argsort(-z[0]):  # the most certain one against all, the next against those left
        p = (1 + np.sum(z[1:, left].max(axis=1) >= z[0, a] - 1e-12)) / 100
        lowest = max(lowest, p)
        assert found[a] == lowest
        left.remove(a)


def test_few_tables_of_noise_have_an_attribute_better_than_chance():
    rng = np.random.default_rng(0)
    n_wrong = 0
    for _ in range(300):
        common = rng.random((30, 1))  # attributes and scores that go together
        codes = (rng.random((30, 6)) * common < [0.05, 0.1, 0.2, 0.2, 0.3, 0.3]).astype(int)
        codes[rng.random(codes.shape) < 0.3] = -1
        scores = rng.random((30, 6)) + rng.random((30, 1))
        p_values = permutation_p_values(align(codes, scores.T), 99, rng.integers(2**31))
        n_wrong += np.nanmin(p_values, initial=1) <= 0.05
    # 15 expected; each bound is passed by a right test once in a thousand times.
    assert 5 <= n_wrong <= 28


def test_true_signals_are_found_among_noise():
    rng = np.random.default_rng(1)
    codes = rng.integers(-1, 2, (200, 10))
    codes[:, 1] = rng.random(200) < 0.05  # a rare one
    scores = rng.normal(size=(200, 10))
    scores[:, :3] += 2 * codes[:, :3]
    p_values = permutation_p_values(align(codes, scores.T), 999, random_state=0)
    np.testing.assert_array_equal(p_values <= 0.05, np.arange(10) < 3)
    assert p_values.min() == 0.001


def test_a_strong_signal_does_not_hide_a_weaker_one():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 2, (100, 2))
    scores = rng.normal(size=(100, 2)) + codes * [10, 0.6]
    both = permutation_p_values(align(codes, scores.T), 999, random_state=0)
    alone = permutation_p_values(align(codes[:, 1:], scores.T[1:]), 999, random_state=0)
    assert both[0] == 0.001
    assert both[1] == alone[0]


@pytest.mark.parametrize("order", [[2, 0, 1, 3], [3, 2, 1, 0]])
def test_the_order_of_the_attributes_does_not_matter(order):
    rng = np.random.default_rng(4)
    codes, scores = rng.integers(-1, 2, (40, 4)), rng.normal(size=(40, 4))
    scores[:, 0] += codes[:, 0]
    found = permutation_p_values(align(codes, scores.T), 99, random_state=0)
    again = permutation_p_values(align(codes[:, order], scores.T[order]), 99, random_state=0)
    np.testing.assert_array_equal(again, found[order])


def test_how_much_is_permuted_at_once_does_not_matter(monkeypatch):
    rng = np.random.default_rng(5)
    codes, scores = rng.integers(-1, 2, (40, 3)), rng.normal(size=(40, 3))
    found = permutation_p_values(align(codes, scores.T), 99, random_state=0)
    monkeypatch.setattr(permutation_test, "CELLS_AT_ONCE", 1)
    again = permutation_p_values(align(codes, scores.T), 99, random_state=0)
    np.testing.assert_array_equal(again, found)


def test_constant_probabilities_are_no_better_than_chance():
    codes = np.tile([[0, 1], [1, 0], [1, 1]], (10, 1))
    scores = [np.full(30, 0.3), codes[:, 1].astype(float)]
    p_values = permutation_p_values(align(codes, scores), 99, random_state=0)
    np.testing.assert_array_equal(p_values, [1, 0.01])


def test_an_attribute_with_one_class_is_not_tested():
    rng = np.random.default_rng(6)
    codes, scores = rng.integers(0, 2, (40, 3)), rng.normal(size=(40, 3))
    codes[:, 1] = np.where(codes[:, 1] == 1, 1, -1)
    found = permutation_p_values(align(codes, scores.T), 99, random_state=0)
    rest = permutation_p_values(align(codes[:, [0, 2]], scores.T[[0, 2]]), 99, random_state=0)
    np.testing.assert_array_equal(found, [rest[0], np.nan, rest[1]])
    none = permutation_p_values(align(codes[:, [1]], scores.T[[1]]), 99, random_state=0)
    np.testing.assert_array_equal(none, [np.nan])


def test_rows_without_probabilities_take_no_part():
    rng = np.random.default_rng(7)
    codes, scores = rng.integers(-1, 2, (40, 2)), rng.normal(size=(40, 2))
    wider = np.vstack([codes[:20], [[1, 1], [0, 1]], codes[20:]])
    gaps = np.vstack([scores[:20], np.full((2, 2), np.nan), scores[20:]])
    found = permutation_p_values(align(wider, gaps.T), 99, random_state=0)
    np.testing.assert_array_equal(found, permutation_p_values(align(codes, scores.T), 99, 0))


def test_there_may_be_very_many_classes():
    codes = np.tile(np.arange(300), 2)[:, None]
    proba = np.eye(300)[codes[:, 0]]
    assert permutation_p_values(align(codes, [proba], [300]), 19, random_state=0) == [0.05]
