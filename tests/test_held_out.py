import numpy as np
import pytest
from sklearn.metrics import get_scorer as get_their_scorer

from attrlearn.held_out import HeldOutPredictor, get_scorer
from attrlearn.metrics import SCORERS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
Y = (X[:, :2] + RNG.normal(size=(40, 2)) > 0).astype(float)


@pytest.fixture
def known(tabular):
    """A fitted estimator, and one that knows what it says of X."""
    clf = tabular.fit(X, Y)
    p = clf.predict_proba(X)
    side_by_side = np.stack([1 - p, p], axis=2).reshape(40, 4)
    return clf, HeldOutPredictor(clf, side_by_side)


@pytest.mark.parametrize("name", ["average_precision", "f1_macro", "roc_auc", "accuracy"])
def test_scorers_take_it_for_the_estimator(known, name):
    clf, predictor = known
    scorer = get_their_scorer(name)
    assert scorer(predictor, X, Y) == pytest.approx(scorer(clf, X, Y))


@pytest.mark.parametrize("name", list(SCORERS))
def test_our_scorers_take_it_for_the_estimator(known, name):
    clf, predictor = known
    assert SCORERS[name](predictor, X, Y) == pytest.approx(SCORERS[name](clf, X, Y))


def test_it_predicts_without_the_network(known, monkeypatch):
    clf, predictor = known
    expected = clf.predict(X)
    monkeypatch.delattr(clf, "network_")
    assert (predictor.predict(X) == expected).all()


def test_other_rows_than_those_held_out_are_an_error(known):
    with pytest.raises(ValueError, match=r"the 40 held-out rows as a whole\. Got 7"):
        known[1].predict_proba(X[:7])


def test_a_name_that_is_no_scorer_is_an_error_that_lists_them():
    with pytest.raises(ValueError, match=r"scoring must be \"loss\", a scorer or one of.*roc_auc"):
        get_scorer("accuracy_of_sorts")
