"""Labels as they come: gaps, texts, dates, tensors, and attributes that nothing labels."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from attrlearn.metrics import SCORERS, accuracy_score


def test_attribute_without_a_label_is_named_and_learns_nothing(tabular, features, binary):
    y = binary.copy()
    y[:, 1] = np.nan
    with pytest.warns(UserWarning, match=r"in 1 attributes: \['Attr2'\]\. They teach nothing"):
        clf = tabular.fit(features, y)
    assert clf.class_weight_["Attr2"] == {0: 1.0, 1: 1.0}
    assert clf.predict(features).shape == (80, 3)


def test_table_without_any_label_still_fits(tabular, features):
    with pytest.warns(UserWarning, match="3 attributes"):
        clf = tabular.fit(features, np.full((80, 3), np.nan))
    assert (clf.loss_curve_ == 0).all()


def test_texts_that_mark_a_gap_are_an_error_in_fit_and_score_and_metrics(tabular, features):
    neck = np.array(["v", "o"] * 40, dtype=object)[:, None]
    clf = tabular.fit(features, neck)
    predicted = clf.predict(features)
    neck[7] = "n/a"
    validation = {"X_val": features, "y_val": neck}
    for call in (
        lambda: clf.fit(features, neck),
        lambda: clf.score(features, neck),
        lambda: SCORERS["balanced_accuracy"](clf, features, neck),
        lambda: accuracy_score(neck, predicted),
        lambda: clone(clf).set_params(early_stopping=True).fit(features, predicted, **validation),
    ):
        with pytest.raises(
            ValueError, match=r"Got 'n/a' at row 7, attribute 'Attr1'\. Pass y.repl"
        ):
            call()


def test_text_that_is_not_meant_as_classes_is_warned_about_in_fit_alone(tabular, features):
    y = pd.DataFrame({"hood": ["0", "1"] * 40, "sku": [f"{i:03}" for i in range(80)]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tabular.fit(features, y, np.array(["shirt", "nan"] * 40))
    assert [str(warning.message)[:24] for warning in caught] == [
        "['sku'] look like free t",
        "['hood'] hold 0 and 1 as",
        "['nan'] are learnt as ca",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    categories = np.array(["shirt", "nan"] * 40)
    tabular.score(features, y, categories)
    accuracy_score(y, tabular.predict(features, categories))
    tabular.set_params(categorical_attributes=["hood", "sku"]).fit(features, y)


def test_dates_are_classes_of_a_category_dtype(tabular, features):
    dates = pd.to_datetime(["2020-01-02", "2021-03-04"]).as_unit("ns")
    codes = (features[:, 0] > 0).astype(int)
    y = pd.DataFrame({"season": pd.Categorical.from_codes(codes, dates)})
    clf = tabular.set_params(max_epochs=60, learning_rate=0.03).fit(features, y)
    assert clf.score(features, y) > 0.9
    assert SCORERS["accuracy"](clf, features, y) > 0.9
    assert {*clf.predict_table(features)["season"]} == {*dates}


def test_tensors_teach_what_arrays_teach(tabular, features, binary):
    y, categories = np.nan_to_num(binary), np.arange(80) % 2
    options = {"early_stopping": True, "scoring": "accuracy"}
    expected = (
        clone(tabular)
        .set_params(**options)
        .fit(features, y, categories, sample_weight=categories + 1)
    )
    X, y, categories = map(torch.tensor, (features, y, categories))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = tabular.set_params(**options).fit(X, y, categories, sample_weight=categories + 1)
        scores = [model.score(X, y, categories) for model in (clf, expected)]
    np.testing.assert_array_equal(clf.loss_curve_, expected.loss_curve_)
    assert scores[0] == scores[1]
