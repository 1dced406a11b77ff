import io
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile
from scipy.sparse import csr_array

from attrlearn.checks import feature_matrix
from attrlearn.checks.inputs import (
    check_inputs,
    encode_categories,
    is_single,
    known_categories,
    warn_of_unknown,
)

PATHS = ["a.jpg", "b.jpg", "c.jpg"]
PIXELS = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def objects(*values):
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    "X",
    [
        PATHS,
        tuple(PATHS),
        iter(PATHS),
        np.array(PATHS),
        objects(*PATHS),
        np.array(PATHS).reshape(-1, 1),
        pd.Series(PATHS),
        pd.Series(PATHS, dtype="string"),
        pd.Series(PATHS, dtype="category"),
        pd.Index(PATHS),
        pd.DataFrame({"price": [1, 2, 3], "image": PATHS}),
    ],
    ids=lambda X: type(X).__name__,
)
def test_paths_come_in_any_collection(X):
    inputs = check_inputs(X)
    assert list(inputs.images) == PATHS
    assert list(inputs.index) == [0, 1, 2]
    assert inputs.features is None
    assert inputs.categories is None


def test_path_objects_stay_path_objects():
    assert check_inputs([Path("a.jpg")]).images == [Path("a.jpg")]


@pytest.mark.parametrize("kind", ["frame", "series"])
def test_row_labels_are_kept_even_if_they_repeat(kind):
    X = pd.DataFrame({"image": PATHS}, index=["x", "x", "y"])
    inputs = check_inputs(X if kind == "frame" else X["image"])
    assert list(inputs.index) == ["x", "x", "y"]


@pytest.mark.parametrize(
    "images",
    [
        [Image.fromarray(pixels) for pixels in PIXELS],
        [png(pixels) for pixels in PIXELS],
        [bytearray(png(pixels)) for pixels in PIXELS],
        [memoryview(png(pixels)) for pixels in PIXELS],
        [io.BytesIO(png(pixels)) for pixels in PIXELS],
        list(PIXELS),
        PIXELS,
        [pixels[:, :, 0] for pixels in PIXELS],
        np.concatenate([PIXELS, PIXELS[..., :1]], axis=3),
    ],
    ids=[
        "PIL",
        "bytes",
        "bytearrays",
        "memoryviews",
        "files",
        "arrays",
        "one array",
        "gray arrays",
        "with alpha",
    ],
)
def test_images_in_memory_are_taken_as_they_are(images):
    images = check_inputs(images).images
    assert len(images) == 2
    for taken, given_image in zip(images, images, strict=True):
        assert np.array_equal(np.asarray(taken), np.asarray(given_image))


def test_images_of_different_kinds_may_stand_in_one_list():
    assert len(check_inputs(["a.jpg", png(PIXELS[0]), PIXELS[0], Path("b.jpg")])) == 4


