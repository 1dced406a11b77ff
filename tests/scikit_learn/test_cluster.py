"""Searches and cross-validation whose fits run in the worker processes of a dask cluster."""

import os
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate

from attrlearn import AttributeClassifier, make_attribute_images
from attrlearn.features.cache import FeatureCache
from attrlearn.metrics import SCORERS
from attrlearn.model_selection import AttributeKFold, AttributeSearchCV, cross_val_predict_proba

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of sockets that dask leaves open
]

GRID = {"dropout": [0.3, 0.5]}
CV = AttributeKFold(2)


class Located(AttributeClassifier):
    """An estimator that writes where it is fitted, and how many images its backbone has seen."""

    def fit(self, X, y, **others):
        import os
        from pathlib import Path

        from attrlearn.features.extractor import FeatureExtractor

        seen, run = [], FeatureExtractor.run
        FeatureExtractor.run = lambda self, images: seen.append(len(images)) or run(self, images)
        try:
            super().fit(X, y, **others)
        finally:
            FeatureExtractor.run = run
        with open(Path(self.cache_dir, "fits.txt"), "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {sum(seen)}\n")
        return self


@pytest.fixture(scope="module")
def garments(tmp_path_factory):
    return make_attribute_images(120, tmp_path_factory.mktemp("drawn"), size=32, random_state=0)


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes."""
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def client(cluster):
    """A client of theirs, to which joblib gives its jobs."""
    with joblib.parallel_config("dask"):
        yield cluster


@pytest.fixture
def clf(tmp_path):
    """An estimator whose fits share a cache, in which nothing is."""
    return Located(
        "squeezenet1_1",
        weights=None,
        image_size=32,
        max_epochs=2,
        engine="torch",
        random_state=0,
        cache_dir=str(tmp_path),
    )


def fits(clf):
    """Where the fits ran, and how many images all of them computed."""
    log = Path(clf.cache_dir, "fits.txt")
    lines = [line.split() for line in log.read_text(encoding="utf-8").splitlines()]
    return {int(pid) for pid, _ in lines} - {os.getpid()}, sum(int(n) for _, n in lines)


def alone(function, *args, **kwargs):
    with joblib.parallel_config("sequential"):
        return function(*args, **kwargs)


def test_a_grid_search_gives_what_it_gives_at_home(client, clf, garments):
    workers = set(client.run(os.getpid).values())
    search = GridSearchCV(clf, GRID, cv=CV, scoring=SCORERS["average_precision"])
    found = clone(search).fit(*garments)
    pids, n_computed = fits(clf)
    assert pids == workers
    assert n_computed == 2 * 120  # each image in two views, once for all fits of both workers
    with FeatureCache(clf.cache_dir) as cache:
        assert cache.info().n_entries == 2 * 120
    expected = alone(clone(search).fit, *garments)
    for name in ("mean_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_allclose(found.cv_results_[name], expected.cv_results_[name], atol=1e-4)
    assert found.best_params_ == expected.best_params_


def test_cross_validation_gives_what_it_gives_at_home(client, clf, garments):
    workers = set(client.run(os.getpid).values())
    found = cross_validate(clf, *garments, cv=CV, return_estimator=True, error_score="raise")
    proba = cross_val_predict_proba(clf, *garments, cv=CV)
    pids, n_computed = fits(clf)
    assert pids == workers
    assert n_computed == 2 * 120
    expected = alone(cross_validate, clf, *garments, cv=CV)
    np.testing.assert_allclose(found["test_score"], expected["test_score"], atol=1e-4)
    for ours, theirs in zip(
        proba, alone(cross_val_predict_proba, clf, *garments, cv=CV), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert found["estimator"][0].predict(garments[0]).shape == (120, 7)


@pytest.mark.parametrize(
    ("grid", "n_side_by_side"), [(GRID, 4), (GRID | {"clip_grad_norm": [1.0]}, 0)]
)
def test_an_attribute_search_gives_what_it_gives_at_home(
    client, clf, garments, grid, n_side_by_side
):
    clf = AttributeClassifier(**clf.get_params())
    search = AttributeSearchCV(clf, grid, cv=CV)
    found, expected = clone(search).fit(*garments), alone(clone(search).fit, *garments)
    assert found.n_side_by_side_ == n_side_by_side
    for results in (found.cv_results_, expected.cv_results_):
        assert not np.isnan(results["mean_test_score"]).any()
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], atol=1e-4
    )


def test_a_search_inside_cross_validation_runs_in_the_workers_too(client, clf, garments):
    search = GridSearchCV(clf, GRID, cv=CV)
    found = cross_validate(search, *garments, cv=CV, error_score="raise")["test_score"]
    expected = alone(cross_validate, search, *garments, cv=CV)["test_score"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_matrix_of_features_goes_to_the_workers(client):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4_000, 600))  # 20 MB
    y = (X[:, :2] > 0).astype(float)
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    assert len(cross_validate(clf, X, y, cv=CV, error_score="raise")["test_score"]) == 2


def threads_of_a_fit(n_jobs):
    import torch

    from attrlearn.checks.inputs import check_inputs
    from attrlearn.images.reader import open_reader

    reader = open_reader(check_inputs(["a.jpg"]), 32, "squash", n_jobs, "raise")
    return torch.get_num_threads(), reader.n_threads


def test_a_worker_has_the_threads_that_it_is_given(client):
    """Its tasks may ask for threads, whose number is that of its computer, not of the cluster."""
    assert client.submit(threads_of_a_fit, None).result() == (1, 1)
    assert client.submit(threads_of_a_fit, 3).result() == (1, 3)
    with joblib.parallel_config("dask"):
        assert threads_of_a_fit(-1)[1] == joblib.cpu_count()
