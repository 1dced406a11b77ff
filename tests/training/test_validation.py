import numpy as np
import pytest
import torch
from sklearn.metrics import get_scorer as get_their_scorer
from sklearn.metrics import log_loss

from attrlearn.checks.targets import check_attributes
from attrlearn.decisions.decisions import Decisions
from attrlearn.metrics import SCORERS
from attrlearn.nn.losses import cross_entropy
from attrlearn.training.examples import Examples
from attrlearn.training.sources import FeatureSource
from attrlearn.training.validation import (
    ValidationPredictions,
    get_scorer,
    mean_loss,
    predict_log_probabilities,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
Y = (X[:, :2] + RNG.normal(size=(40, 2)) > 0).astype(float)


@pytest.fixture
def known(tabular):
    """A fitted estimator, and one that knows what it says of X."""
    clf = tabular.fit(X, Y)
    p = clf.predict_proba(X)
    side_by_side = np.stack([1 - p, p], axis=2).reshape(40, 4)
    decisions = Decisions(check_attributes(Y, 40)[1], {}, None)
    return clf, ValidationPredictions(clf, decisions, side_by_side)


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


@pytest.mark.parametrize("seed", range(3))
def test_mean_loss_is_the_weighted_log_loss_of_the_labelled_cells(seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), size=20)
    targets = rng.integers(-1, 3, (20, 1))
    weights = np.where(targets >= 0, rng.uniform(0.1, 3, (20, 1)), 0)
    examples = Examples(
        FeatureSource(torch.zeros(1, 20, 1)),
        torch.from_numpy(targets),
        torch.zeros(20).long(),
        torch.from_numpy(weights),
    )
    labelled = targets[:, 0] >= 0
    expected = log_loss(
        targets[labelled, 0], p[labelled], labels=[0, 1, 2], sample_weight=weights[labelled, 0]
    )
    assert mean_loss(torch.from_numpy(p).log(), examples, cross_entropy) == pytest.approx(expected)


def test_rows_are_predicted_in_their_order_whatever_the_batches():
    class Echo:
        n_columns = 2

        def from_features(self, features, categories):
            return features + categories[:, None]

    inputs = torch.randn(1, 7, 2)
    categories = torch.arange(7)
    examples = Examples(FeatureSource(inputs), torch.ones(7, 1).long(), categories, torch.ones(7))
    for batch_size in (1, 3, 7, 50):
        outputs = predict_log_probabilities(Echo(), examples, batch_size, torch.float32)
        torch.testing.assert_close(outputs, inputs[0] + categories[:, None])
