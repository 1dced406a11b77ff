"""Estimators in files, in threads and in worker processes."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import joblib
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed

from attrlearn.checks.inputs import check_inputs
from attrlearn.images.reader import open_reader


@pytest.mark.parametrize("module", [pickle, cloudpickle, joblib], ids=lambda m: m.__name__)
def test_estimators_survive_their_file(module, small, embedder, images, attributes, tmp_path):
    def through_file(estimator):
        with open(tmp_path / "model", "wb") as file:
            module.dump(estimator, file)
        with open(tmp_path / "model", "rb") as file:
            return module.load(file)

    assert through_file(small).get_params() == small.get_params()
    again = through_file(small.fit(images, attributes))
    for ours, theirs in zip(again.predict_proba(images), small.predict_proba(images), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert through_file(embedder).get_params() == embedder.get_params()
    np.testing.assert_array_equal(
        through_file(embedder.fit(images["image"])).transform(images["image"]),
        embedder.transform(images["image"]),
    )


def test_eight_threads_predict_as_one_does(small, images, attributes):
    clf = small.fit(images, attributes)
    expected = clf.predict_proba(images)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(clf.predict_proba, [images] * 16):
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def threads_of_a_fit():
    """Threads that compute and threads that decode, as a fit in this process has them."""
    reader = open_reader(check_inputs(["a.jpg"]), 32, "squash", None, "raise")
    return torch.get_num_threads(), reader.n_threads


@pytest.mark.slow
def test_worker_processes_share_the_cores():
    share = max(1, joblib.cpu_count() // 2)
    for threads in Parallel(n_jobs=2)(delayed(threads_of_a_fit)() for _ in range(4)):
        assert max(threads) <= share
