import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.targets import (
    MISSING,
    applicable_attributes,
    check_attributes,
    check_table,
    encode_targets,
)

HOOD = Attributes(["hood"], [np.array([0, 1])], [True])


def objects(*rows):
    return np.array(rows, dtype=object)


def column(cells, dtype=None):
    return pd.DataFrame({"hood": pd.Series(cells, dtype=dtype)})


def read(y, categorical="from_dtype"):
    """Codes and attributes of y."""
    table, attributes = check_attributes(y, len(y), categorical)
    return encode_targets(table, attributes), attributes


BINARY = {
    "floats": np.array([[0.0], [1], [np.nan]]),
    "ints": np.array([[0], [1], [-1]]),
    "int8": np.array([[0], [1], [-1]], dtype=np.int8),
    "objects": objects([0], [1.0], [None]),
    "objects with NA": objects([False], [np.int64(1)], [pd.NA]),
    "objects with -1": objects([Decimal(0)], [np.True_], [-1]),
    "lists": [[0], [1], [None]],
    "list of tuples": [(0,), (True,), (np.nan,)],
    "float column": column([0, 1, np.nan]),
    "int column": column([0, 1, -1]),
    "Int64 column": column([0, 1, None], "Int64"),
    "UInt8 column": column([0, 1, None], "UInt8"),
    "Float64 column": column([0, 1, None], "Float64"),
    "Float64 column with -1": column([0, 1, -1], "Float64"),
    "boolean column": column([False, True, None], "boolean"),
    "object column": column([0, True, None], object),
    "arrow column": column([0, 1, None], "int8[pyarrow]"),
}


@pytest.mark.parametrize("y", BINARY.values(), ids=BINARY)
def test_numbers_are_binary_whatever_holds_them_and_marks_a_gap(y):
    codes, attributes = read(y)
    assert codes.tolist() == [[0], [1], [MISSING]]
    assert codes.dtype == np.int64
    assert attributes.is_binary == [True]
    assert attributes.classes[0].tolist() == [0, 1]
    assert attributes.names == (["hood"] if isinstance(y, pd.DataFrame) else ["Attr1"])


@pytest.mark.parametrize(
    "y", [np.array([[False], [True]]), column([False, True]), [[False], [True]]]
)
def test_booleans_are_binary(y):
    codes, attributes = read(y)
    assert codes.tolist() == [[0], [1]]
    assert attributes.is_binary == [True]


TEXT = {
    "objects": objects(["long"], [None], ["bare"]),
    "objects with NaN": objects(["long"], [np.nan], ["bare"]),
    "lists": [["long"], [pd.NA], ["bare"]],
    "column": column(["long", None, "bare"]),
    "object column": column(["long", np.nan, "bare"], object),
    "string column": column(["long", None, "bare"], "string"),
    "category column": column(["long", None, "bare"], "category"),
}


@pytest.mark.parametrize("y", TEXT.values(), ids=TEXT)
def test_text_is_categorical_with_the_observed_classes_sorted(y):
    codes, attributes = read(y)
    assert codes.tolist() == [[1], [MISSING], [0]]
    assert attributes.is_binary == [False]
    assert attributes.classes[0].tolist() == ["bare", "long"]
    assert {type(value) for value in attributes.classes[0]} == {str}


def test_an_array_of_fixed_width_text_is_categorical():
    assert read(np.array([["long"], ["bare"]]))[0].tolist() == [[1], [0]]


@pytest.mark.parametrize(
    "categories", [["short", "long", "bare"], [3, 1, 2], [1.5, 0.5, 2.5], [True, False]]
)
def test_a_category_dtype_keeps_its_classes_in_its_order_observed_or_not(categories):
    cells = pd.Categorical([categories[1], None], categories=categories)
    codes, attributes = read(pd.DataFrame({"sleeve": cells}))
    assert attributes.classes[0].tolist() == categories
    assert attributes.is_binary == [False]
    assert codes.tolist() == [[1], [MISSING]]