def test_checking_pil_images_does_not_decode_them(monkeypatch):
    images = [Image.open(io.BytesIO(png(pixels))) for pixels in PIXELS]

    def fail(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    assert check_inputs(images).images == images


SINGLES = ["a.jpg", Path("a.jpg"), png(PIXELS[0]), Image.fromarray(PIXELS[0]), *PIXELS[:1]]
SINGLES.append(PIXELS[0, :, :, 0])
SINGLES += [bytearray(b"GIF"), memoryview(b"GIF"), io.BytesIO(b"GIF")]


@pytest.mark.parametrize("image", SINGLES, ids=lambda image: type(image).__name__)
def test_a_single_image_must_be_wrapped(image):
    assert is_single(image)
    with pytest.raises(ValueError, match=r"Got a single one, of type .*\. Wrap it in a list\."):
        check_inputs(image)
    assert not is_single([image])
    assert len(check_inputs([image])) == 1


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_path_is_left_to_the_reader(missing):
    assert len(check_inputs(["a.jpg", missing])) == 2


@pytest.mark.parametrize(
    ("X", "got"),
    [
        (["a.jpg", 3], "int 3 at row 1"),
        (["a.jpg", ["b.jpg"]], r"list \['b.jpg'\] at row 1"),
        (np.zeros((2, 5)), "ndarray .* at row 0.*backbone=None"),
        (np.zeros((2, 4, 4, 3)), "ndarray .* at row 0"),
        ([PIXELS[0], PIXELS[0].astype(float)], "ndarray .* at row 1"),
    ],
)
def test_what_is_no_image_is_named_with_its_row(X, got):
    with pytest.raises(TypeError, match=f"(?s)X must hold paths.*Got {got}"):
        check_inputs(X)


def test_what_is_no_collection_is_an_error():
    with pytest.raises(TypeError, match=r"collection of images\. Got int"):
        check_inputs(3)


def test_channels_must_come_last():
    with pytest.raises(ValueError, match=r"Got shape \(2, 3, 4, 5\). Move the channels last"):
        check_inputs(PIXELS.transpose(0, 3, 1, 2))


def test_a_frame_needs_a_column_of_images():
    with pytest.raises(ValueError, match=r"column 'image'.*Got the columns \['path'\]. Rename"):
        check_inputs(pd.DataFrame({"path": PATHS}))


@pytest.mark.parametrize(
    ("X", "features"),
    [
        ([], False),
        (pd.DataFrame({"image": []}), False),
        (np.zeros((0, 8, 8, 3), np.uint8), False),
        (np.zeros((0, 3)), True),
    ],
)
def test_no_rows_are_an_error(X, features):
    with pytest.raises(ValueError, match=r"at least one row\. Got 0 rows"):
        check_inputs(X, features=features)


MATRIX = np.array([[0.5, 1], [2, 3]])


@pytest.mark.parametrize(
    "X",
    [
        MATRIX,
        MATRIX.tolist(),
        MATRIX.astype(np.float16),
        pd.DataFrame(MATRIX, columns=["u", "v"]),
        pd.DataFrame(MATRIX, columns=["u", "v"]).astype("Float64"),
        pd.DataFrame({"u": [0.5, 2], "category": ["x", "y"], "v": [1, 3]}),
    ],
)
def test_features_become_a_matrix_of_floats(X):
    inputs = check_inputs(X, features=True)
    assert inputs.images is None
    assert inputs.features.dtype.kind == "f"
    assert np.array_equal(inputs.features, MATRIX)
    assert inputs.feature_names == (["u", "v"] if isinstance(X, pd.DataFrame) else None)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("form", ["array", "read-only", "reversed", "frame", "with a category"])
def test_features_of_a_dtype_of_floats_are_not_copied(dtype, form):
    X = matrix = MATRIX.astype(dtype)
    if form == "read-only":
        matrix.flags.writeable = False
    elif form == "reversed":
        X = matrix[::-1, ::-1]
    elif "a" in form:
        X = pd.DataFrame(matrix, columns=["u", "v"], copy=False)
    if form == "with a category":
        X["category"] = ["x", "y"]
    found = check_inputs(X, features=True).features
    assert found.dtype == dtype
    assert np.shares_memory(found, matrix)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_features_checked_in_parts_have_the_same_first_bad_cell(monkeypatch, dtype, order):
    monkeypatch.setattr(feature_matrix, "CELLS_AT_ONCE", 7)
    X = np.zeros((9, 3), dtype, order)
    for row, column, value, got in [
        (8, 2, np.nan, "nan"),
        (6, 0, -np.inf, "-inf"),
        (5, 2, np.nan, "nan"),
        (4, 1, 1e300 if dtype == np.float64 else np.inf, r"1e\+300|inf"),
        (0, 2, np.nan, "nan"),
    ]:
        X[row, column] = value
        with pytest.raises(ValueError, match=rf"Got ({got}) at row {row}, column {column}\. "):
            check_inputs(X, features=True)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"u": [1.0], "image": ["a.jpg"]}), "in column 'image'.*Drop or encode"),
        (
            pd.DataFrame({"u": [1.0], "category__category": ["x"]}),
            "keeps the name 'category' with verbose_feature_names_out=False",
        ),
        (csr_array(np.eye(2)), "Got a sparse csr_array. Pass sparse_threshold=0 .* or sparse_out"),
        (pd.DataFrame({"u": [1.0, np.inf]}), "Got inf at row 1, column 'u'. Fill or drop it"),
        (pd.DataFrame({"u": [1, None]}, dtype="Int64"), "Got nan at row 1, column 'u'"),
        ([[1, 2], [3, np.nan]], "Got nan at row 1, column 1"),
        (["a.jpg", "b.jpg"], "(?s)'a.jpg'.*set a backbone"),
        ([["a", "b"]], "(?s)could not convert string.*DataFrame if it holds a category"),
        ([1.0, 2.0], "Reshape your data"),
        (pd.DataFrame({"category": ["x"]}), r"0 feature\(s\)"),
    ],
)
def test_what_is_no_finite_matrix_is_no_features(X, message):
    with pytest.raises(ValueError, match=message):
        check_inputs(X, features=True)


