import numpy as np
import pytest
import torch

from attrlearn import AttributeClassifier
from attrlearn.training.sources import FeatureSource
from attrlearn.training.standardization import feature_statistics

CPU = torch.device("cpu")


def source(values):
    return FeatureSource(torch.tensor(values, dtype=torch.float32)[None])


def test_statistics_are_those_of_numpy_also_far_from_zero_and_over_many_batches():
    rng = np.random.default_rng(0)
    x = (1e4 + rng.normal(size=(1_000, 5))).astype(np.float32)
    mean, std = feature_statistics(source(x), np.ones(1_000), CPU)
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(std, x.std(axis=0, dtype=np.float64), rtol=1e-4)


def test_a_weight_counts_as_so_many_rows_and_rows_of_weight_0_not_at_all():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3))
    weights = rng.integers(0, 3, 30).astype(float)
    got = feature_statistics(source(x), weights, CPU)
    repeated = np.repeat(x, weights.astype(int), axis=0)
    expected = feature_statistics(source(repeated), np.ones(len(repeated)), CPU)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_first_view_and_rows_of_the_source_count():
    views = torch.randn(2, 20, 3)
    some = FeatureSource(views, torch.arange(5, 15))
    mean, _ = feature_statistics(some, np.ones(10), CPU)
    torch.testing.assert_close(mean, views[0, 5:15].mean(dim=0))


def test_what_a_backbone_has_to_run_for_is_sampled():
    n_seen = []

    def suffix(inputs):
        n_seen.append(len(inputs))
        return inputs

    x = torch.randn(1, 5_000, 2)
    mean, std = feature_statistics(FeatureSource(x, suffix=suffix), np.ones(5_000), CPU)
    assert sum(n_seen) == 1_024
    assert mean.abs().max() < 0.2
    assert (std - 1).abs().max() < 0.2


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6)).astype(np.float32)
    y = np.where(rng.random((80, 2)) < 0.2, np.nan, X[:, :2] > 0)
    return X, y


def probabilities(X, y, X_new, **options):
    clf = AttributeClassifier(None, max_epochs=3, random_state=0, **options)
    return clf.fit(X, y).predict_proba(X_new)


def test_scale_and_origin_of_features_do_not_matter(table):
    X, y = table
    moved = X * np.float32(1024) + np.float32(512)
    np.testing.assert_allclose(probabilities(X, y, X), probabilities(moved, y, moved), atol=1e-4)
    raw = [probabilities(x, y, x, standardize=False) for x in (X, moved)]
    assert np.abs(raw[0] - raw[1]).max() > 0.1


def test_rows_without_labels_do_not_standardise(table):
    X, y = table
    outliers = np.full((5, 6), 1e3, dtype=np.float32)
    nothing = np.full((5, 2), np.nan)
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    layers = [
        clf.fit(x, targets).network_.head.standardization.mean.clone()
        for x, targets in [(X, y), (np.vstack([X, outliers]), np.vstack([y, nothing]))]
    ]
    torch.testing.assert_close(layers[0], layers[1])


def test_one_row_and_constant_features_give_finite_predictions():
    X = np.array([[0.1, 7.0]], dtype=np.float32)
    clf = AttributeClassifier(None, max_epochs=2, random_state=0)
    with pytest.warns(UserWarning, match="Fewer than two classes"):
        clf.fit(X, [[1]])
    assert np.isfinite(clf.predict_proba(np.array([[0.1, 7.0], [0.1, 8.0]]))).all()


def test_warm_start_keeps_the_statistics_that_the_network_learnt_with(table):
    X, y = table
    clf = AttributeClassifier(None, max_epochs=1, random_state=0, warm_start=True).fit(X, y)
    before = clf.network_.head.standardization.mean.clone()
    clf.fit(X[:40] + 3, y[:40])
    assert (clf.network_.head.standardization.mean == before).all()
