import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrlearn import read_labels


@pytest.fixture
def write(tmp_path):
    """Writes a labels file beside images named by the first field of its lines."""

    def write(content, name="labels.csv", images="abcd"):
        for image in images:
            (tmp_path / f"{image}.jpg").touch()
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_a_headerless_list_becomes_two_frames(write, tmp_path):
    X, y = read_labels(write("a.jpg 1 NA 0.0 -1\nb.jpg nan 1.0 1 1\n", "labels.txt"))
    images = [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    pd.testing.assert_frame_equal(X, pd.DataFrame({"image": images}))
    expected = {"Attr1": [1, np.nan], "Attr2": [np.nan, 1], "Attr3": [0, 1], "Attr4": [np.nan, 1]}
    pd.testing.assert_frame_equal(y, pd.DataFrame(expected, dtype=float))


def test_a_table_becomes_categories_binary_and_categorical_attributes(write):
    path = write(
        "image,kind,hood,sleeve,neck\n"
        "a.jpg,tee,TRUE,short,10\nb.jpg,N/A,false,#N/A,9\nc.jpg,polo,,long,NA\n"
    )
    X, y = read_labels(path, category_column="kind", categorical=["neck"])
    assert X["category"].isna().tolist() == [False, True, False]
    assert X["category"].dropna().tolist() == ["tee", "polo"]
    np.testing.assert_array_equal(y["hood"], [1, 0, np.nan])
    assert y["sleeve"].cat.categories.tolist() == ["long", "short"]
    assert y["sleeve"].isna().tolist() == [False, True, False]
    assert y["neck"].cat.categories.tolist() == ["9", "10"]
    assert isinstance(y.index, pd.RangeIndex)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.lists(st.sampled_from(["0", "1", "NA", "", "-1"]), min_size=3, max_size=3), min_size=1
    )
)
def test_cells_agree_with_pandas(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    rows = [["image", "x", "y", "z"], *([f"{i}.jpg", *row] for i, row in enumerate(cells))]
    path.write_text("\n".join(map(",".join, rows)))
    _, y = read_labels(path, on_missing_image="keep")
    expected = pd.read_csv(path, usecols=["x", "y", "z"], dtype=float, na_values="-1")
    pd.testing.assert_frame_equal(y, expected)


def test_columns_are_chosen_and_ordered_by_name(write, tmp_path):
    path = write("title,file,hood,belt\nA long title,a,1,0\n")
    X, y = read_labels(path, image_column="file", attribute_columns=["belt", "hood"])
    assert X["image"].tolist() == [str(tmp_path / "a.jpg")]
    assert y.columns.tolist() == ["belt", "hood"]


@pytest.mark.parametrize("category_column", [None, "kind"])
def test_by_default_every_other_column_is_an_attribute(write, category_column):
    _, y = read_labels(write("image,kind,hood\na,tee,1\n"), category_column=category_column)
    assert y.columns.tolist() == ["kind", "hood"][category_column is not None :]


def test_ids_keep_their_leading_zeros(write, tmp_path):
    path = write("id,hood\n007,1\n7,0\n", images=["007", "7"])
    X, _ = read_labels(path)
    assert X["image"].tolist() == [str(tmp_path / "007.jpg"), str(tmp_path / "7.jpg")]


def test_integer_ids_of_a_parquet_table_find_their_images(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "1163.jpg").touch()
    frame = pd.DataFrame({"id": [1163], "hood": [np.nan], "neck": [6.0], "sleeve": ["long"]})
    frame.to_parquet(tmp_path / "t.parquet")
    X, y = read_labels(tmp_path / "t.parquet", categorical=["neck"])
    assert X["image"].tolist() == [str(tmp_path / "1163.jpg")]
    assert y["hood"].isna().all()
    assert y["neck"].tolist() == ["6"]


def test_a_column_without_a_labelled_cell_stays_float(write):
    _, y = read_labels(write("image,hood,belt\na,NA,\nb,,-1\n"))
    assert y.dtypes.tolist() == [float, float]
    assert y.isna().all(axis=None)


def test_na_values_replace_the_default(write):
    path = write("image,sleeve\na,?\nb,NA\nc,long\n")
    _, y = read_labels(path, na_values=["?"])
    assert y["sleeve"].cat.categories.tolist() == ["NA", "long"]
    assert y["sleeve"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "image,neck,hood,pattern\na,NA,1,4\nb,6,0,NA\nc,1,1,5\n",
            r"^labels\.csv must hold .* Got '4' at line 2, column 'pattern' "
            r"\(and 2 more such cells\)\. For class codes pass categorical=\['neck', 'pattern'\]",
        ),
        ("image,hood\na,1\nb,0\nc,maybe\n", r"Got 'maybe' at line 4, column 'hood'\. For"),
        ("image,hue\na,red\nb,0\nc,blue\n", r"Got '0' at line 3, column 'hue'\. For"),
        ("image,size\na,S\nb,M\nc,42\n", r"Got '42' at line 4, column 'size'\. For"),
    ],
)
def test_a_cell_that_does_not_fit_its_column_is_named_with_the_cure(write, content, message):
    path = write(content)
    with pytest.raises(ValueError, match=message):
        read_labels(path)