BEYOND = {
    "array": (np.array([[1.0], [1e300]]), r"1e\+300"),
    "list": ([[1.0], [-1e300]], r"-1e\+300"),
    "array of objects": (np.array([[1.0], [1e39]], dtype=object), r"1e\+39"),
    "long doubles": (np.array([[1.0], [1e300]], dtype=np.longdouble), r"1e\+300"),
    "int": ([[1], [10**39]], r"1.00e\+39"),
    "int beyond all floats": ([[1], [-(10**400)]], r"-1.00e\+400"),
    "int beyond what is printed": (np.array([[1], [10**5000]], dtype=object), r"1.00e\+5000"),
    "text": ([["1"], ["1e300"]], "1e300"),
    "frame": (pd.DataFrame([[1.0], [1e300]]), r"1e\+300"),
    "nullable frame": (pd.DataFrame([[None], [1e300]], dtype="Float64")[::-1], r"1e\+300"),
    "tensor": (torch.tensor([[1.0], [1e300]], dtype=torch.float64), r"1e\+300"),
}


@pytest.mark.parametrize(("X", "got"), BEYOND.values(), ids=BEYOND)
def test_a_number_beyond_float32_is_told_as_it_was_given(X, got):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=f"up to 3.4e.38. Got {got} at row [01], column 0. Sc"):
            check_inputs(X, features=True)


@pytest.mark.parametrize("X", [[[np.inf]], pd.DataFrame([[np.inf]]), np.array([[np.inf]], object)])
def test_what_is_infinite_as_given_is_told_as_that(X):
    with pytest.raises(ValueError, match=r"neither NaN nor inf\. Got inf at row 0"):
        check_inputs(X, features=True)


def test_complex_columns_are_no_features():
    with pytest.raises(ValueError, match="Got dtype complex128 in column 'u'"):
        check_inputs(pd.DataFrame({"u": [1j]}), features=True)