DATES = pd.to_datetime(["2020-01-02", "2019-05-06"])
CATEGORIES = {
    "dates in ns": DATES.as_unit("ns"),
    "dates in s": DATES.as_unit("s"),
    "dates of a zone": DATES.as_unit("ns").tz_localize("Europe/Paris"),
    "days": pd.Index(DATES.date),
    "spans in ns": (DATES - DATES[1]).as_unit("ns"),
    "spans in us": (DATES - DATES[1]).as_unit("us"),
    "periods": pd.period_range("2020", periods=2, freq="M"),
    "intervals": pd.interval_range(0, 2),
    "intervals of dates": pd.interval_range(DATES[1], periods=2),
    "bools": pd.Index([True, False]),
    "boolean": pd.Index([True, False], dtype="boolean"),
    "ints": pd.Index([7, 3]),
    "int8": pd.Index([7, 3], dtype="int8"),
    "Int64": pd.Index([7, 3], dtype="Int64"),
    "floats": pd.Index([2.5, 0.5]),
    "0 and 1": pd.Index([1.0, 0.0]),
    "several types": pd.Index([1, "a"], dtype=object),
    "string": pd.Index(["b", "a"], dtype="string"),
}


@pytest.mark.parametrize("categories", CATEGORIES.values(), ids=CATEGORIES)
def test_cells_of_a_category_dtype_are_kept_whatever_its_values(categories):
    y = pd.DataFrame({"season": pd.Categorical.from_codes([1, -1, 0], categories)})
    codes, attributes = read(y)
    assert codes[:, 0].tolist() == [1, MISSING, 0]
    assert attributes.classes[0].tolist() == categories.tolist()
    predicted = attributes.most_probable(np.eye(2))[:, 0]
    assert predicted.tolist() == categories.tolist()
    table = attributes.check_known(check_table(y, 3, ["season"]))  # as `score` reads it
    assert encode_targets(table, attributes).tolist() == codes.tolist()


def test_true_and_false_as_numbers_are_the_classes_of_a_category_dtype_of_bools():
    _, attributes = read(pd.DataFrame({"hood": pd.Categorical([True, False])}))
    table = attributes.check_known(check_table(pd.DataFrame({"hood": [1.0, 0.0, None]}), 3))
    assert encode_targets(table, attributes)[:, 0].tolist() == [1, 0, MISSING]


def test_columns_of_a_mixed_table_are_read_one_by_one():
    y = pd.DataFrame(
        {
            "hood": [1, -1, 0],
            "sleeve": ["long", None, "bare"],
            "zip": pd.array([True, None, False], dtype="boolean"),
            "size": pd.Categorical(["S", "M", None], categories=["S", "M", "L"]),
            "neck": [3, 7, -1],
        }
    )
    codes, attributes = read(y, ["neck"])
    assert attributes.is_binary == [True, False, True, False, False]
    assert attributes.n_classes == [2, 2, 2, 3, 2]
    assert attributes.starts.tolist() == [0, 2, 4, 6, 9]
    assert codes.tolist() == [[1, 1, 1, 0, 0], [-1, -1, -1, 1, 1], [0, 0, 0, -1, -1]]
    as_objects, same = read(y.astype(object), ["neck"])
    assert as_objects[:, :3].tolist() == codes[:, :3].tolist()
    assert same.is_binary == attributes.is_binary


@pytest.mark.parametrize("categorical", [["neck"], [1], np.array(["neck"]), (np.int64(1),), "neck"])
@pytest.mark.parametrize("dtype", [int, float, "Int64", object])
def test_numeric_codes_are_declared_categorical_by_name_or_position(categorical, dtype):
    y = pd.DataFrame({"hood": [0, 1, 0, 1], "neck": pd.Series([7, 3, -1, 12], dtype=dtype)})
    codes, attributes = read(y, categorical)
    assert attributes.is_binary == [True, False]
    assert attributes.classes[1].tolist() == [3, 7, 12]
    assert attributes.classes[1].dtype == np.int64
    assert codes[:, 1].tolist() == [1, 0, MISSING, 2]


def test_codes_that_are_no_integers_stay_as_they_are():
    assert read([[0.5], [2.0], [None]], [0])[1].classes[0].tolist() == [0.5, 2.0]


def test_a_declared_column_of_0_and_1_is_categorical():
    assert read([[0], [1]], [0])[1].is_binary == [False]


def test_where_names_are_integers_a_name_goes_before_a_position():
    y = pd.DataFrame({1: [5, 6], 0: [0, 1]})
    assert read(y, [1])[1].is_binary == [False, True]


@pytest.mark.parametrize("item", ["neck", 2, -1, True, None, 0.5])
def test_what_is_declared_must_be_there(item):
    y = pd.DataFrame({"hood": [0], "zip": [1]})
    with pytest.raises(ValueError, match=rf"Got {item!r}. The attributes are \['hood', 'zip'\]"):
        check_attributes(y, 1, [item])


