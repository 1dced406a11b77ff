import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrlearn.labels.tables import TextTable, read_table

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=8)


def read(folder: Path, content: str | bytes, name: str = "labels.txt") -> TextTable:
    raw = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(raw)
    return read_table(folder / name, ["NA", "nan"])


def cells(table: TextTable) -> dict[str, list[str]]:
    return {name: column.tolist() for name, column in table.columns.items()}


LIST = {"image": ["a.jpg", "b.jpg"], "Attr1": ["1", "0"], "Attr2": ["NA", "1"]}


@pytest.mark.parametrize(
    "content",
    [
        "a.jpg 1 NA\nb.jpg 0 1\n",
        "a.jpg 1 NA\nb.jpg 0 1",
        "a.jpg\t1\tNA\nb.jpg\t0\t1\n",
        "a.jpg\t1 NA\nb.jpg  0\t1\n",
        "\ufeffa.jpg 1 NA\r\nb.jpg 0 1\r\n",
        "  a.jpg   1 NA  \n\n \t \nb.jpg 0 1 \n\n",
        "a.jpg\t1\tNA\t\nb.jpg\t0\t1\t\n",
        "a.jpg\t1\tNA\nb.jpg\t0\t1\t\n",
    ],
)
def test_a_headerless_list_reads_the_same_however_its_blanks_are_written(tmp_path, content):
    table = read(tmp_path, content)
    assert cells(table) == LIST
    assert not table.has_header


def test_two_tabs_enclose_an_empty_cell_of_a_headerless_list(tmp_path):
    table = read(tmp_path, "a.jpg\t\t1\t0\nb.jpg\t1\t\t\n")
    assert cells(table) == {
        "image": ["a.jpg", "b.jpg"],
        "Attr1": ["", "1"],
        "Attr2": ["1", ""],
        "Attr3": ["0", ""],
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "image,sleeve\na b.jpg,long\n007,short\n"),
        ("t.csv", 'image, sleeve\r\n"a b.jpg", "long"  \r\n007,short'),
        ("t.CSV", "\ufeffimage;sleeve\n\na b.jpg;long\n;\n007;short\n"),
        ("t.tsv", "image\tsleeve\na b.jpg\tlong\n007\tshort\n"),
        ("t.txt", "image,sleeve\na b.jpg,long\n007,short\n"),
        ("t.txt", "image\tsleeve\na b.jpg\tlong\n007\tshort\n"),
        ("t.csv", ",image,sleeve\n0,a b.jpg,long\n1,007,short\n"),
    ],
)
def test_a_table_reads_the_same_however_it_is_separated(tmp_path, name, content):
    table = read(tmp_path, content, name)
    stripped = {key: [cell.strip() for cell in column] for key, column in cells(table).items()}
    assert stripped == {"image": ["a b.jpg", "007"], "sleeve": ["long", "short"]}
    assert table.has_header


@pytest.mark.parametrize("header", ["image,Attr 1", "image\tAttr 1"])
def test_numbered_column_names_do_not_pass_for_data(tmp_path, header):
    table = read(tmp_path, header + "\n" + header.replace("image", "a.jpg").replace("Attr 1", "1"))
    assert cells(table) == {"image": ["a.jpg"], "Attr 1": ["1"]}


