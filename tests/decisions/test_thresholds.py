import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score

from attrlearn.decisions.thresholds import check_rule, tune_threshold

SCORES = {"f1": f1_score, "balanced_accuracy": balanced_accuracy_score}


@st.composite
def cells(draw):
    """Labels with at least five of each class, probabilities with ties, and whole weights."""
    n = draw(st.integers(0, 30))
    y = np.array([0] * 5 + [1] * 5 + draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    tenths = st.lists(st.integers(1, 9), min_size=len(y), max_size=len(y))
    return y, np.array(draw(tenths)) / 10, np.array(draw(tenths), dtype=float)


def scores_of(of, y, p, weight):
    """Score at every threshold that tells probabilities apart."""
    thresholds = np.r_[0, np.unique(p)] if len(p) else []
    return {
        t: of(y, p > t, sample_weight=weight, **({} if of in SCORES.values() else ZERO))
        for t in thresholds
    }


ZERO = {"zero_division": 0}


@settings(deadline=None, max_examples=25)
@given(cells(), st.sampled_from(list(SCORES)))
def test_no_threshold_has_a_higher_score(cells, rule):
    y, p, weight = cells
    threshold = tune_threshold(y, p, rule, weight).threshold
    reached = SCORES[rule](y, p > threshold, sample_weight=weight)
    assert reached == pytest.approx(max(scores_of(SCORES[rule], y, p, weight).values()))


@settings(deadline=None, max_examples=25)
@given(cells(), st.sampled_from([0.3, 0.6, 0.9]))
def test_a_precision_is_reached_with_the_highest_recall(cells, least):
    y, p, weight = cells
    tuned = tune_threshold(y, p, f"precision>={least}", weight)
    precision = scores_of(precision_score, y, p, weight)
    recall = scores_of(recall_score, y, p, weight)
    able = [recall[t] for t in precision if precision[t] >= least and recall[t] > 0]
    if not able:
        assert np.isnan(tuned.threshold)
        assert f"at best {max(precision.values()):.2f}" in tuned.reason
        return
    assert precision_score(y, p > tuned.threshold, sample_weight=weight) >= least
    reached = recall_score(y, p > tuned.threshold, sample_weight=weight)
    assert reached == pytest.approx(max(able))


@settings(deadline=None, max_examples=25)
@given(cells(), st.sampled_from([0.3, 0.8, 1.0]))
def test_a_recall_is_reached_by_the_highest_threshold(cells, least):
    y, p, weight = cells
    threshold = tune_threshold(y, p, f"recall>={least}", weight).threshold
    assert recall_score(y, p > threshold, sample_weight=weight) >= least
    higher = [t for t in np.unique(p) if t > threshold]
    assert all(recall_score(y, p > t, sample_weight=weight) < least for t in higher)


def test_a_threshold_lies_half_way_between_probabilities():
    y = np.repeat([0, 1], 5)
    p = np.repeat([0.2, 0.6], 5)
    assert tune_threshold(y, p, "f1").threshold == pytest.approx(0.4)


@pytest.mark.parametrize("y", [[0] * 9 + [1] * 4, [1] * 9 + [0] * 4, []])
def test_fewer_than_five_cells_of_a_class_choose_nothing(y):
    y = np.array(y, dtype=int)
    tuned = tune_threshold(y, np.linspace(0, 1, len(y)), "f1")
    assert np.isnan(tuned.threshold)
    assert tuned.reason.startswith(f"{min((y == 0).sum(), (y == 1).sum())} labelled ")


def test_a_callable_is_asked_with_labels_and_probabilities():
    y, p = np.array([0, 1]), np.array([0.25, 0.5])
    assert tune_threshold(y, p, lambda y, p: p[y == 1].min()).threshold == 0.5
    with pytest.raises(ValueError, match=r"must give a number in \[0, 1\] .* Got 3\. Return one"):
        tune_threshold(y, p, lambda y, p: 3)


@pytest.mark.parametrize(
    "rule", ["F1", "precision>=2", "precision>=0", "recall>0.5", "accuracy>=.5", -0.1, 1.1, None]
)
def test_another_rule_is_an_error(rule):
    with pytest.raises(ValueError, match=r"thresholds must be .* for attribute 'hood'\. Pass one"):
        check_rule(rule, "hood")
