import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    ShuffleSplit,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from attrlearn import AttributeClassifier
from attrlearn.model_selection import (
    AttributeKFold,
    AttributeShuffleSplit,
    cross_val_predict_proba,
)


@st.composite
def tables(draw) -> tuple[np.ndarray, int, int]:
    """A binary table with gaps, a number of folds and a seed."""
    seed = draw(st.integers(0, 2**20))
    rng = np.random.default_rng(seed)
    n_splits = draw(st.integers(2, 6))
    n, a = draw(st.integers(n_splits, 120)), draw(st.integers(1, 10))
    y = (rng.random((n, a)) < rng.uniform(0.02, 0.6, a)).astype(float)
    y[rng.random((n, a)) < rng.uniform(0, 0.7)] = np.nan
    return y, n_splits, seed


def folds_of(splitter, y) -> list[list[int]]:
    return [test.tolist() for _, test in splitter.split(y, y)]


def pairs_without_a_positive(splitter, y) -> int:
    return sum(int((np.nansum(y[test], axis=0) == 0).sum()) for test in folds_of(splitter, y))


# Splitters


@given(tables(), st.booleans())
@settings(deadline=None, max_examples=40)
def test_folds_partition_the_rows_in_folds_as_large_as_plain_ones(case, shuffle):
    y, n_splits, seed = case
    splitter = AttributeKFold(n_splits, shuffle=shuffle, random_state=seed if shuffle else None)
    tests = []
    for train, test in splitter.split(y, y):
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(len(y)))
        tests.append(test)
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.arange(len(y)))
    assert [len(test) for test in tests] == [len(test) for _, test in KFold(n_splits).split(y)]
    assert splitter.get_n_splits(y, y, None) == len(tests) == n_splits


@given(tables(), st.integers(2, 30))
@settings(deadline=None, max_examples=40)
def test_groups_are_never_split_and_no_fold_is_empty(case, n_groups):
    y, _, seed = case
    groups = np.random.default_rng(seed).integers(0, n_groups, len(y)).astype(str)
    groups[:2] = ["one", "other"]
    folds = AttributeKFold(2, shuffle=True, random_state=seed)
    halves = AttributeShuffleSplit(2, test_size=0.5, random_state=seed)
    for splitter in (folds, halves):
        for train, test in splitter.split(y, y, groups):
            assert not set(groups[train]) & set(groups[test])
            assert len(train)
            assert len(test)