def test_lines_are_counted_over_blank_ones_and_over_newlines_in_quotes(tmp_path):
    table = read(tmp_path, 'image,note\n\na.jpg,"two\nlines"\nb.jpg,one\n', "t.csv")
    assert [table.place(0), table.place(1)] == ["line 3", "line 5"]
    assert table.columns["note"].tolist() == ["two\nlines", "one"]


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(st.tuples(WORDS.filter(str.strip), WORDS), min_size=1))
def test_a_table_written_by_the_csv_module_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("image", "note"), *rows])
    table = read_table(path, ["NA"])
    assert list(zip(*table.columns.values(), strict=True)) == rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.txt", "", r"l\.txt must hold a table\. Got an empty file"),
        ("l.csv", " \n,,\n", r"must hold a table\. Got an empty file"),
        ("l.csv", "image,hood\n", r"l\.csv must hold rows\. Got a header only"),
        ("l.csv", "image,hood,hood\na,1,0\n", r"each column once\. Got \['hood'\] more than once"),
        ("l.csv", "a.jpg,1,0\nb.jpg,1,1\n", r"must begin with a header\. Got data: 'a\.jpg 1 0'"),
        ("l.txt", "a.jpg,1,0\nb.jpg,1,1\n", r"must begin with a header"),
        (
            "l.txt",
            "a.jpg 1 0 1 1\n\nb.jpg 1 0 NA\nc.jpg 1 1 1 1\nd.jpg 1\n",
            r"^l\.txt, line 3: expected a file name and 4 attributes, got 3: 'b\.jpg 1 0 NA' "
            r"\(and 1 more such line\)\.$",
        ),
        ("l.txt", "a.jpg 1\nb.jpg 1 0\n", r"line 2: expected a file name and 1 attributes, got 2"),
        (
            "l.csv",
            "image,hood\na,1\nb\n",
            r"line 3: expected 2 fields as in the header, got 1: 'b'",
        ),
        ("l.csv", "image,hood\na,1,0\n", r"line 2: expected 2 fields as in the header, got 3"),
        ("l.csv", "image,hood\na,1,\n", r"line 2: expected 2 fields as in the header, got 3"),
        (
            "l.csv",
            'image,hood\na,1\nb,"1\nc,0\n',
            r"l\.csv, line 3: could not be read: .*quotation",
        ),
        ("l.csv", "image,hood\na,1\n\xe9,1".encode("latin-1"), r"UTF-8.*byte 0xe9 at line 3"),
        ("l.csv", "image,hood\na,1".encode("utf-16"), r"UTF-8.*byte 0xff at line 1"),
    ],
)
def test_a_malformed_file_is_an_error_with_its_place(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content, name)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("l.csv", "image_00000.png"),
        ("l.csv", "image_00000.png,1,0,stripes"),
        ("l.csv", "stripes,shots/image_00000.JPEG"),
        ("l.csv", "my image.webp;stripes"),
        ("l.tsv", "image_00000.png\tstripes"),
        ("l.txt", "image_00000.png\tstripes"),
        ("l.txt", "a,b.jpg 1 0"),
    ],
)
def test_a_header_with_the_suffix_of_an_image_is_an_error(tmp_path, name, header):
    with pytest.raises(ValueError, match=r"must begin with a header\. Got '.*which is an image"):
        read(tmp_path, f"{header}\n{header.replace('0', '1')}\n", name)


def test_a_header_that_names_an_image_is_an_error_with_its_cure(tmp_path):
    (tmp_path / "shots").mkdir()
    (tmp_path / "shots" / "1163.jpg").touch()
    (tmp_path / "l.csv").write_text("1163,stripes\n1164,plain\n")
    assert read_table(tmp_path / "l.csv", []).columns["1163"].tolist() == ["1164"]
    message = r"Got '1163', which is an image.*Add a line with the column names\. If it is there, r"
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "l.csv", [], tmp_path / "shots")


def test_a_header_may_speak_of_suffixes(tmp_path):
    table = read(tmp_path, "image (.png),is .jpg\na,1\n", "t.csv")
    assert list(table.columns) == ["image (.png)", "is .jpg"]


def test_a_long_bad_line_is_shortened_in_the_error(tmp_path):
    with pytest.raises(ValueError, match=r"got 501: '(a 1 )+[a1 ]*\.\.\.'") as caught:
        read(tmp_path, "x 1\n" + "a 1 " * 251)
    assert len(str(caught.value)) < 200


def test_parquet_cells_are_text_without_spurious_decimals(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "id": [1163, 7],
            "neck": [6.0, None],
            "hood": [True, None],
            "belt": [True, False],
            "sleeve": pd.Categorical(["long", None]),
            "weight": [0.5, 1.0],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", ["NA"])
    assert cells(table) == {
        "id": ["1163", "7"],
        "neck": ["6", ""],
        "hood": ["True", ""],
        "belt": ["True", "False"],
        "sleeve": ["long", ""],
        "weight": ["0.5", "1.0"],
    }
    assert table.place(1) == "row 1"


def test_a_named_parquet_index_is_a_column(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"hood": [1, 0]}, index=pd.Index(["a", "b"], name="image"))
    frame.to_parquet(tmp_path / "t.pq")
    assert cells(read_table(tmp_path / "t.pq", [])) == {"image": ["a", "b"], "hood": ["1", "0"]}


def test_a_parquet_column_called_like_an_image_is_an_error(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"a.png": ["b.png"], "1": ["0"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t\.parquet must begin with a header\. Got 'a\.png'"):
        read_table(tmp_path / "t.parquet", [])


def test_parquet_without_rows_is_an_error(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"image": [], "hood": []}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"t\.parquet must hold rows\. Got none"):
        read_table(tmp_path / "t.parquet", [])