@pytest.mark.parametrize("make", [lambda tensor: tensor, list])
def test_tensors_are_read_as_arrays_without_a_warning(make):
    X, categories = torch.tensor(MATRIX), torch.tensor([3, 5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inputs = check_inputs(make(X), make(categories), features=True)
        assert np.array_equal(inputs.features, MATRIX)
        assert inputs.categories.tolist() == [3, 5]
        images = check_inputs(make(torch.tensor(PIXELS))).images
    assert all(map(np.array_equal, images, PIXELS))


def test_a_tensor_that_numpy_cannot_read_is_an_error_with_its_cure():
    X = torch.tensor(MATRIX, requires_grad=True)
    for given_tensor in (X, list(X)):
        with pytest.raises(TypeError, match=r"X must be readable .*requires grad.*\.detach\(\)"):
            check_inputs(given_tensor, features=True)
    with pytest.raises(TypeError, match="categories must be readable as an array of numpy"):
        check_inputs(["a.jpg", "b.jpg"], X[0])


@pytest.mark.parametrize(
    "categories",
    [
        ["skirt", None, "dress"],
        ["skirt", np.nan, "dress"],
        objects("skirt", pd.NA, "dress"),
        pd.Series(["skirt", None, "dress"], index=[7, 7, 1]),
        pd.Series(["skirt", None, "dress"], dtype="string"),
        pd.Categorical(["skirt", None, "dress"]),
    ],
)
def test_categories_are_the_same_as_argument_and_as_column_whatever_marks_a_gap(categories):
    as_argument = check_inputs(PATHS, categories).categories
    as_column = check_inputs(pd.DataFrame({"image": PATHS, "category": list(categories)}))
    for found in (as_argument, as_column.categories):
        assert found.dtype == object
        assert found.tolist() == ["skirt", None, "dress"]


def test_features_carry_categories_too():
    X = pd.DataFrame({"u": [1.0, 2.0], "category": ["skirt", None]})
    assert check_inputs(X, features=True).categories.tolist() == ["skirt", None]
    assert check_inputs([[1], [2]], ["skirt", None], features=True).categories[0] == "skirt"


def test_categories_are_not_given_twice():
    X = pd.DataFrame({"image": PATHS, "category": ["skirt"] * 3})
    with pytest.raises(ValueError, match=r"both a column 'category' in X and the argument"):
        check_inputs(X, categories=["skirt"] * 3)


@pytest.mark.parametrize(
    ("categories", "shape"),
    [
        (["skirt"], r"\(1,\)"),
        ("skirt", r"\(\)"),
        ([["skirt"], ["dress"], ["dress"]], r"\(3, 1\)"),
        (pd.DataFrame({"category": ["skirt"] * 3}), r"\(3, 1\)"),
    ],
)
def test_categories_are_one_per_row(categories, shape):
    with pytest.raises(ValueError, match=f"one entry per row of X. Got shape {shape} for 3 rows"):
        check_inputs(PATHS, categories)


CATEGORIES = st.lists(
    st.one_of(st.none(), st.sampled_from(["hat", "skirt", "1"]), st.integers(0, 3)), max_size=12
)


@given(CATEGORIES, CATEGORIES)
def test_a_code_leads_back_to_its_category_and_0_to_none_that_is_known(seen, asked):
    known = known_categories(objects(*seen))
    codes = encode_categories(objects(*asked), known, len(asked))
    for category, code in zip(asked, codes, strict=True):
        assert code == 0 if category not in set(seen) - {None} else known[code - 1] == category


@given(CATEGORIES, st.randoms(use_true_random=False))
def test_known_categories_do_not_depend_on_the_order_of_rows(categories, random):
    shuffled = list(categories)
    random.shuffle(shuffled)
    known = known_categories(objects(*categories)).tolist()
    assert known_categories(objects(*shuffled)).tolist() == known
    assert None not in known


def test_categories_of_several_types_are_sorted_by_type_first():
    categories = objects("hat", 10, None, "10", 9, "9")
    assert known_categories(categories).tolist() == [10, 9, "10", "9", "hat"]


def test_numeric_categories_with_gaps_are_found_without_gaps():
    known = known_categories(check_inputs(PATHS, [3, None, 5]).categories)
    assert encode_categories(check_inputs(PATHS, [5, 3, 4]).categories, known, 3).tolist() == [
        2,
        1,
        0,
    ]


def test_rows_without_categories_are_of_unknown_category():
    assert known_categories(None).tolist() == []
    assert encode_categories(None, objects("hat"), 3).tolist() == [0, 0, 0]


def test_unseen_categories_are_counted_in_one_warning():
    categories = objects("sock", "hat", None, "sock", "cape")
    with pytest.warns(
        UserWarning, match="3 rows .* did not learn.*{'sock': 2, 'cape': 1}. Known ar"
    ):
        warn_of_unknown(categories, objects("hat"), 5)


def test_of_many_unseen_categories_the_most_frequent_are_named():
    categories = objects(*range(100), 42)
    with pytest.warns(
        UserWarning, match=r"101 rows .*unknown: {42: 2(, \d: 1){4}}, \.\.\.\. Known"
    ):
        warn_of_unknown(categories, objects("hat"), 101)


@pytest.mark.parametrize("categories", [None, objects(None, None)])
def test_a_model_of_categories_warns_if_it_gets_none(categories):
    with pytest.warns(UserWarning, match="fitted with categories, and 2 rows have none"):
        warn_of_unknown(categories, objects("hat"), 2)


@pytest.mark.parametrize(
    ("categories", "known"), [(objects("hat", None), objects("hat")), (None, objects())]
)
def test_known_categories_and_gaps_between_them_give_no_warning(categories, known):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unknown(categories, known, 2)


@pytest.mark.parametrize(
    ("X", "categories", "error", "words"),
    [
        (np.zeros((5, 9, 9), np.uint8), None, ValueError, r"Pass list\(X\) if it holds gray ones"),
        ({"image": ["a.jpg"]}, None, TypeError, r"in order\. Got a dict\. Pass a list"),
        ({"a.jpg", "b.jpg"}, None, TypeError, r"in order\. Got a set\. Pass a list"),
        (
            pd.DataFrame([["a.jpg", "b.jpg"]], columns=["image", "image"]),
            None,
            ValueError,
            r"one column 'image'\. Got 2\. Rename",
        ),
        (
            pd.DataFrame([["a.jpg", "x", "y"]], columns=["image", "category", "category"]),
            None,
            ValueError,
            r"one column 'category'\. Got 2\. Rename",
        ),
        (["a.jpg", "b.jpg"], pd.Series(["x", ["y"]]), TypeError, r"Got \['y'\] at row 1"),
    ],
)
def test_what_cannot_be_matched_with_its_rows_is_an_error(X, categories, error, words):
    with pytest.raises(error, match=words):
        check_inputs(X, categories)
