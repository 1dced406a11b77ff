import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrlearn.metrics import SCORERS
from attrlearn.metrics.resampled_scores import RESAMPLED, resampled_score

N = 40


def test_all_scores_that_are_means_over_attributes_are_there():
    assert set(RESAMPLED) == set(SCORERS) - {"harmonic_f1"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of scores that are not defined
@pytest.mark.parametrize("scoring", sorted(RESAMPLED))
@given(seed=st.integers(0, 10**6), n_classes=st.sampled_from([2, 3]), ties=st.booleans())
def test_each_weighting_gives_the_score_of_that_sample_weight(scoring, seed, n_classes, ties):
    rng = np.random.default_rng(seed)
    y = rng.choice(
        [-1, *range(n_classes)], N, p=[0.2, 0.7, *[0.1 / (n_classes - 1)] * (n_classes - 1)]
    )
    proba = rng.dirichlet(np.ones(n_classes), N)
    if ties:
        proba = np.eye(n_classes)[proba.argmax(axis=1)] * 0.5 + 0.5 / n_classes
    weights = rng.poisson(0.7, (N, 5)).astype(np.float32)
    weights[:, 0] = 1
    scorer = SCORERS[scoring]
    classes = [np.arange(n_classes)]
    table = np.where(y < 0, np.nan, y)[:, None]
    response = [proba]
    if scorer._response_method == "predict":
        response = proba.argmax(axis=1)[:, None].astype(float)
    binary = n_classes == 2
    if binary and scorer._response_method != "predict":
        response, classes = proba[:, 1:], np.arange(1)
    wanted = [
        scorer._sign * scorer._score_func(table, response, classes=classes, sample_weight=w)
        if w[y >= 0].any()
        else np.nan
        for w in weights.T
    ]
    found = resampled_score(scoring, y, proba, binary)(weights)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
