import warnings

import numpy as np
import pandas as pd
import pytest

from attrlearn.checks.text_columns import (
    NA_VALUES,
    check_missing_marks,
    is_free_text,
    warn_of_marks,
    warn_of_text,
)


def told(table, categorical="from_dtype"):
    """What `warn_of_text` says of a table."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_text(table, categorical)
    return [str(warning.message) for warning in caught]


MARKS = [*NA_VALUES, "", " ", "?", "Nan", "Null", "na", " NA ", "<NA>", "NaT", "#NA"]


@pytest.mark.parametrize("mark", MARKS)
def test_every_text_that_read_labels_takes_as_missing_is_an_error(mark):
    table = pd.DataFrame({"neck": ["v", "o", mark]})
    with pytest.raises(ValueError, match=r"at row 2, attribute 'neck'\. Pass y.replace") as error:
        check_missing_marks(table)
    assert repr(mark) in str(error.value)
    check_missing_marks(table.astype("category"))


@pytest.mark.parametrize("text", ["None", "none", "nano", "-", "no", "x", "a?"])
def test_a_text_that_may_be_a_class_is_one(text):
    check_missing_marks(pd.DataFrame({"neck": ["v", text, None], "zip": [1.0, 0.0, np.nan]}))


@pytest.mark.parametrize(
    ("texts", "cure"),
    [
        (["0", "1", None], "astype(float)"),
        (["1", "1"], "astype(float)"),
        (["0.0", " 1.0 ", None], "astype(float)"),
        (["1", "0", "-1"], "astype(float)"),
        (["True", "False", None], "map({'True': 1, 'False': 0})"),
        (["TRUE", "false", "0"], "map({'TRUE': 1, 'false': 0, '0': 0})"),
    ],
)
@pytest.mark.parametrize("dtype", [object, "string"])
def test_numbers_written_as_text_are_named_with_their_cure(texts, cure, dtype):
    y = pd.DataFrame({"zip": 1.0, "hood": pd.Series(texts, dtype=dtype)})
    [text] = told(y)
    assert text.startswith("['hood'] hold 0 and 1 as text, and are learnt as categorical attribute")
    assert f"y[name].{cure} to make it binary" in text
    cured = eval(f"column.{cure}", {"column": y["hood"]})
    assert set(cured.dropna()) <= {0, 1, -1}
    assert told(y, ["hood"]) == told(y, [1]) == told(y, np.array(["hood"])) == []
    assert told(y.astype({"hood": "category"})) == []


def test_all_such_attributes_are_named_in_one_warning():
    [text] = told(pd.DataFrame({"hood": ["0", "1"], "neck": ["v", "o"], "zip": ["1", None]}))
    assert text.startswith("['hood', 'zip'] hold 0 and 1")


@pytest.mark.parametrize("texts", [["0", "2"], ["long", "0"], ["yes", "no"], ["10", "1"]])
def test_other_text_is_no_number_0_or_1(texts):
    assert told(pd.DataFrame({"hood": texts})) == []


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_text_with_about_a_class_per_labelled_row_is_warned_about(dtype):
    title = pd.Series([*(f"title {i}" for i in range(30)), *[None] * 100], dtype=dtype)
    y = pd.DataFrame({"title": title, "hood": 1.0})
    [text] = told(y)
    assert text.startswith("['title'] look like free text")
    assert told(y, ["title"]) == []


def test_a_category_dtype_is_judged_by_the_classes_that_occur():
    many = [f"size {i}" for i in range(100)]
    assert told(pd.DataFrame({"size": pd.Categorical(many[:5] * 10, categories=many)})) == []


@pytest.mark.parametrize(("n_classes", "n_labelled"), [(20, 20), (21, 42), (50, 100)])
def test_as_many_classes_as_half_the_labelled_rows_are_no_free_text(n_classes, n_labelled):
    assert not is_free_text(n_classes, n_labelled)
    assert is_free_text(max(n_classes, 20) + 1, n_labelled)


def test_a_category_that_says_missing_is_warned_about():
    with pytest.warns(UserWarning, match=r"\['nan', 'NA'\] are learnt as categories of their own"):
        warn_of_marks(np.array(["nan", "NA", "shirt", 3], dtype=object))


def test_other_categories_are_not_warned_about():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_marks(np.array(["shirt", "None", 0], dtype=object))