def test_the_cure_keeps_what_is_already_categorical(write):
    path = write("image,neck,pattern\na,6,4\n")
    with pytest.raises(ValueError, match=r"categorical=\['neck', 'pattern'\]"):
        read_labels(path, categorical=["neck"])


def test_a_mixed_column_is_read_once_it_is_named_categorical(write):
    _, y = read_labels(write("image,size\na,1\nb,M\nc,-1\n"), categorical=["size"])
    assert y["size"].tolist() == ["1", "M", "-1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.jpg 1 0\nb.jpg 1 x\n", r"labels\.txt must hold only 0, 1 .* Got 'x' at line 2"),
        ("a.jpg 1 2\nb.jpg 1 1\n", r"Got '2' at line 1, column 'Attr2'"),
        ("a.jpg red\nb.jpg blue\n", r"Got 'red' at line 1, column 'Attr1' \(and 1 more such cell"),
        ("image hood\na.jpg 1\n", r"Got 'hood' at line 1.* header by commas or tabs"),
    ],
)
def test_a_headerless_list_holds_no_text(write, content, message):
    path = write(content, "labels.txt")
    with pytest.raises(ValueError, match=message):
        read_labels(path)


@pytest.mark.parametrize(
    "content", ["a.jpg\nb.jpg\n", "a.jpg,1,long\nb.jpg,0,short\n", "a,x\nb,y\n"]
)
def test_a_table_without_a_header_does_not_lose_its_first_image(write, tmp_path, content):
    path = write(content, images="ab")
    with pytest.raises(ValueError, match=r"must begin with a header\. Got 'a.*Add a line with"):
        read_labels(path)
    folder = tmp_path / "tables"
    folder.mkdir()
    moved = path.rename(folder / path.name)
    with pytest.raises(ValueError, match=r"must begin with a header\. Got 'a.*Add a line with"):
        read_labels(moved, tmp_path)


REPEATED = "image,kind,hood,belt,cuff\na,tee,1,NA,0\nb,tee,1,1,1\na.jpg,polo,1,0,1\nb,tee,1,1,1\n"


def test_repeated_images_are_an_error_that_names_both_lines(write):
    path = write(REPEATED)
    with pytest.raises(
        ValueError, match=r"a\.jpg' at line 2 and again at line 4 \(and 1 more such"
    ):
        read_labels(path)


def test_the_first_of_repeated_rows_can_be_kept(write):
    path = write(REPEATED)
    with pytest.warns(UserWarning, match="several rows: 2, rows removed: 2, all but the first of"):
        X, y = read_labels(path, category_column="kind", on_duplicate="first")
    assert X["category"].tolist() == ["tee", "tee"]
    np.testing.assert_array_equal(y, [[1, np.nan, 0], [1, 1, 1]])


