"""Probabilities, classes and tables of predictions."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.exceptions import NotFittedError


def test_probabilities_do_not_depend_on_row_order_or_batch_size(small, images, attributes):
    clf = small.fit(images, attributes)
    reference = np.hstack(clf.predict_proba(images))
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = np.hstack(clf.predict_proba(images.iloc[order]))
    np.testing.assert_allclose(shuffled, reference[order], atol=1e-5)
    for batch_size in (1, 5, 64):
        clf.set_params(batch_size=batch_size)
        np.testing.assert_allclose(np.hstack(clf.predict_proba(images)), reference, atol=1e-5)


def test_all_binary_gives_one_array(tabular, features, binary):
    clf = tabular.fit(features, binary)
    p = clf.predict_proba(features)
    assert p.shape == (80, 3)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert clf.attribute_names_ == ["Attr1", "Attr2", "Attr3"]
    predicted = clf.predict(features)
    assert predicted.dtype.kind == "i"
    assert (predicted == (p > 0.5)).all()


def test_a_categorical_attribute_gives_a_list(small, images, attributes):
    clf = small.fit(images, attributes)
    p = clf.predict_proba(images)
    assert [array.shape for array in p] == [(24, 2), (24, 2), (24, 3)]
    for array in p:
        np.testing.assert_allclose(array.sum(axis=1), 1, atol=1e-5)
    assert [list(classes) for classes in clf.classes_] == [
        [0, 1],
        [0, 1],
        ["long", "midi", "short"],
    ]
    predicted = clf.predict(images)
    assert predicted.dtype == object
    assert (predicted[:, 2] == clf.classes_[2][p[2].argmax(axis=1)]).all()


def test_table_holds_the_prediction_and_its_probability(small, images, attributes):
    X = images.set_index(pd.Index([f"id{i}" for i in range(24)]))
    clf = small.fit(X, attributes)
    table = clf.predict_table(X)
    assert list(table) == ["hood", "hood_proba", "zip", "zip_proba", "length", "length_proba"]
    assert list(table.index) == list(X.index)
    for a, name in enumerate(clf.attribute_names_):
        assert (table[name] == clf.predict(X)[:, a]).all()
        p = clf.predict_proba(X)[a]
        expected = p.max(axis=1) if name == "length" else p[:, 1]
        np.testing.assert_allclose(table[f"{name}_proba"], expected)
    assert (table["hood"] == 0).any()  # of which the probability of 1 says something


def test_attribute_a_category_never_has_is_na_in_the_table(tabular, features, binary):
    categories = np.array(["shirt", "shoe"] * 40)
    y = pd.DataFrame(binary, columns=["striped", "sleeve", "hood"], copy=True)
    y.loc[categories == "shoe", "sleeve"] = np.nan
    clf = tabular.fit(features, y, categories)
    assert clf.applicable_.loc["shoe"].tolist() == [True, False, True]
    assert clf.applicable_.loc["shirt"].all()
    table = clf.predict_table(features, categories)
    assert table["sleeve"].isna().tolist() == (categories == "shoe").tolist()
    assert table["sleeve_proba"].isna().tolist() == (categories == "shoe").tolist()
    assert table[["striped", "hood"]].notna().all(axis=None)


def test_one_image_is_an_error_but_in_the_table(small, images, attributes):
    clf = small.fit(images["image"], attributes)
    path = images["image"][0]
    with pytest.raises(ValueError, match=r"Got a single one, of type str\. Wrap it in a list"):
        clf.predict(path)
    pd.testing.assert_frame_equal(clf.predict_table(path), clf.predict_table([path]))
    buffer = BytesIO()
    Image.open(path).save(buffer, "PNG")
    pd.testing.assert_frame_equal(clf.predict_table(buffer.getvalue()), clf.predict_table([path]))


@pytest.mark.parametrize("n", [1, 2])
def test_one_image_and_one_attribute_keep_their_axes(small, images, n):
    y = np.array([[1.0], [0.0]])[:n]
    clf = small.set_params(trainable="head")
    if n == 1:
        with pytest.warns(UserWarning, match=r"Fewer than two classes .*\['Attr1'\]"):
            clf.fit(images["image"][:n], y)
    else:
        clf.fit(images["image"][:n], y)
    assert clf.predict_proba(images["image"][:1]).shape == (1, 1)
    assert clf.predict(images["image"][:1]).shape == (1, 1)
    assert len(clf.categories_) == 0


def test_unfitted_is_said(tabular, features):
    with pytest.raises(NotFittedError):
        tabular.predict(features)


def test_other_number_of_features_is_an_error(tabular, features, binary):
    clf = tabular.fit(features, binary)
    with pytest.raises(ValueError, match=r"X has 11 features, but .* is expecting 12"):
        clf.predict(features[:, 1:])


def test_features_in_another_order_are_an_error(tabular, features, binary):
    X = pd.DataFrame(features, columns=[f"f{i}" for i in range(12)])
    clf = tabular.fit(X, binary)
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        clf.predict(X[X.columns[::-1]])