CELLS = {
    "number": st.sampled_from([0, 1, None]),
    "code": st.sampled_from([3, 5, 11, None]),
    "text": st.sampled_from(["long", "bare", "None", "ärmellos", None]),
}
COLUMNS = st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4)


@st.composite
def tables(draw):
    """A table with a class in every column, and the names of its columns of codes."""
    kinds = draw(COLUMNS)
    n_rows = draw(st.integers(1, 8))
    cells = {}
    for a, kind in enumerate(kinds):
        values = draw(st.lists(CELLS[kind], min_size=n_rows, max_size=n_rows))
        first = {"number": 1, "code": 5, "text": "bare"}[kind]
        dtype = object if kind == "text" or draw(st.booleans()) else float
        cells[f"{kind}{a}"] = pd.Series([first, *values], dtype=dtype)
    return pd.DataFrame(cells), [name for name in cells if name.startswith("code")]


def decode(codes, attributes):
    return [
        [None if code == MISSING else classes[code] for code in codes[:, a]]
        for a, classes in enumerate(attributes.classes)
    ]


@given(tables())
def test_decoding_the_codes_gives_the_cells_back(drawn):
    y, coded = drawn
    codes, attributes = read(y, coded)
    cells = [[None if pd.isna(cell) else cell for cell in y[name]] for name in y]
    assert decode(codes, attributes) == cells


@given(tables())
def test_the_most_probable_class_of_a_certain_prediction_is_the_cell(drawn):
    y, coded = drawn
    codes, attributes = read(y, coded)
    certain = [
        np.eye(k)[codes[:, a].clip(0)] for a, k in enumerate(attributes.n_classes)
    ]  # a gap as class 0
    columns = np.hstack(certain)
    assert all(map(np.array_equal, attributes.split(columns), certain))
    predicted = attributes.most_probable(columns)
    assert predicted.T.tolist() == decode(codes.clip(0), attributes)
    assert predicted.dtype == (np.int64 if all(attributes.is_binary) else object)


@given(tables(), st.data())
def test_rows_are_read_by_position_whatever_their_labels(drawn, data):
    y, coded = drawn
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(y), max_size=len(y)))
    codes, _ = read(y, coded)
    assert read(y.set_axis(labels), coded)[0].tolist() == codes.tolist()
    order = data.draw(st.permutations(range(len(y))))
    assert read(y.iloc[order], coded)[0].tolist() == codes[order].tolist()


@given(tables())
def test_reading_leaves_the_table_as_it_was(drawn):
    y, coded = drawn
    before = y.copy(deep=True)
    check_attributes(y, len(y), coded)
    pd.testing.assert_frame_equal(y, before)


def test_reading_leaves_an_array_as_it_was():
    y = np.array([[0.0, -1], [np.nan, 1]])
    table, _ = check_attributes(y, 2)
    table.iloc[0, 0] = 7
    assert np.array_equal(y, [[0, -1], [np.nan, 1]], equal_nan=True)


def test_an_attribute_without_any_cell_is_binary():
    assert read([[None, 1], [None, 0]])[1].is_binary == [True, True]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (pd.Series([0, 1]), r"y must be 2-D.*Got a Series of 2 rows. Pass y.to_frame\(\)"),
        (np.array([0, 1]), r"Got 1-D, shape \(2,\)..*reshape\(-1, 1\)"),
        ([0, 1], r"Got 1-D, shape \(2,\)"),
        ([[0, 1], [0]], r"Got 1-D.*Make its rows equally long"),
        (np.zeros((2, 1, 1)), r"Got 3-D"),
        (np.zeros((2, 0)), "at least one attribute. Got 0 columns"),
        (pd.DataFrame([[0, 1]] * 2, columns=["a", "a"]), "unique attribute names. Got 'a' twice"),
        (np.zeros((3, 1)), "one row per image. Got 3 rows for 2 images"),
    ],
)
def test_y_must_have_a_column_per_attribute_and_a_row_per_image(y, message):
    with pytest.raises(ValueError, match=message):
        check_attributes(y, 2)


@pytest.mark.parametrize("dtype", [int, float, "Int64", "float32", object])
def test_another_number_in_a_binary_attribute_is_named_with_its_place(dtype):
    y = pd.DataFrame({"zip": 0, "hood": pd.Series([-1] * 17 + [2, 3], dtype=dtype)})
    cure = r"For numeric class codes pass categorical_attributes=\['hood'\]"
    with pytest.raises(ValueError, match=rf"Got 2.0 at row 17, attribute 'hood'\. {cure}"):
        check_attributes(y, 19)


