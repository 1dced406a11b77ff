import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attrlearn import read_labels
from attrlearn.checks.text_columns import NA_VALUES
from attrlearn.labels.editing import Cell, LabelsContent

NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
BLANKS = st.sampled_from(["", "", " ", "  "])
BINARY = st.sampled_from(["0", "1", "-1", "NA", "nan", "1.0", "0.0"])
CLASSES = st.sampled_from(["short", "long", 'size 5"', "red, blue", "grün", "a;b"])
TITLES = st.sampled_from(["plain", 'with "marks"', "two\nlines", "a, b; c", "", "  x  ", "日本"])


def content_of(raw, name="labels.csv"):
    return LabelsContent(raw, Path(name), NA_VALUES)


@st.composite
def tables(draw):
    """Pieces of a table, of which those that are tuples are attribute cells."""
    separator = draw(st.sampled_from([",", ";", "\t"]))
    newline = draw(NEWLINES)
    n_rows = draw(st.integers(2, 5))
    names = ["image", "hood", "", "title", "sleeve"]
    pieces = [separator.join(names)]
    for row in range(n_rows):
        pieces += [newline * draw(st.integers(1, 2)), f"{row}.jpg"]
        texts = {
            "hood": draw(BINARY),
            "": "7",
            "title": draw(TITLES),
            "sleeve": draw(CLASSES | st.just("NA")) if row else "short",
        }
        for column, text in texts.items():
            is_quoted = draw(st.booleans()) or any(mark in text for mark in f'{separator}"\n')
            pieces += [separator, draw(BLANKS)]
            if column in ("hood", "sleeve"):
                pieces.append((row, column, text, is_quoted))
            else:
                pieces.append(f'"{doubled(text)}"' if is_quoted else text)
            # A blank behind a quotation mark is allowed at the end of a line alone.
            pieces.append(draw(BLANKS) if not is_quoted or column == "sleeve" else "")
    pieces.append(draw(st.sampled_from(["", newline, newline + " " + newline])))
    return draw(st.sampled_from(["", "\ufeff"])), separator, pieces


@st.composite
def lists(draw):
    """Pieces of a headerless list."""
    newline, gap = draw(NEWLINES), draw(st.sampled_from([" ", "  ", "\t", " \t "]))
    pieces = []
    for row in range(draw(st.integers(1, 4))):
        pieces += [draw(st.sampled_from(["", " "])), f"{row}.jpg"]
        for i in (1, 2, 3):
            pieces += [gap, (row, f"Attr{i}", draw(BINARY), False)]
        pieces += [draw(st.sampled_from(["", " "])), newline * draw(st.integers(1, 2))]
    if draw(st.booleans()):
        pieces.pop()
    return draw(st.sampled_from(["", "\ufeff"])), None, pieces


def doubled(text):
    return text.replace('"', '""')


def render(start, separator, pieces, texts):
    """Write a file with other texts in some cells, in a way of its own."""

    def write(piece):
        if isinstance(piece, str):
            return piece
        row, column, text, is_quoted = piece
        new = texts.get((row, column), text)
        needs = separator is not None and any(mark in new for mark in f'{separator}"\n')
        return f'"{doubled(new)}"' if is_quoted or needs else new

    return (start + "".join(map(write, pieces))).encode()


def read(folder, raw, name):
    path = folder / name
    path.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_labels(path, on_missing_image="keep")


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_the_cells_that_change_are_all_that_changes(tmp_path_factory, data):
    is_list = data.draw(st.booleans())
    start, separator, pieces = data.draw(lists() if is_list else tables())
    name = "labels.txt" if is_list or separator == "\t" else "labels.csv"
    cells = [piece for piece in pieces if isinstance(piece, tuple)]
    before = render(start, separator, pieces, {})
    texts = {}
    for row, column, _, _ in data.draw(st.lists(st.sampled_from(cells), unique=True, min_size=1)):
        kinds = CLASSES if column == "sleeve" else st.sampled_from(["0", "1", "NA", "1.0"])
        texts[row, column] = data.draw(kinds)
    content = content_of(before, name)
    new = content.with_cells({Cell(*cell): text for cell, text in texts.items()})
    if not _loses_padding(pieces, texts, separator):
        assert new.raw == render(start, separator, pieces, texts)
    folder = tmp_path_factory.mktemp("labels")
    (X, y), (new_X, new_y) = read(folder, before, name), read(folder, new.raw, name)
    pd.testing.assert_frame_equal(X, new_X)
    meaning = {"0": 0.0, "1": 1.0, "1.0": 1.0, "NA": np.nan}
    expected = y.drop(columns="title", errors="ignore").astype(object)
    for (row, column), text in texts.items():
        expected.loc[row, column] = meaning.get(text, text)
    found = new_y[expected.columns].astype(object)
    pd.testing.assert_frame_equal(found.where(found.notna()), expected.where(expected.notna()))


def _loses_padding(pieces, texts, separator):
    """Whether a text gets quotation marks, behind which no blank may stand."""
    return any(
        isinstance(piece, tuple)
        and not piece[3]
        and (piece[0], piece[1]) in texts
        and separator is not None
        and any(mark in texts[piece[0], piece[1]] for mark in f'{separator}"\n')
        and pieces[i + 1] != ""
        for i, piece in enumerate(pieces)
    )