@given(st.integers(2, 8), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_every_fold_gets_its_share_of_the_positives_of_one_attribute(
    n_splits, n_more, n_negative, n_missing
):
    n_positive = n_splits + n_more
    y = np.repeat([1, 0, np.nan], [n_positive, n_negative, n_missing])[:, None]
    y = np.random.default_rng(n_positive).permutation(y)
    for splitter in (AttributeKFold(n_splits), AttributeKFold(n_splits, shuffle=True)):
        counts = [int(np.nansum(y[test])) for test in folds_of(splitter, y)]
        assert min(counts) >= n_positive // n_splits
        assert max(counts) <= -(-n_positive // n_splits)


@given(tables(), st.booleans())
@settings(deadline=None, max_examples=150)
def test_no_more_attributes_lack_a_positive_than_in_plain_folds(case, shuffle):
    y, n_splits, seed = case
    options = {"shuffle": shuffle, "random_state": seed if shuffle else None}
    ours, plain = AttributeKFold(n_splits, **options), KFold(n_splits, **options)
    assert pairs_without_a_positive(ours, y) <= pairs_without_a_positive(plain, y)


def test_plain_folds_are_taken_where_dealing_and_swaps_end_with_more_gaps():
    rows = ["100", "010", "000", "110", "010", "010", "001", "101", "100"]
    y = np.array([list(row) for row in rows]).astype(int)
    options = {"n_splits": 4, "shuffle": True, "random_state": 0}
    assert pairs_without_a_positive(KFold(**options), y) == 2
    assert pairs_without_a_positive(AttributeKFold(**options), y) == 2


def test_known_negatives_and_classes_are_shared_out_too():
    rng = np.random.default_rng(0)
    y = pd.DataFrame(
        {
            "hood": np.where(rng.random(200) < 0.05, 0.0, 1.0),
            "neck": pd.Categorical(rng.choice(list("abcd"), 200, p=[0.7, 0.2, 0.05, 0.05])),
        }
    ).mask(rng.random((200, 2)) < 0.4)
    folds = [y.iloc[test] for test in folds_of(AttributeKFold(4), y)]
    for name in y:
        counts = pd.DataFrame([fold[name].value_counts() for fold in folds])
        assert (counts.max() - counts.min()).max() <= 1, counts


def test_all_marks_of_a_gap_are_the_same():
    rng = np.random.default_rng(0)
    y = rng.choice([0, 1, -1], (50, 4))
    folds = folds_of(AttributeKFold(3), y)
    as_nan = np.where(y == -1, np.nan, y)
    for same in (as_nan, pd.DataFrame(as_nan).astype("Int64"), as_nan.astype(object).tolist()):
        assert folds_of(AttributeKFold(3), same) == folds


def test_same_seed_same_folds():
    y = np.random.default_rng(0).integers(0, 2, (60, 5))
    for splitter in (AttributeKFold(3, shuffle=True), AttributeShuffleSplit(3)):
        first, again, other = (
            folds_of(clone(splitter).set_params(random_state=seed), y) for seed in (0, 0, 1)
        )
        assert first == again != other


def test_a_random_state_moves_on_from_split_to_split():
    y = np.random.default_rng(0).integers(0, 2, (60, 5))
    splitter = AttributeKFold(3, shuffle=True, random_state=np.random.RandomState(0))
    assert folds_of(splitter, y) != folds_of(splitter, y)


@given(tables(), st.floats(0.05, 0.9))
@settings(deadline=None, max_examples=40)
def test_shuffle_splits_are_as_large_as_plain_ones(case, test_size):
    y, _, seed = case
    options = {"n_splits": 2, "test_size": test_size, "random_state": seed}
    if int(np.ceil(test_size * len(y))) == len(y):
        return
    ours, plain = AttributeShuffleSplit(**options), ShuffleSplit(**options)
    for (train, test), (plain_train, plain_test) in zip(
        ours.split(y, y), plain.split(y), strict=True
    ):
        assert (len(train), len(test)) == (len(plain_train), len(plain_test))
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(len(y)))


def test_shuffle_splits_differ_and_keep_the_share_of_rare_positives():
    y = np.zeros((1000, 1))
    y[:30] = 1
    tests = folds_of(AttributeShuffleSplit(5, test_size=0.2, random_state=0), y)
    assert [int(y[test].sum()) for test in tests] == [6] * 5
    assert len({tuple(test) for test in tests}) == 5


@given(st.integers(2, 5), st.integers(2, 5), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_classes_of_two_rows_or_more_are_on_both_sides(n_attributes, n_positive, seed):
    y = np.zeros((100, n_attributes))
    for a in range(n_attributes):  # no row is positive twice
        y[a * n_positive : (a + 1) * n_positive, a] = 1
    splitter = AttributeShuffleSplit(3, test_size=0.1, random_state=seed)
    for train, test in splitter.split(y, y):
        assert (y[train].sum(axis=0) > 0).all()
        assert (y[test].sum(axis=0) > 0).all()


@pytest.mark.parametrize(
    ("splitter", "words"),
    [
        (AttributeKFold(1), "n_splits must be a whole number between 2 and the number of rows"),
        (AttributeKFold(2.5), "Got 2.5 for 4"),
        (AttributeKFold(5), "Got 5 for 4"),
        (AttributeKFold(2, random_state=0), "random_state must be None with shuffle=False. Got 0"),
        (AttributeShuffleSplit(test_size=1.5), "test_size must be a share between 0 and 1"),
        (AttributeShuffleSplit(test_size=0.99), "test_size must leave rows on both sides"),
    ],
)
def test_a_split_that_cannot_be_is_an_error(splitter, words):
    y = np.array([[0], [1], [0], [1]])
    with pytest.raises(ValueError, match=words):
        next(splitter.split(y, y))


@pytest.mark.parametrize("splitter", [AttributeKFold(2), AttributeShuffleSplit()])
def test_tables_and_groups_that_do_not_fit_are_an_error(splitter):
    y = np.array([[0], [1], [0], [1]])
    with pytest.raises(ValueError, match="Got 4 rows for 3 images"):
        next(splitter.split(["a", "b", "c"], y))
    with pytest.raises(ValueError, match="y must be 2-D, one column per attribute"):
        next(splitter.split(y, y[:, 0]))
    with pytest.raises(ValueError, match="groups must have one entry per row of y"):
        next(splitter.split(y, y, ["a", "b", "c"]))


# In scikit-learn's tools

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
COMPLETE = RNG.integers(0, 2, (60, 2))
GRID = {"strategy": ["prior", "stratified"]}


def test_splitters_can_be_read_cloned_and_searched():
    splitter = AttributeKFold(3, shuffle=True, random_state=0)
    assert repr(splitter) == "AttributeKFold(n_splits=3, random_state=0, shuffle=True)"
    assert clone(splitter).get_params() == splitter.get_params()
    search = GridSearchCV(DummyClassifier(), GRID, cv=splitter)
    assert clone(search.set_params(cv__n_splits=4)).fit(X, COMPLETE).n_splits_ == 4


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("splitter", [AttributeKFold(3), AttributeShuffleSplit(3, test_size=0.3)])
def test_searches_hand_groups_to_the_splitter(splitter, routing):
    groups = np.repeat(np.arange(12), 5)
    with sklearn.config_context(enable_metadata_routing=routing):
        GridSearchCV(DummyClassifier(), GRID, cv=splitter).fit(X, COMPLETE, groups=groups)
        given = {"params": {"groups": groups}} if routing else {"groups": groups}
        scores = cross_validate(
            DummyClassifier(), X, COMPLETE, cv=splitter, return_indices=True, **given
        )
        too_few = GridSearchCV(DummyClassifier(), GRID, cv=AttributeKFold(3), error_score="raise")
        with pytest.raises(ValueError, match="Got 3 for 2"):
            too_few.fit(X, COMPLETE, groups=np.repeat([0, 1], 30))
    for train, test in zip(*scores["indices"].values(), strict=True):
        assert not set(groups[train]) & set(groups[test])


# Out-of-fold probabilities

CLF = AttributeClassifier(None, max_epochs=2, random_state=0)
GAPS = np.random.default_rng(1).choice([0, 1, np.nan], (60, 2))
MIXED = pd.DataFrame(GAPS, columns=["hood", "zip"]).astype({"hood": "Int64", "zip": "boolean"})
MIXED["neck"] = pd.Categorical(RNG.choice(["V", "U"], 60), categories=["V", "none", "U"])
MIXED["kind"] = pd.Series(RNG.choice(["a", "b", None], 60), dtype="string")


def in_a_loop(y, row_picker) -> list[np.ndarray] | np.ndarray:
    """What `cross_val_predict_proba` is to give where no fold lacks a class."""
    parts, rows = [], []
    for train, test in AttributeKFold(3).split(X, y):
        parts.append(CLF.fit(X[train], row_picker(y, train)).predict_proba(X[test]))
        rows.append(test)
    back = np.argsort(np.concatenate(rows))
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)[back]
    return [np.concatenate(attribute)[back] for attribute in zip(*parts, strict=True)]


@pytest.mark.parametrize(
    "y",
    [GAPS, np.nan_to_num(GAPS, nan=-1), MIXED, MIXED[["hood", "zip"]]],
    ids=["NaN", "-1", "mixed DataFrame", "nullable DataFrame"],
)
def test_out_of_fold_probabilities_are_those_of_a_loop(y):
    got = cross_val_predict_proba(CLF, X, y, cv=3)
    expected = in_a_loop(y, lambda y, rows: y.iloc[rows] if hasattr(y, "iloc") else y[rows])
    assert isinstance(got, list) == isinstance(expected, list)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_lists_are_as_good_as_arrays():
    expected = cross_val_predict_proba(CLF, X, GAPS, cv=3)
    as_lists = X.tolist(), np.where(np.isnan(GAPS), None, GAPS).tolist()
    np.testing.assert_allclose(cross_val_predict_proba(CLF, *as_lists, cv=3), expected, atol=1e-6)


@pytest.mark.slow
def test_other_classifiers_in_processes_give_what_scikit_learn_gives():
    splitter, clf = AttributeKFold(3), DummyClassifier()
    got = cross_val_predict_proba(clf, X, COMPLETE, cv=splitter, n_jobs=2)
    expected = cross_val_predict(clf, X, COMPLETE, cv=splitter, method="predict_proba")
    np.testing.assert_allclose(got, expected)


KINDS = np.r_[np.resize(["b", "c"], 30), np.resize(["c", "a", "b"], 30)]  # one half has no a
HALVES = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]