@pytest.mark.parametrize("value", [0.5, np.inf, -2])
def test_only_0_and_1_are_binary(value):
    with pytest.raises(ValueError, match=f"Got {float(value)} at row 1, attribute 'Attr1'"):
        check_attributes([[1], [value]], 2)


@pytest.mark.parametrize(
    ("cells", "got"),
    [
        (["long", None, 1], "1 beside text at row 2"),
        ([None, 0, "long", 1.5], "0 beside text at row 1"),
        (["long", b"bare"], "b'bare' beside text at row 1"),
        ([None, b"bare"], "b'bare' at row 1"),
        ([1, None, [0, 1]], r"\[0, 1\] at row 2"),
        ([1, pd.Timestamp("2020-01-01")], r"Timestamp\('2020-01-01 00:00:00'\) at row 1"),
    ],
)
def test_cells_of_different_kinds_in_one_attribute_are_an_error(cells, got):
    y = pd.DataFrame({"hood": pd.Series(cells, index=[5] * len(cells), dtype=object)})
    with pytest.raises(ValueError, match=f"either text or numbers.*Got {got}, attribute 'hood'"):
        check_attributes(y, len(cells))


@pytest.mark.parametrize(
    "cells", [pd.to_datetime(["2020-01-01"]), pd.to_timedelta(["1h"]), np.array([1j])]
)
def test_a_column_of_another_dtype_is_no_attribute(cells):
    got = re.escape(f"Got dtype {cells.dtype} in attribute 'hood'. Leave the column out")
    with pytest.raises(ValueError, match=got):
        check_attributes(pd.DataFrame({"hood": cells}), 1)


@pytest.mark.parametrize("y", [column([None, None], "string"), column([np.nan, -1])])
def test_a_categorical_attribute_needs_a_class(y):
    with pytest.raises(ValueError, match=r"Got only missing cells in attribute 'hood'\. Give"):
        check_attributes(y, 2, ["hood"])


def test_a_table_of_a_fitted_model_is_put_in_the_order_of_its_attributes():
    y = pd.DataFrame({"zip": [0, -1], "hood": [1, 0]})
    table = check_table(y, 2, ["hood", "zip"])
    pd.testing.assert_frame_equal(table, pd.DataFrame({"hood": [1.0, 0], "zip": [0, np.nan]}))
    by_position = check_table(y[["hood", "zip"]].to_numpy(), 2, ["hood", "zip"])
    pd.testing.assert_frame_equal(table, by_position, check_column_type=False)


@pytest.mark.parametrize(
    ("y", "got"),
    [
        (pd.DataFrame({"hood": [1], "cuff": [0]}), r"\['hood', 'cuff'\]"),
        (pd.DataFrame({"hood": [1]}), r"\['hood'\]"),
        ([[1]], "1 columns"),
    ],
)
def test_a_table_of_a_fitted_model_must_have_its_attributes(y, got):
    with pytest.raises(
        ValueError, match=rf"attributes of fit\. Got {got}\. Pass those of fit, \['hood', 'zip'\]"
    ):
        check_table(y, 1, ["hood", "zip"])


@pytest.mark.parametrize(("n_rows", "applies"), [(19, True), (20, False)])
def test_twenty_rows_without_a_label_rule_an_attribute_out(n_rows, applies):
    codes = np.full((n_rows, 1), MISSING)
    assert applicable_attributes(codes, np.ones(n_rows, int), 1).tolist() == [[applies]]


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_of_whatever_class_makes_an_attribute_apply(label):
    codes = np.full((50, 2), MISSING)
    codes[31, 1] = label
    assert applicable_attributes(codes, np.ones(50, int), 1).tolist() == [[False, True]]


def test_categories_are_judged_by_their_own_rows():
    codes = np.full((60, 1), MISSING)
    codes[:20] = 1
    # 20 labelled of category 1, 20 unlabelled each of category 2 and of no known one; 3 has none.
    categories = np.repeat([1, 2, 0], 20)
    assert applicable_attributes(codes, categories, 3).tolist() == [[True], [False], [True]]


