import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit, softmax

from attrlearn.inspection.label_noise import LabelNoise, fit_label_noise


def draw(n, k, rates, rng, slope=3.0):
    """Probabilities (n, k) of a model, true classes, and labels that noise has changed."""
    logits = slope * rng.normal(size=(n, k))
    true = np.array([rng.choice(k, p=p) for p in softmax(logits, axis=1)])
    moved = (true + rng.integers(1, k, n)) % k
    known = np.where(rng.random(n) < np.asarray(rates)[true], moved, true)
    return softmax(logits, axis=1), true, known


@pytest.mark.parametrize(
    "rates", [(0.05, 0.2), (0.0, 0.3), (0.1, 0.1, 0.1, 0.1), (0.2, 0.02, 0.05)]
)
def test_the_noise_of_each_class_is_found(rates):
    p, _, known = draw(5000, len(rates), rates, np.random.default_rng(0))
    noise = fit_label_noise(p, known)
    np.testing.assert_allclose(noise.rates, rates, atol=0.04)
    assert noise.slope == pytest.approx(1, abs=0.15)  # the probabilities were right


def test_class_weights_are_no_noise():
    p, _, known = draw(5000, 2, (0.0, 0.0), np.random.default_rng(0))
    balanced = p * [1, 9]
    noise = fit_label_noise(balanced / balanced.sum(axis=1, keepdims=True), known)
    assert noise.rates.max() < 0.01
    assert noise.bias[0] - noise.bias[1] == pytest.approx(np.log(9), abs=0.2)


def test_probabilities_that_tell_nothing_explain_no_label():
    rng = np.random.default_rng(0)
    p = draw(2000, 2, (0.0, 0.0), rng)[0]
    for share in 0.5, 0.1:
        assert fit_label_noise(p, (rng.random(2000) < share).astype(int)) is None
    assert fit_label_noise(p, np.ones(2000, dtype=int)) is None


def test_the_fit_is_the_mode_that_another_optimiser_finds():
    p, _, known = draw(300, 2, (0.1, 0.2), np.random.default_rng(1))

    def loss(parameters):
        """The negative log posterior, of a sum over labels one by one."""
        log_slope, b0, b1, common, o0, o1 = parameters
        true = expit(np.exp(log_slope) * logit(p[:, 1].clip(1e-7, 1 - 1e-7)) + b1 - b0)
        e0, e1 = expit([common + o0, common + o1])
        one = true * (1 - e1) + (1 - true) * e0
        value = -np.log(np.where(known == 1, one, 1 - one)).sum()
        value += (log_slope / 1.5) ** 2 / 2 + (b0**2 + b1**2) / 2**2 / 2 + (o0**2 + o1**2) / 2
        return value - np.log(expit(common)) - 50 * np.log(expit(-common))

    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-6, "fatol": 1e-9}
    best = minimize(loss, np.array([0, 0, 0, -2, 0, 0]), method="Nelder-Mead", options=options).x
    noise = fit_label_noise(p, known)
    np.testing.assert_allclose(noise.rates, expit(best[3] + best[4:]), atol=1e-3)
    assert noise.slope == pytest.approx(np.exp(best[0]), abs=1e-3)
    np.testing.assert_allclose(noise.bias, best[1:3], atol=1e-3)


def test_what_labels_say_of_the_true_class_is_bayes_rule():
    rates = np.array([0.3, 0.1, 0.2])
    rng = np.random.default_rng(2)
    p = np.array([0.5, 0.3, 0.2])
    true = rng.choice(3, 200_000, p=p)
    moved = (true + rng.integers(1, 3, len(true))) % 3
    known = np.where(rng.random(len(true)) < rates[true], moved, true)
    given = LabelNoise(1.0, np.zeros(3), rates).given_labels(np.tile(p, (3, 1)), np.arange(3))
    counted = [np.bincount(true[known == k], minlength=3) / (known == k).sum() for k in range(3)]
    np.testing.assert_allclose(given, counted, atol=0.01)