def test_repeated_rows_fill_each_other_and_conflicts_become_missing(write, tmp_path):
    path = write(REPEATED)
    counts = r"rows: 2, rows removed: 2, cells filled: 1, .* missing: 2, images with conflicts: 1\."
    with pytest.warns(UserWarning, match=counts) as record:
        X, y = read_labels(path, category_column="kind", on_duplicate="merge")
    assert len(record) == 1
    assert record[0].filename == __file__
    assert X["image"].tolist() == [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    assert X["category"].isna().tolist() == [True, False]
    np.testing.assert_array_equal(y, [[1, 0, np.nan], [1, 1, 1]])


def test_repeated_rows_can_all_be_kept_as_they_are(write, tmp_path):
    X, y = read_labels(write(REPEATED), category_column="kind", on_duplicate="keep")
    assert X["image"].tolist() == [str(tmp_path / f"{name}.jpg") for name in "abab"]
    assert X["category"].tolist() == ["tee", "tee", "polo", "tee"]
    np.testing.assert_array_equal(y, [[1, np.nan, 0], [1, 1, 1], [1, 0, 1], [1, 1, 1]])


@pytest.mark.parametrize("on_duplicate", ["first", "merge"])
def test_without_repeats_nothing_is_warned(write, on_duplicate):
    path = write("image,hood\na,1\nb,0\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_labels(path, on_duplicate=on_duplicate, on_missing_image="drop")


MISSING = "image,hood,neck\na,1,v\nx,0,crew\nb,0,v\ny.jpg,1,v\n"


def test_a_missing_image_is_an_error_with_its_line(write):
    path = write(MISSING)
    with pytest.raises(
        FileNotFoundError, match=r"labels\.csv, line 3: .*x' \(and 1 more such image"
    ):
        read_labels(path)


def test_rows_without_image_can_be_left_out_with_their_classes(write, tmp_path):
    path = write(MISSING)
    with pytest.warns(UserWarning, match=r"there: 2 of 4: '.*x' \(line 3\), '.*y\.jpg' \(line 5\)"):
        X, y = read_labels(path, on_missing_image="drop")
    assert X["image"].tolist() == [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    assert X.index.equals(pd.RangeIndex(2))
    assert y.index.equals(X.index)
    assert y["hood"].tolist() == [1, 0]
    assert y["neck"].cat.categories.tolist() == ["v"]


def test_rows_without_image_can_be_kept(write, tmp_path):
    X, y = read_labels(write(MISSING), tmp_path / "later", on_missing_image="keep")
    assert X["image"].tolist() == [str(tmp_path / "later" / n) for n in ("a", "x", "b", "y.jpg")]
    assert len(y) == 4


def test_dropping_every_row_is_an_error(write):
    path = write("image,hood\nx,1\n")
    with pytest.raises(FileNotFoundError, match="Check image_dir"):
        read_labels(path, on_missing_image="drop")


def test_a_missing_labels_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"labels file must exist\. Got .*labels\.csv"):
        read_labels(tmp_path / "nope" / "labels.csv")


def test_a_missing_folder_is_an_error(write, tmp_path):
    path = write("image,hood\na,1\n")
    with pytest.raises(
        FileNotFoundError, match=r"image_dir must be an existing folder\. Got .*nope"
    ):
        read_labels(path, tmp_path / "nope", on_missing_image="drop")


@pytest.mark.parametrize("on_missing_image", ["raise", "drop", "keep"])
def test_a_name_with_two_images_is_an_error(write, tmp_path, on_missing_image):
    path = write("image,hood\nb,1\na,1\n")
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match=r"Got 'a' at line 3, which may be 'a\.jpg' or 'a\.png'\."):
        read_labels(path, on_missing_image=on_missing_image)


def test_an_empty_image_cell_is_an_error(write):
    path = write("image,hood\na,1\n ,1\n")
    with pytest.raises(ValueError, match="Got an empty cell at line 3, column 'image'"):
        read_labels(path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"on_duplicate": "last"},
            ValueError,
            r"on_duplicate must be one of .*'merge'.* Got 'last'",
        ),
        ({"on_missing_image": None}, ValueError, r"on_missing_image must be one of .* Got None"),
        (
            {"image_column": "file"},
            ValueError,
            r"image_column must name a column .* \['image', 'ki",
        ),
        ({"category_column": "sort"}, ValueError, r"category_column must name .* Got 'sort'"),
        ({"attribute_columns": ["hut"]}, ValueError, r"attribute_columns must name .* Got 'hut'"),
        ({"attribute_columns": "hood"}, TypeError, r"must be a list of strings\. Got 'hood'"),
        ({"attribute_columns": []}, ValueError, r"must have a column besides \['image'\]"),
        (
            {"attribute_columns": ["hood", "hood"]},
            ValueError,
            r"different columns\. Got 'hood' twice",
        ),
        ({"category_column": "image"}, ValueError, r"different columns\. Got 'image' twice"),
        (
            {"categorical": ["image"]},
            ValueError,
            r"categorical must name an attribute\. Got 'image'",
        ),
        ({"categorical": "hood"}, TypeError, r"categorical must be a list.*Pass \['hood'\]"),
        ({"na_values": "?"}, TypeError, r"na_values must be a list of strings\. Got '\?'"),
    ],
)
def test_a_wrong_option_is_an_error(write, options, error, message):
    path = write("image,kind,hood\na,tee,1\n")
    with pytest.raises(error, match=message):
        read_labels(path, **options)


def test_a_table_with_one_column_is_an_error(write):
    path = write("image\na\n")
    with pytest.raises(ValueError, match=r"must have a column besides \['image'\]"):
        read_labels(path)


@pytest.mark.parametrize("chosen", [None, ["title"]])
def test_free_text_is_warned_about_unless_it_was_chosen(write, chosen):
    rows = "\n".join(f"{i},Title number {i},1" for i in range(30))
    path = write("image,title,hood\n" + rows)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_labels(path, attribute_columns=chosen, on_missing_image="keep")
    expected = [] if chosen else ["labels.csv: ['title'] look like free text"]
    assert [str(warning.message).split(",")[0] for warning in caught] == expected


def test_a_folder_whose_name_is_not_utf8_is_read(write, tmp_path):
    path = write("image,hood\na,1\n", images="")
    folder = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9"))
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("the file system takes no such name")
    Path(folder, "a.png").touch()
    X, _ = read_labels(path, folder)
    assert X["image"].tolist() == [os.path.join(folder, "a.png")]