@pytest.mark.parametrize("dtype", ["object", "string", "str", "numbers"])
def test_classes_that_a_fold_lacks_have_probability_zero_there(dtype):
    y, clf = pd.DataFrame({"kind": KINDS, "hood": GAPS[:, 0]}), CLF
    if dtype == "numbers":
        y["kind"] = y["kind"].map({"a": 2, "b": 5, "c": 7})
        clf = clone(CLF).set_params(categorical_attributes=["kind"])
    else:
        y["kind"] = y["kind"].astype(dtype)
    classes = clf.fit(X, y).classes_[0].tolist()
    kind, hood = cross_val_predict_proba(clf, X, y, cv=HALVES)
    assert (kind.shape, hood.shape) == ((60, 3), (60, 2))
    np.testing.assert_array_equal(kind[30:, 0], 0)
    expected = clf.fit(X[:30], y.iloc[:30]).predict_proba(X[30:])[0]
    assert clf.classes_[0].tolist() == classes[1:]
    np.testing.assert_allclose(kind[30:, 1:], expected, atol=1e-6)
    expected = clf.fit(X[30:], y.iloc[30:]).predict_proba(X[:30])[0]
    assert clf.classes_[0].tolist() == classes
    np.testing.assert_allclose(kind[:30], expected, atol=1e-6)