@settings(deadline=None, max_examples=50)
@given(tables(), st.data())
def test_what_is_written_back_as_it_was_gives_the_same_bytes(table, data):
    raw = render(*table, {})
    name = "labels.txt" if table[1] == "\t" else "labels.csv"
    content = content_of(raw, name)
    row, column, _, _ = data.draw(st.sampled_from([p for p in table[2] if isinstance(p, tuple)]))
    cell = Cell(row, column)
    text = data.draw(CLASSES if column == "sleeve" else BINARY)
    if _loses_padding(table[2], {cell: text}, table[1]):
        return
    changed = content.with_cells({cell: text})
    back = changed.with_cells({cell: content.as_written(cell)}, written=[cell])
    assert back.raw == raw


@pytest.mark.parametrize(
    ("raw", "cell", "text", "expected"),
    [
        (b"image,a\nx.jpg,", Cell(0, "a"), "1", b"image,a\nx.jpg,1"),
        (b"image,a,b\nx.jpg,,0\n", Cell(0, "a"), "1", b"image,a,b\nx.jpg,1,0\n"),
        (b"image,a,b\nx.jpg, ,0\n", Cell(0, "a"), "1", b"image,a,b\nx.jpg, 1,0\n"),
        (b'image,a\nx.jpg,""\n', Cell(0, "a"), "1", b'image,a\nx.jpg,"1"\n'),
        (b"image,a\nx.jpg, NA \n", Cell(0, "a"), "1", b"image,a\nx.jpg, 1 \n"),
        (b"image,a,b\nx.jpg,NA ,0\n", Cell(0, "a"), "1", b"image,a,b\nx.jpg,1 ,0\n"),
        (b"image,a,b\nx.jpg,v ,0\n", Cell(0, "a"), "u,w", b'image,a,b\nx.jpg,"u,w",0\n'),
    ],
)
def test_a_cell_is_written_where_it_stood(raw, cell, text, expected):
    assert content_of(raw).with_cells({cell: text}).raw == expected


def test_a_tab_separated_list_takes_a_value_into_an_empty_cell():
    raw = b"a.jpg\t1\t\t0\nb.jpg\t\t1\t\n"
    new = content_of(raw, "labels.txt").with_cells({Cell(0, "Attr2"): "0", Cell(1, "Attr3"): "1"})
    assert new.raw == b"a.jpg\t1\t0\t0\nb.jpg\t\t1\t1\n"


@pytest.mark.parametrize("text", ["a b", "", "x\ty"])
def test_what_a_list_cannot_hold_is_refused_and_named(text):
    content = content_of(b"a.jpg 1 NA\nb.jpg 0 1\n", "labels.txt")
    with pytest.raises(ValueError, match=r"Got '.*' for line 1, column 'Attr2'"):
        content.with_cells({Cell(0, "Attr2"): text})


def test_cells_of_a_row_of_several_lines_are_found():
    raw = b'image,title,a\nx.jpg,"two\r\nlines, ""so""",NA\ny.jpg,t,NA\n'
    new = content_of(raw).with_cells({Cell(0, "a"): "1", Cell(1, "a"): "0"})
    assert new.raw == b'image,title,a\nx.jpg,"two\r\nlines, ""so""",1\ny.jpg,t,0\n'


def test_parquet_keeps_its_schema(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {
            "image": ["a.jpg", "b.jpg", "c.jpg"],
            "int": pa.array([1, None, 0], pa.int8()),
            "truth": pa.array([True, None, False]),
            "real": pa.array([0.0, None, 1.0], pa.float32()),
            "class": pa.array(["x", None, "y"]).dictionary_encode(),
            "other": pa.array([[1], [], None]),
        }
    ).replace_schema_metadata({"who": "me"})
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd", row_group_size=2)
    content = content_of((tmp_path / "t.parquet").read_bytes(), "t.parquet")
    before = pq.read_schema(tmp_path / "t.parquet")
    texts = {"int": "0", "truth": "True", "real": "1", "class": "x"}
    new = content.with_cells({Cell(1, name): text for name, text in texts.items()})
    (tmp_path / "t.parquet").write_bytes(new.raw)
    found = pq.read_table(tmp_path / "t.parquet")
    assert found.schema.equals(before, check_metadata=True)
    values = {"int": 0, "truth": True, "real": 1.0, "class": "x"}
    expected = table.to_pydict()
    for name, value in values.items():
        expected[name][1] = value
    assert found.to_pydict() == expected
    file = pq.ParquetFile(tmp_path / "t.parquet")
    assert file.metadata.num_row_groups == 2
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_type_of_parquet_that_cannot_hold_a_text_is_refused(tmp_path):
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    pd.DataFrame({"image": ["a.jpg"], "a": [1]}).to_parquet(tmp_path / "t.parquet")
    content = content_of((tmp_path / "t.parquet").read_bytes(), "t.parquet")
    with pytest.raises(ValueError, match=r"Got the type int64 in column 'a'.*Save it as CSV"):
        content.with_cells({Cell(0, "a"): "long"})
