"""The seed decides a fit, and nothing else in the process notices."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from attrlearn import AttributeClassifier


@pytest.mark.parametrize("trainable", ["head", "all"])
def test_two_fits_of_one_seed_give_the_same_curve_bit_for_bit(small, images, attributes, trainable):
    small.set_params(trainable=trainable)
    curves = [clone(small).fit(images, attributes).loss_curve_ for _ in range(2)]
    assert (curves[0] == curves[1]).all()
    other = clone(small).set_params(random_state=1).fit(images, attributes)
    assert (other.loss_curve_ != curves[0]).any()


@pytest.mark.parametrize("random_state", [None, 0])
def test_no_global_generator_moves(tabular, random_state, features, binary):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    tabular.set_params(random_state=random_state).fit(features, binary).predict(features)
    assert (torch.get_rng_state() == before[0]).all()
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


def test_fits_in_threads_are_those_of_one_after_the_other(features, binary):
    clf = AttributeClassifier(None, max_epochs=2, random_state=0)
    expected = clf.fit(features, binary).loss_curve_
    with ThreadPoolExecutor(4) as pool:
        fits = pool.map(lambda _: clone(clf).fit(features, binary).loss_curve_, range(8))
        for curve in fits:
            np.testing.assert_array_equal(curve, expected)


def test_a_second_fit_leaves_nothing_of_the_first(tabular, features, binary):
    X = pd.DataFrame(features, columns=[f"f{i}" for i in range(12)])
    clf = tabular.set_params(early_stopping=True, scoring="average_precision").fit(X, binary)
    fresh = clone(tabular).fit(features, binary)
    clf.fit(features, binary)
    assert vars(clf).keys() == vars(fresh).keys()
    np.testing.assert_array_equal(clf.validation_scores_, fresh.validation_scores_)