def test_text_of_pyarrow_is_text():
    y = pd.DataFrame({"neck": ["v", None, "o"]}).convert_dtypes(dtype_backend="pyarrow")
    codes, attributes = read(y)
    assert attributes.classes[0].tolist() == ["o", "v"]
    assert codes[:, 0].tolist() == [1, MISSING, 0]


def test_names_that_predictions_would_use_twice_are_an_error():
    with pytest.raises(ValueError, match="both 'hood' and 'hood_proba'"):
        check_attributes(pd.DataFrame({"hood": [1], "hood_proba": [0]}), 1)


TENSOR = torch.tensor([[0.0, 1], [torch.nan, 0], [-1, 1]])


@pytest.mark.parametrize("y", [TENSOR, TENSOR.double(), list(TENSOR), tuple(TENSOR)])
def test_tensors_are_read_as_arrays_without_a_warning(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codes, attributes = read(y)
    assert codes.tolist() == [[0, 1], [MISSING, 0], [MISSING, 1]]
    assert attributes.is_binary == [True, True]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.uint8, torch.bool])
def test_tensors_of_every_type_of_labels_are_binary(dtype):
    assert read(torch.eye(2, dtype=dtype))[0].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (torch.eye(2, requires_grad=True), "requires grad"),
        (list(torch.eye(2, requires_grad=True)), "requires grad"),
        (torch.eye(2).bfloat16(), "BFloat16"),
        (torch.eye(2, device="meta"), "meta"),
    ],
)
def test_a_tensor_that_numpy_cannot_read_is_an_error_with_its_cure(y, reason):
    with pytest.raises(TypeError, match=rf"y must be readable .*Tensor .*{reason}.*\.detach\(\)"):
        check_table(y, 2)


@pytest.mark.parametrize("dtype", [object, "str", "string", "string[pyarrow]"])
@pytest.mark.parametrize("read_y", [check_table, check_attributes])
def test_a_text_that_means_missing_is_an_error_that_counts_its_cells(read_y, dtype):
    cells = pd.Series(["long", None, "NA", "bare", " ", "NA"], dtype=dtype)
    y = pd.DataFrame({"zip": 1, "sleeve": cells, "neck": ["?", "v", "o", "v", "v", "v"]})
    place = r"Got 'NA' at row 2, attribute 'sleeve' \(and 3 more such cells\)"
    cure = re.escape("Pass y.replace({'NA': None, ' ': None, '?': None}), or, where that is a")
    with pytest.raises(ValueError, match=rf"no text that says so\. {place}\. {cure}"):
        read_y(y, 6)
    cured = y.replace({"NA": None, " ": None, "?": None})
    assert read_y(cured, 6) is not None


@pytest.mark.parametrize("y", [np.array([["long"], [np.nan]]), [["long"], ["null"]]])
def test_an_array_of_text_may_hold_none_that_means_missing_either(y):
    with pytest.raises(ValueError, match=r"at row 1, attribute 'Attr1'\. Pass y\.replace"):
        check_table(y, 2)


@pytest.mark.parametrize("dtype", [["NA", "?", "v"], None])
def test_a_category_dtype_may_hold_a_class_of_such_a_text(dtype):
    y = pd.DataFrame({"neck": pd.Categorical(["?", "NA", None], categories=dtype)})
    codes, attributes = read(y)
    assert {"NA", "?"} <= {*attributes.classes[0]}
    assert (codes[:, 0] == MISSING).tolist() == [False, False, True]


@pytest.mark.parametrize(
    "y",
    [
        np.array([[1], [2**60 + 1]]),
        objects([1], [2**60 + 1]),
        objects([None], [10**400]),
        column([1, 2**60 + 1], "Int64"),
        column([1, 2**60 + 1], np.uint64),
    ],
    ids=["ints", "objects", "beyond all floats", "Int64 column", "uint64 column"],
)
def test_codes_that_floats_do_not_tell_apart_are_an_error(y):
    with pytest.raises(ValueError, match=r"below 2\*\*53 in size\. Got 1\d+ at row 1, .*as text"):
        read(y, categorical=[0])


def test_the_largest_codes_keep_their_value():
    _, attributes = read(np.array([[2**53 - 1], [2**53 - 2]]), categorical=[0])
    assert attributes.classes[0].tolist() == [2**53 - 2, 2**53 - 1]


def test_a_sparse_table_is_an_error_with_its_cure():
    with pytest.raises(ValueError, match=r"y must be dense\. Got a sparse .*Pass y\.toarray\(\)"):
        check_table(csr_array(np.eye(3)), 3)
