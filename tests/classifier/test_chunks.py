"""Tables that are predicted a chunk at a time."""

import numpy as np
import pandas as pd
import pytest

from attrlearn import AttributeClassifier, ImageError
from attrlearn.exceptions import UnknownCategoryWarning


def joined(tables):
    return pd.concat(list(tables))


@pytest.mark.parametrize("chunk_size", [1, 7, 24, 1_000])
def test_chunks_one_below_the_other_are_the_whole_table(small, images, attributes, chunk_size):
    clf = small.set_params(on_bad_image="drop").fit(images, attributes)
    X = images.set_axis(np.arange(24) * 3 + 1)
    tables = list(clf.iter_predict_table(X, chunk_size=chunk_size, min_confidence=0.4))
    assert [len(table) for table in tables][:-1] == [chunk_size] * (len(tables) - 1)
    expected = clf.predict_table(X, min_confidence=0.4)
    pd.testing.assert_frame_equal(joined(tables), expected, check_exact=False, rtol=1e-4)


def test_features_and_categories_are_cut_too(tabular):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 4)), rng.choice([0, 1], (30, 2))
    kinds = np.array(["shirt", "dress", None] * 10, dtype=object)
    clf = tabular.fit(X, y, kinds)
    table = joined(clf.iter_predict_table(X, kinds, chunk_size=8))
    expected = clf.predict_table(X, kinds).set_axis(table.index)
    pd.testing.assert_frame_equal(table, expected, check_exact=False, rtol=1e-4)
    assert table.index.tolist() == list(range(30))


def test_all_chunks_have_the_dtypes_of_the_whole(tabular):
    """Also where a chunk holds but one class, and that could be of another type."""
    rng = np.random.default_rng(0)
    X = np.sort(rng.normal(size=(40, 1)), axis=0)
    sizes = pd.Series(np.where(X[:, 0] > 0, 2.0, 1.5), dtype="category")
    clf = tabular.set_params(max_epochs=60, learning_rate=0.1).fit(X, sizes.to_frame("size"))
    tables = list(clf.iter_predict_table(X, chunk_size=5))
    assert tables[-1]["size"].unique().tolist() == [2.0]
    assert {table["size"].dtype for table in tables} == {clf.predict_table(X)["size"].dtype}


def test_nothing_is_predicted_before_it_is_asked_for(small, images, attributes, monkeypatch):
    clf = small.fit(images, attributes)
    seen = []
    predict = AttributeClassifier._predict_table
    monkeypatch.setattr(
        AttributeClassifier,
        "_predict_table",
        lambda self, inputs, *rest: seen.append(len(inputs)) or predict(self, inputs, *rest),
    )
    tables = clf.iter_predict_table(images, chunk_size=10)
    assert seen == []
    next(tables)
    assert seen == [10]


def test_an_error_names_the_row_of_x(small, images, attributes):
    clf = small.fit(images, attributes)
    X = images.copy()
    X.loc[17, "image"] = "absent.png"
    tables = clf.iter_predict_table(X, chunk_size=5)
    for _ in range(3):
        next(tables)
    with pytest.raises(ImageError, match=r"'absent.png' \(row 17\)") as caught:
        next(tables)
    assert caught.value.row == 17


def test_an_image_that_is_dropped_has_its_row_of_x_too(small, images, attributes):
    clf = small.set_params(on_bad_image="drop").fit(images, attributes)
    X = images.copy()
    X.loc[17, "image"] = "absent.png"
    with pytest.warns(UserWarning, match=r"1 of 5 images .* 'absent.png' \(row 17\)"):
        table = joined(clf.iter_predict_table(X, chunk_size=5))
    assert table.index[table["image_error"].notna()].tolist() == [17]
    assert table.loc[17, "image_error"] == "no such file"


def test_arguments_are_checked_at_the_call(small, images, attributes):
    clf = small.fit(images, attributes)
    with pytest.raises(ValueError, match=r"chunk_size must be a number of rows, .*Got 0"):
        clf.iter_predict_table(images, chunk_size=0)
    with pytest.raises(ValueError, match="min_confidence must be a probability"):
        clf.iter_predict_table(images, min_confidence=2)
    with pytest.warns(UnknownCategoryWarning, match="24 rows have categories"):
        tables = clf.iter_predict_table(images.assign(category="boot"), chunk_size=10)
    assert len(joined(tables)) == 24
