import numpy as np
import pytest
from scipy.special import expit, logit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from attrlearn.checks.attributes import Attributes
from attrlearn.decisions.calibration import Calibration, fit_calibration, undo_class_weight

BINARY = Attributes(["hood"], [np.array([0, 1])], [True])
SEVERAL = Attributes(
    ["hood", "neck"], [np.array([0, 1]), np.array(list("ouv"), dtype=object)], [True, False]
)
N = 20_000


def drawn(shares, seed=0):
    """Classes (N,) drawn with these probabilities (N, k)."""
    return (np.random.default_rng(seed).random((len(shares), 1)) > shares.cumsum(axis=1)).sum(1)


def rates(n_classes, seed):
    """Probabilities (N, k) that differ from image to image."""
    return softmax(np.random.default_rng(seed).normal(0, 2, (N, n_classes)), axis=1)


def identity(attributes):
    n_attributes, n_classes = len(attributes.names), sum(attributes.n_classes)
    return Calibration(np.ones(n_attributes), np.zeros(n_classes))


def test_dividing_class_weights_out_is_the_inverse_of_weighing():
    true = np.hstack([rates(2, 0), rates(3, 1)])
    weight = [np.array([0.6, 3.0]), np.array([2.0, 0.5, 1.0])]
    weighed = true * np.concatenate(weight)
    weighed = np.hstack([part / part.sum(1, keepdims=True) for part in SEVERAL.split(weighed)])
    got = undo_class_weight(weight).apply(weighed, SEVERAL)
    np.testing.assert_allclose(got, true, atol=1e-9)


def test_fit_finds_the_temperature_and_the_biases_that_distort():
    true = np.hstack([rates(2, 0), rates(3, 1)])
    targets = np.column_stack([drawn(part, seed) for seed, part in enumerate(SEVERAL.split(true))])
    targets[:, 1] += 2
    distort = Calibration(np.array([0.5, 2.0]), np.array([0, 1.0, 0.5, 0, -1]))
    stated = distort.apply(true, SEVERAL)
    fitted = fit_calibration(stated, targets, np.ones((N, 2)), SEVERAL, identity(SEVERAL))
    assert fitted.temperature == pytest.approx([2.0, 0.5], rel=0.05)
    np.testing.assert_allclose(fitted.apply(stated, SEVERAL), true, atol=0.03)


def test_of_a_binary_attribute_it_is_a_logistic_regression_on_the_logit():
    rng = np.random.default_rng(0)
    p = expit(rng.normal(size=N))
    y = (rng.random(N) < expit(0.4 * logit(p) - 1)).astype(int)
    weight = 1000 * rng.random(N)  # beside so many cells the priors count for nothing
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(p)[:, None], y, sample_weight=weight)
    both = np.column_stack([1 - p, p])
    ours = fit_calibration(both, y[:, None], weight[:, None], BINARY, identity(BINARY))
    expected = theirs.predict_proba(logit(p)[:, None])
    np.testing.assert_allclose(ours.apply(both, BINARY), expected, atol=2e-3)


def test_the_log_loss_of_its_own_cells_never_rises():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p = rng.uniform(0.01, 0.99, 30)
        both, y = np.column_stack([1 - p, p]), rng.integers(0, 2, 30)
        fitted = fit_calibration(both, y[:, None], np.ones((30, 1)), BINARY, identity(BINARY))
        assert log_loss(y, fitted.apply(both, BINARY)) <= log_loss(y, both) + 1e-9


def test_what_cannot_be_fitted_keeps_where_it_started():
    start = Calibration(np.array([1.5, 2.0]), np.array([0.0, 1, 2, 3, 4]))
    targets = np.array([[0, 2], [0, 3], [-1, 4], [1, -1]])
    weight = np.array([[1.0, 1], [1, 1], [1, 1], [0, 1]])  # the only hood has no weight
    p = np.full((4, 5), 0.3)
    fitted = fit_calibration(p, targets, weight, SEVERAL, start)
    assert fitted.temperature[0] == 1.5
    assert fitted.bias[:2].tolist() == [0, 1]
    assert fitted.temperature[1] != 2.0 or fitted.bias[2:].tolist() != [2, 3, 4]


def test_rates_sum_to_one_and_keep_dtype_gaps_and_certainty():
    p = np.array([[0, 1, 1, 0, 0], [np.nan] * 5, [0.5, 0.5, 0.2, 0.3, 0.5]], dtype=np.float32)
    got = Calibration(np.array([2.0, 0.5]), np.arange(5.0)).apply(p, SEVERAL)
    assert got.dtype == np.float32
    assert np.isnan(got[1]).all()
    for part in SEVERAL.split(got[[0, 2]]):
        np.testing.assert_allclose(part.sum(axis=1), 1, rtol=1e-6)
