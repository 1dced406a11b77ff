"""Images of one group stay on one side, unasked."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from attrlearn import AttributeClassifier
from attrlearn.checks.groups import groups_in
from attrlearn.model_selection import (
    AttributeKFold,
    AttributeShuffleSplit,
    cross_val_predict_proba,
)

RNG = np.random.default_rng(0)
# Each group has features of its own, and its labels are by chance: only who has seen the group
# can tell.
GROUP = np.repeat([f"product {g}" for g in range(40)], 5)
X = pd.DataFrame(np.repeat(RNG.normal(size=(40, 60)), 5, axis=0)).rename(columns=str)
Y = pd.DataFrame({"hood": np.repeat(RNG.integers(0, 2, 40), 5)})
GROUPED = X.assign(group=GROUP)


@pytest.fixture
def clf() -> AttributeClassifier:
    return AttributeClassifier(None, learning_rate=0.02, dropout=0.0, random_state=0)


@pytest.mark.parametrize("splitter", [AttributeKFold(4), AttributeShuffleSplit(3, random_state=0)])
def test_splitters_find_the_groups_in_X(splitter):
    for train, test in splitter.split(GROUPED, Y):
        assert not set(GROUP[train]) & set(GROUP[test])
    said = list(clone(splitter).split(X, Y, groups=GROUP))
    found = list(clone(splitter).split(GROUPED, Y))
    assert all(np.array_equal(a, b) for a, b in zip(sum(said, ()), sum(found, ()), strict=True))


def test_a_row_without_a_group_is_alone():
    column = pd.Series(["a", None, "a", np.nan, "b"])
    codes = groups_in(pd.DataFrame({"group": column}))
    assert codes[0] == codes[2]
    assert len(set(codes)) == 4
    assert groups_in(X) is groups_in(X.to_numpy()) is None


def accuracy(proba):
    return np.mean((proba > 0.5) == Y.to_numpy())


@pytest.mark.slow
def test_out_of_fold_predictions_have_not_seen_the_group(clf):
    assert accuracy(cross_val_predict_proba(clf, X, Y)) > 0.9
    assert accuracy(cross_val_predict_proba(clf, GROUPED, Y)) < 0.7


def test_the_group_is_no_feature(clf):
    plain, grouped = clone(clf).fit(X, Y), clone(clf).fit(GROUPED, Y)
    assert np.array_equal(plain.predict_proba(X), grouped.predict_proba(GROUPED))
    assert "group" not in grouped.feature_names_in_


def test_early_stopping_validates_by_other_groups(clf):
    clf.set_params(early_stopping=True, scoring="accuracy", n_iter_no_change=20)
    assert clone(clf).fit(X, Y).validation_scores_.max() > 0.9
    assert clone(clf).fit(GROUPED, Y).validation_scores_.max() < 0.8


@pytest.mark.slow
def test_tuning_judges_by_other_groups(clf):
    seen = clone(clf).set_params(calibrate=True).fit(X, Y)
    apart = clone(clf).set_params(calibrate=True).fit(GROUPED, Y)
    hot = [c.calibration_["temperature"].iloc[0] for c in (seen, apart)]
    assert hot[0] < 1.5 < 2 < hot[1]  # what was learnt by heart says nothing of other groups


def test_two_columns_of_groups_are_an_error(clf):
    twice = pd.concat([GROUPED, GROUPED[["group"]]], axis=1)
    with pytest.raises(ValueError, match=r"one column 'group'\. Got 2\. Rename or drop"):
        clf.fit(twice, Y)