def test_classes_that_no_fold_was_trained_on_have_their_column():
    y = pd.DataFrame({"kind": KINDS})
    first_half = [(np.arange(30), test) for _, test in HALVES]
    (proba,) = cross_val_predict_proba(CLF, X, y, cv=first_half)
    assert proba.shape == (60, 3)
    np.testing.assert_array_equal(proba[:, 0], 0)


def test_classes_of_a_dtype_keep_its_order():
    y = pd.DataFrame({"kind": pd.Categorical(KINDS, categories=["c", "none", "a", "b"])})
    (proba,) = cross_val_predict_proba(CLF, X, y, cv=HALVES)
    (expected,) = CLF.fit(X[:30], y.iloc[:30]).predict_proba(X[30:])
    assert CLF.classes_[0].tolist() == ["c", "none", "a", "b"]
    np.testing.assert_allclose(proba[30:], expected, atol=1e-6)


def test_a_fold_without_any_cell_of_a_text_attribute_knows_none_of_its_classes():
    y = pd.DataFrame({"kind": [None] * 30 + ["x", "y"] * 15}, dtype=object)
    with pytest.warns(UserWarning, match=r"Fewer than two classes are labelled in .*'kind'"):
        (proba,) = cross_val_predict_proba(CLF, X, y, cv=HALVES)
    assert proba.shape == (60, 2)
    np.testing.assert_array_equal(proba[30:], 0)
    np.testing.assert_allclose(proba[:30].sum(axis=1), 1, atol=1e-6)


def test_categories_may_be_given_or_ride_in_x_through_a_pipeline_or_a_search():
    categories = np.random.default_rng(0).choice(["dress", "shirt", None], 60)
    clf = clone(CLF).set_params(learning_rate=0.03)
    given = cross_val_predict_proba(clf, X, GAPS, cv=3, categories=categories)
    riding = pd.DataFrame(X).add_prefix("x").assign(category=categories)
    search = GridSearchCV(clf, {"dropout": [clf.dropout]}, cv=AttributeKFold(2))
    for estimator in (clf, make_pipeline(FunctionTransformer(), clf), search):
        got = cross_val_predict_proba(estimator, riding, GAPS, cv=3)
        np.testing.assert_allclose(got, given, atol=1e-6)
    assert not np.allclose(given, cross_val_predict_proba(clf, X, GAPS, cv=3), atol=1e-3)


def test_halving_searches_take_seeded_folds():
    search = HalvingGridSearchCV(
        CLF,
        {"dropout": [0, 0.25, 0.5]},
        resource="max_epochs",
        max_resources=4,
        cv=AttributeKFold(3, shuffle=True, random_state=0),
    )
    assert search.fit(X, GAPS).n_resources_ == [1, 3]
    assert search.n_splits_ == 3


def test_groups_reach_the_splitter():
    groups = np.repeat(np.arange(6), 10)
    folds = AttributeKFold(3).split(X, GAPS, groups)
    got = cross_val_predict_proba(CLF, X, GAPS, cv=3, groups=groups)
    expected = cross_val_predict_proba(CLF, X, GAPS, cv=folds)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_images_may_be_paths_arrays_or_rows_of_a_table(small, images, attributes):
    paths = images["image"].tolist()
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths])
    expected = cross_val_predict_proba(small, images[["image"]], attributes, cv=2)
    for same in (paths, pixels):
        got = cross_val_predict_proba(small, same, attributes, cv=2)
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_what_does_not_fit_is_an_error():
    some_rows = ShuffleSplit(1, test_size=0.1, random_state=0)
    with pytest.raises(ValueError, match=r"cv must hold each row in one test set. Got 6 test rows"):
        cross_val_predict_proba(CLF, X, GAPS, cv=some_rows)
    with pytest.raises(ValueError, match="Got 60 rows for 59 images"):
        cross_val_predict_proba(CLF, X[1:], GAPS)
    with pytest.raises(ValueError, match=r"categories must have one entry per row of X. Got 2 for"):
        cross_val_predict_proba(CLF, X, GAPS, categories=["dress", "shirt"])
