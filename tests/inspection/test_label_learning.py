import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from attrlearn import AttributeClassifier
from attrlearn.inspection import label_learning_curve
from attrlearn.model_selection import AttributeKFold

N = 240
SIZES = [1 / 8, 1 / 4, 1 / 2, 1.0]


@pytest.fixture(scope="module")
def table():
    """Features, and attributes that are easy, learnable with many labels, and noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 24)).astype(np.float32)
    y = pd.DataFrame(
        {
            "easy": np.where(X[:, 0] > 0, 1.0, 0.0),
            "hard": np.where(X[:, 1:12].sum(axis=1) > 0, "yes", "no"),
            "noise": rng.integers(0, 2, N).astype(float),
        }
    )
    X[:, 12:] = X[:, :1]
    return X, y.mask(rng.random(y.shape) < 0.2)


class Spy(BaseEstimator):
    """Notes the tables that it is fitted to, and predicts what it has seen of them."""

    tables: list = []  # noqa: RUF012 - shared by clones

    def fit(self, X, y):
        Spy.tables.append((X, y))
        self.classes_ = [
            column.cat.categories.to_numpy() if column.dtype == "category" else np.array([0, 1])
            for _, column in y.items()
        ]
        return self

    def predict_proba(self, X):
        return [np.full((len(X), len(known)), 1 / len(known)) for known in self.classes_]


def test_cells_of_the_axis_are_those_that_were_learnt_from_nested_and_every_class_among_them(table):
    X, y = table
    Spy.tables.clear()
    curve = label_learning_curve(Spy(), X, y, train_sizes=SIZES, cv=3, n_repeats=2)
    assert len(Spy.tables) == 3 * 2 * len(SIZES)
    keys = [(s, r, size) for s in range(3) for r in range(2) for size in SIZES]
    splits = list(AttributeKFold(3).split(X, y))
    by_key = curve.scores.set_index(["split", "repeat", "share", "attribute"])["labelled"]
    before = None
    for (split, repeat, share), (X_train, seen) in zip(keys, Spy.tables, strict=True):
        train = splits[split][0]
        np.testing.assert_array_equal(X_train, X[train])
        for name in y:
            whole, part = y[name].iloc[train], seen[name]
            kept = part.notna().to_numpy()
            assert by_key[split, repeat, share, name] == kept.sum()
            assert kept.sum() == pytest.approx(share * whole.notna().sum(), abs=0.5)
            assert (part[kept].astype(object) == whole.to_numpy()[kept]).all()
            assert part.nunique() == whole.nunique()
            if share > SIZES[0]:
                assert not (before[name].notna().to_numpy() & ~kept).any()
        assert by_key[split, repeat, share, "(mean)"] == seen.notna().sum().mean()
        before = seen
    first, again = (Spy.tables[i * len(SIZES)][1] for i in (0, 1))
    assert not first.notna().equals(again.notna())


@pytest.mark.slow
def test_what_can_be_learnt_rises_and_levels_off_and_noise_does_not(table):
    clf = AttributeClassifier(
        None, hidden_dim=None, dropout=0.0, learning_rate=0.03, max_epochs=10, random_state=0
    )
    curve = label_learning_curve(clf, *table, train_sizes=[1 / 16, 1 / 4, 1.0], n_repeats=2)
    mean = curve.scores.groupby(["attribute", "share"])["score"].mean().unstack()
    assert mean.loc["easy", 1] > 0.9
    assert mean.loc["easy", 1] - mean.loc["easy", 1 / 4] < 0.05
    assert mean.loc["hard", 1] - mean.loc["hard", 1 / 16] > 0.15
    assert (mean.loc["noise"] - 0.5).abs().max() < 0.1
    rises = curve.summary["still_rises"].fillna(False)
    assert rises.to_dict() == {"easy": False, "hard": True, "noise": False, "(mean)": True}
    scores = curve.scores.pivot_table("score", ["attribute", "split"], "share")
    gains = (scores[1] - scores[1 / 4]).groupby(level=0).mean()
    np.testing.assert_allclose(curve.summary["gain"], gains[curve.summary.index])


def test_an_interval_that_is_below_what_would_be_worth_it_says_so(table):
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    options = {"train_sizes": [0.5, 1.0], "cv": 3, "confidence_level": 0.5}
    summary = label_learning_curve(clf, *table, min_gain=2.0, **options).summary
    np.testing.assert_array_equal(summary["still_rises"], summary["low"] > 0)
    summary = label_learning_curve(clf, *table, min_gain=0.0, **options).summary
    expected = [
        True if low > 0 else False if high < 0 else pd.NA
        for low, high in zip(summary["low"], summary["high"], strict=True)
    ]
    assert summary["still_rises"].tolist() == expected


@pytest.mark.long
def test_worker_processes_find_the_same(table):
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    one, two = (
        label_learning_curve(clf, *table, train_sizes=[0.5, 1.0], cv=2, n_jobs=n_jobs)
        for n_jobs in (None, 2)
    )
    pd.testing.assert_frame_equal(one.scores, two.scores)


def test_categories_reach_each_model_and_arguments_that_break_a_rule_are_errors(table):
    X, y = table
    clf = AttributeClassifier(None, max_epochs=1, random_state=0)
    categories = np.where(y["noise"].fillna(0) > 0, "shirt", "dress")
    options = {"train_sizes": [0.5, 1.0], "cv": 2, "scoring": "roc_auc"}
    summary = label_learning_curve(clf, X, y, categories=categories, **options).summary
    inside = pd.DataFrame(X).assign(category=categories)
    pd.testing.assert_frame_equal(summary, label_learning_curve(clf, inside, y, **options).summary)
    with pytest.raises(
        ValueError, match=r"train_sizes must be two shares or more in \(0, 1\], ris"
    ):
        label_learning_curve(clf, X, y, train_sizes=[1.0, 0.5])
    with pytest.raises(ValueError, match=r"scoring must be one of .* Got 'loss'"):
        label_learning_curve(clf, X, y, scoring="loss")
    with pytest.raises(ValueError, match=r"n_repeats must be an int of 1 or more. Got 0"):
        label_learning_curve(clf, X, y, n_repeats=0)
    with pytest.raises(ValueError, match=r"min_gain must be a number of 0 or more. Got -1"):
        label_learning_curve(clf, X, y, min_gain=-1)
