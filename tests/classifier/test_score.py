"""The score of an estimator, on labelled cells alone."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from attrlearn import AttributeClassifier


def test_score_is_the_mean_balanced_accuracy_on_labelled_cells(tabular, features, binary):
    clf = tabular.fit(features, binary)
    predicted = clf.predict(features)
    expected = []
    for a in range(3):
        labelled = ~np.isnan(binary[:, a])
        expected.append(balanced_accuracy_score(binary[labelled, a], predicted[labelled, a]))
    assert clf.score(features, binary) == pytest.approx(np.mean(expected))


def test_score_finds_the_attributes_by_name(tabular, features, binary):
    y = pd.DataFrame(binary, columns=["a", "b", "c"])
    clf = tabular.fit(features, y)
    assert clf.score(features, y[["c", "a", "b"]]) == clf.score(features, y)
    with pytest.raises(ValueError, match=r"attributes of fit\. Got \['a', 'b'\]"):
        clf.score(features, y[["a", "b"]])


def test_score_that_cannot_be_is_nan_with_a_warning(tabular, features, binary):
    clf = tabular.fit(features, binary)
    with pytest.warns(UserWarning, match="Attr1"):
        assert np.isnan(clf.score(features, np.full((80, 3), np.nan)))


def test_score_refuses_classes_that_fit_did_not_know(tabular, features, binary):
    clf = tabular.fit(features, binary)
    wrong = binary.copy()
    wrong[7, 1] = 2
    with pytest.raises(ValueError, match=r"Got 2\.0 at row 7, attribute 'Attr2'"):
        clf.score(features, wrong)


def test_a_class_of_minus_one_counts_like_any_other(tabular, features):
    y = pd.DataFrame({"turn": pd.Categorical(np.where(features[:, 0] > 0, 1, -1))})
    clf = tabular.set_params(max_epochs=40, learning_rate=0.03).fit(features, y)
    right = clf.predict(features)[:, 0] == y["turn"].to_numpy()
    assert clf.score(features, y) == pytest.approx(
        np.mean([right[y["turn"] == k].mean() for k in (-1, 1)])
    )
    assert clf.score(features, y) > 0.9


def test_rows_that_lack_the_highest_codes_can_be_scored(features):
    """Of 0 and 1 alone an attribute would seem binary, and a predicted 2 wrong."""
    y = (features[:, :2] > 0).sum(axis=1, keepdims=True)
    clf = AttributeClassifier(None, max_epochs=3, categorical_attributes=[0], random_state=0).fit(
        features, y
    )
    rows = y[:, 0] < 2
    predicted = clf.predict(features[rows])[:, 0].astype(int)
    assert 2 in predicted
    recalls = [(predicted == c)[y[rows, 0] == c].mean() for c in (0, 1)]
    assert clf.score(features[rows], y[rows]) == pytest.approx(np.mean(recalls))


def test_score_weighs_rows_as_scikit_learn_does(tabular, features, binary):
    clf = tabular.fit(features, binary)
    weight = np.random.default_rng(0).random(80)
    expected = [
        balanced_accuracy_score(known[rows], predicted[rows], sample_weight=weight[rows])
        for known, predicted in zip(binary.T, clf.predict(features).T, strict=True)
        for rows in [~np.isnan(known)]
    ]
    assert clf.score(features, binary, sample_weight=weight) == pytest.approx(np.mean(expected))
