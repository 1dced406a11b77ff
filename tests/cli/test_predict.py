import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from copy import copy, deepcopy
from io import BytesIO, TextIOWrapper

import joblib
import numpy as np
import pandas as pd
import pytest

from attrlearn import AttributeClassifier
from attrlearn.cli import main, predict

BINARY, PROBA, SLEEVE = ["blue", "new"], ["blue_proba", "new_proba"], ["sleeve", "sleeve_proba"]


@pytest.fixture
def images(shots):
    return sorted(map(str, shots.iterdir()))


@pytest.fixture
def table_of(model, tmp_path):
    """Call `attrlearn predict` and read the CSV it writes."""

    def call(*arguments, code=0):
        out = tmp_path / "out.csv"
        assert main(["predict", model, *map(str, arguments), "--out", str(out)]) == code
        return pd.read_csv(out)

    return call


@contextmanager
def standard_output(file):
    """Let the standard output of this process be an open file."""
    before = os.dup(1)
    os.dup2(file.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(before, 1)
        os.close(before)


def assert_same(table, X, clf):
    """The CSV holds the rows of X and the predictions of the model, to the last bit."""
    expected = copy(clf).set_params(on_bad_image="drop").predict_table(X)
    assert list(table) == [*X, *expected]
    assert table["image_error"].isna().all()
    for name in X:
        assert table[name].fillna("?").tolist() == X[name].fillna("?").tolist()
    for name in expected.columns.drop("image_error"):
        kind = np.float32 if name.endswith("_proba") else object
        assert table[name].astype(kind).tolist() == expected[name].astype(kind).tolist()


def test_a_table_equals_predict_table(table_of, images, clf, tmp_path, capsys):
    X = pd.DataFrame({"image": images, "category": "dress"})
    table = table_of(*images, "--category", "dress")
    assert capsys.readouterr() == (f"predictions: {tmp_path / 'out.csv'}\n", "")
    assert_same(table, X, clf)
    assert table["blue_proba"].nunique() == len(images)  # else it would prove little


def test_a_folder_holds_its_images_in_the_order_of_their_names(table_of, images, shots, tmp_path):
    folder = shutil.copytree(shots, tmp_path / "copy")
    (folder / "notes.md").touch()
    found = table_of(folder)["image"].tolist()
    assert found == [image.replace(str(shots), str(folder)) for image in images]


def test_a_folder_holds_the_images_of_the_folders_below_it_but_nothing_hidden(
    table_of, shots, tmp_path
):
    for name in ("a.png", "sub/deep/b.JPG", "sub.png/c.png", ".d.png", ".hidden/e.png", "sub/f.md"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shots / "p00.png", tmp_path / "in" / name)
    found = table_of(tmp_path / "in")["image"].tolist()
    expected = ["a.png", "sub.png/c.png", "sub/deep/b.JPG"]
    assert found == [str(tmp_path / "in" / name) for name in expected]


def not_utf8(folder, image):
    """Copy an image to a name of Latin-1, or skip."""
    name = os.path.join(os.fsencode(folder), b"caf\xe9.png")
    try:
        shutil.copy(image, name)
    except OSError:
        pytest.skip("the file system takes no such name")
    return os.fsdecode(name)


def test_a_name_that_is_not_utf8_is_predicted_like_others(
    model, shots, images, tmp_path, capsys, table_of
):
    folder = tmp_path / "in"
    folder.mkdir()
    odd, plain = not_utf8(folder, images[0]), str(folder / "b.png")
    shutil.copy(images[1], plain)
    shown = odd.replace("\udce9", "\\udce9")
    table = table_of(folder)
    assert table["image"].tolist() == [plain, shown]
    assert table["blue"].notna().all()
    capsys.readouterr()
    assert main(["predict", model, str(folder), odd, "--category", "shirt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [plain, shown, shown]
    assert sys.stdout.errors == "strict"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_lines_are_printed_whatever_standard_output_encodes(
    model, images, tmp_path, encoding, monkeypatch
):
    shutil.copy(images[0], tmp_path / "\u732b.png")
    stdout = TextIOWrapper(BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["predict", model, str(tmp_path), "--category", "shirt"]) == 0
    stdout.flush()
    shown = "\u732b.png".encode(encoding, "backslashreplace")
    printed = stdout.buffer.getvalue()
    assert printed.startswith(os.fsencode(tmp_path) + b"/" + shown + b": ")


@pytest.mark.parametrize("name", ["out.parquet", "out.xlsx", "out.TSV"])
def test_a_table_whose_name_promises_another_format_is_an_error(
    name, model, images, tmp_path, capsys
):
    argv = ["predict", model, images[0], "--category", "shirt", "--out", str(tmp_path / name)]
    assert main(argv) == 2
    assert "--out must be a CSV file. Got" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["model", "images/p00.png", "list.csv", "link.csv", "cache/f"])
def test_no_output_may_be_a_file_that_is_read(name, model, shots, tmp_path, capsys):
    shutil.copy(model, tmp_path / "model")
    shutil.copytree(shots, tmp_path / "images")
    (tmp_path / "list.csv").write_text("image\nimages/p01.png\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "list.csv")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    argv = [str(tmp_path / part) for part in ("model", "images", "list.csv")]
    argv += ["--cache-dir", str(tmp_path / "cache" / "f")]
    assert main(["predict", *argv, "--out", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("attrlearn predict: error: --out ")
    assert "must not be a file that is read" in error or "and --cache-dir must be two" in error
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such device")
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_a_table_on_standard_output_is_that_of_a_file(kind, model, images, tmp_path, capsys):
    argv = ["predict", model, *images, "--category", "shirt", "--out"]
    assert main([*argv, str(tmp_path / "expected.csv")]) == 0
    capsys.readouterr()
    path = tmp_path / "found"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.touch()
    with path.open("r+b", buffering=0) as both_ends, standard_output(both_ends):
        both_ends.write(b"before\n")
        assert main([*argv, "/dev/stdout"]) == 0
        both_ends.write(b"after\n")
        found = both_ends.read(60_000) if kind == "pipe" else path.read_bytes()
    assert found == b"before\n" + (tmp_path / "expected.csv").read_bytes() + b"after\n"
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such device")
def test_a_table_on_standard_output_of_a_process_is_a_table_and_nothing_else(
    model, images, tmp_path
):
    code = "import sys; from attrlearn.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", code, "predict", model, *images, "--category", "shirt"]
    argv += ["--engine", "auto", "--out", "/dev/stdout"]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert done.stdout.splitlines()[0].startswith(b"image,category,blue,")
    assert len(done.stdout.splitlines()) == 1 + len(images)


@pytest.mark.parametrize("name", ["image", "category"])
def test_an_attribute_named_as_a_column_of_the_table_is_an_error(
    name, clf, images, tmp_path, capsys
):
    renamed = deepcopy(clf)
    renamed.attribute_names_ = [name, *clf.attribute_names_[1:]]
    path = joblib.dump(renamed, tmp_path / "model")[0]
    assert main(["predict", path, images[0], "--category", "dress"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"'image' or 'category'. Got the attribute '{name}'. Rename its column." in err


def test_the_options_that_a_message_names_are_those_of_the_command(model, images, capsys):
    assert main(["predict", model, images[0], "--device", "tpu"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("Pass --device auto.")


def test_features_are_kept_where_the_option_says(model, images, tmp_path, capsys):
    argv = ["predict", model, images[0], "--category", "dress", "--engine", "torch"]
    (tmp_path / "file").touch()
    assert main([*argv, "--cache-dir", str(tmp_path / "file")]) == 0
    assert capsys.readouterr().err.endswith("or pass --cache-dir none.\n")
    assert main([*argv, "--cache-dir", "none"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*argv, "--cache-dir", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new").is_dir()


def test_images_folders_and_tables_keep_the_order_of_the_arguments(table_of, images, shots, labels):
    table = table_of(images[3], labels, shots, images[1], "--image-dir", shots)
    assert table["image"].tolist() == [images[3], *images, *images, images[1]]


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_table_gives_categories_and_the_option_those_it_lacks(
    table_of, images, shots, clf, separator, capsys
):
    path = shots.parent / ("list.csv" if separator == "," else "list.tsv")
    rows = [("p02", "shirt"), ("p00.png", ""), ("p05.png", "dress")]
    lines = [f"{category}{separator}shots/{image}" for image, category in rows]
    path.write_text("\n".join([f"category{separator}image", *lines]))
    X = pd.DataFrame(
        {"image": [images[2], images[0], images[5]], "category": ["shirt", None, "dress"]}
    )
    assert_same(table_of(path), X, clf)
    assert_same(table_of(path, "--category", "dress"), X.fillna("dress"), clf)
    assert capsys.readouterr().err == ""


def test_a_headerless_list_and_parquet_are_tables_too(table_of, images, tmp_path):
    (tmp_path / "list.txt").write_text(f"{images[1]} 1 NA\n{images[0]} 0 0\n")
    pd.DataFrame({"image": images[:1]}).to_parquet(tmp_path / "list.parquet")
    table = table_of(tmp_path / "list.txt", tmp_path / "list.parquet")
    assert table["image"].tolist() == [images[1], images[0], images[0]]


def test_images_reach_the_model_in_chunks_and_the_size_of_these_changes_nothing(
    table_of, shots, monkeypatch
):
    whole = table_of(shots)
    sizes = []
    predict_table = AttributeClassifier._predict_table

    def spy(self, inputs, min_confidence):
        sizes.append(len(inputs))
        return predict_table(self, inputs, min_confidence)

    monkeypatch.setattr(AttributeClassifier, "_predict_table", spy)
    monkeypatch.setattr(predict, "CHUNK", 5)
    chunked = table_of(shots)
    assert sizes == [5, 5, 2]
    pd.testing.assert_frame_equal(chunked, whole, check_exact=False, rtol=1e-5)


def test_the_default_threshold_is_that_of_the_model(table_of, shots):
    pd.testing.assert_frame_equal(table_of(shots, "--threshold", "0.5"), table_of(shots))


def test_a_higher_threshold_adds_no_positives_and_leaves_categorical_attributes(
    table_of, shots, clf
):
    default = table_of(shots)
    p = default[PROBA].set_axis(BINARY, axis=1)
    n_positive = []
    for threshold in [0, *np.quantile(p, [0.2, 0.4, 0.6, 0.8]), 0.999]:
        table = table_of(shots, "--threshold", threshold)
        np.testing.assert_array_equal(table[BINARY], p > threshold)
        np.testing.assert_allclose(table[PROBA], p, rtol=1e-5)
        pd.testing.assert_frame_equal(table[SLEEVE], default[SLEEVE])
        n_positive.append(table[BINARY].to_numpy().sum())
    assert n_positive[0] == p.size
    assert n_positive[-1] == 0
    assert len(set(n_positive)) == len(n_positive)


def test_lines_name_what_is_there_with_its_probability(model, images, clf, capsys):
    assert main(["predict", model, *images, "--category", "shirt", "--threshold", "0.45"]) == 0
    proba = clf.predict_proba(images, ["shirt"] * len(images))
    classes = clf.classes_[2][proba[2].argmax(axis=1)]
    lines = []
    for i, image in enumerate(images):
        found = [
            f"{name} {p[i, 1]:.2f}"
            for name, p in zip(BINARY, proba[:2], strict=True)
            if p[i, 1] > 0.45
        ]
        found.append(f"sleeve={classes[i]} {proba[2][i].max():.2f}")
        lines.append(f"{image}: {', '.join(found)}")
    assert capsys.readouterr().out.splitlines() == lines


def test_a_model_of_binary_attributes_alone_writes_a_dash_where_none_is_there(
    shots, images, tmp_path, capsys
):
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, engine="torch"
    )
    path = joblib.dump(clf.fit(images, [[0], [1]] * 6), tmp_path / "m")[0]
    assert main(["predict", path, images[0], "--threshold", "0"]) == 0
    assert main(["predict", path, images[0], "--threshold", "0.9999"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{images[0]}: Attr1 0.")
    assert second == f"{images[0]}: -"


def test_a_bad_image_is_named_and_keeps_its_row(table_of, images, tmp_path, capsys):
    bad, absent = tmp_path / "bad.png", tmp_path / "absent.png"
    bad.write_text("no image")
    good = table_of(images[0], images[1])
    capsys.readouterr()
    table = table_of(images[0], bad, absent, images[1], code=1)
    assert capsys.readouterr().err.splitlines()[1:] == [
        f"attrlearn predict: could not read image '{bad}': not an image Pillow can read",
        f"attrlearn predict: could not read image '{absent}': no such file",
    ]
    assert table["image"].tolist() == [images[0], str(bad), str(absent), images[1]]
    assert table.loc[1:2].drop(columns=["image", "image_error"]).isna().all(axis=None)
    assert table["image_error"].fillna("").tolist() == [
        "",
        "not an image Pillow can read",
        "no such file",
        "",
    ]
    pd.testing.assert_frame_equal(
        table.loc[[0, 3]].reset_index(drop=True), good, check_dtype=False, check_exact=False
    )


def test_a_bad_image_has_no_line(model, images, capsys):
    assert main(["predict", model, "absent.png", images[0], "--category", "dress"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{images[0]}: ")
    assert out.count("\n") == 1
    assert err == "attrlearn predict: could not read image 'absent.png': no such file\n"


def test_an_image_to_which_no_attribute_applies_is_not_bad(clf, images, tmp_path, capsys):
    ruled_out = deepcopy(clf)
    ruled_out.applicable_.loc["dress"] = False
    path = joblib.dump(ruled_out, tmp_path / "model")[0]
    assert main(["predict", path, images[0], "--category", "dress"]) == 0
    assert capsys.readouterr() == (f"{images[0]}: -\n", "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "12 rows have none: they count as unknown. Pass --category, or a table with"),
        (["--category", "boot"], "fit did not learn.* count as unknown: {'boot': 12}"),
    ],
)
def test_unknown_categories_are_warned_about_once(
    model, shots, options, words, monkeypatch, capsys
):
    monkeypatch.setattr(predict, "CHUNK", 5)
    assert main(["predict", model, str(shots), *options]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("attrlearn: warning: ")
    assert re.search(words, line)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory. Check the path"),
        ("image,blue\n", "cannot be read: "),
        ({"a": 1}, "holds no fitted AttributeClassifier"),
        (AttributeClassifier(), "holds no fitted AttributeClassifier"),
    ],
)
def test_a_model_that_is_none_is_an_error_in_one_line(content, words, images, tmp_path, capsys):
    path = tmp_path / "model"
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        joblib.dump(content, path)
    assert main(["predict", str(path), images[0]]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    start = "attrlearn predict: error: MODEL must be a file written by attrlearn train. Got "
    assert line.startswith(f"{start}{str(path)!r}, which {words}")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty", None, "A folder must hold images. Got"),
        ("list.csv", "image,kind\na.png\n", "list.csv, line 2: expected 2 fields"),
        ("list.csv", "image,kind\n,x\n", "Got an empty cell at line 2, column 'image'"),
        ("list.csv", "image\n\xe9.png\n", "list.csv must be UTF-8 text"),
        ("none.csv", None, "The labels file must exist"),
        ("list.csv", "a.png\nb.png\n", "list.csv must begin with a header. Got 'a.png'"),
    ],
)
def test_an_error_in_the_input_leaves_no_file(model, images, name, text, words, tmp_path, capsys):
    path = tmp_path / "in" / name
    path.parent.mkdir()
    if name == "empty":
        path.mkdir()
    elif text:
        path.write_text(text, encoding="latin-1")
    out = tmp_path / "new" / "out.csv"
    assert main(["predict", model, images[0], str(path), "--out", str(out)]) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert words in stderr
    assert stderr.count("\n") == 1
    assert not out.parent.exists()


def test_an_error_half_way_leaves_the_old_table_and_no_other_file(
    model, shots, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out.csv"
    out.write_text("old")
    predict_table = AttributeClassifier._predict_table

    def fail_later(self, inputs, min_confidence):
        if inputs.first_row:
            raise OSError("disk full")
        return predict_table(self, inputs, min_confidence)

    monkeypatch.setattr(AttributeClassifier, "_predict_table", fail_later)
    monkeypatch.setattr(predict, "CHUNK", 5)
    assert main(["predict", model, str(shots), "--out", str(out)]) == 2
    assert capsys.readouterr().err.endswith("error: disk full\n")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
    assert out.read_text() == "old"


@pytest.mark.parametrize("threshold", ["-0.1", "1", "nan", "half"])
def test_a_threshold_outside_of_0_to_1_is_an_error(model, images, threshold, capsys):
    assert main(["predict", model, images[0], "--threshold", threshold]) == 2
    assert "argument --threshold: " in capsys.readouterr().err


def test_the_table_that_was_trained_on_is_read_with_its_own_columns(
    model, images, tmp_path, capsys
):
    table = tmp_path / "list.csv"
    table.write_text(f"kind,shot\nNA,{images[1]}\n,{images[0]}\n")
    assert main(["predict", model, str(table), "--image-column", "shot"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [images[1], images[0]]
    table.write_text(f"shot,kind\n{images[1]},NA\n")
    assert main(["predict", model, str(table)]) == 0
    assert capsys.readouterr().out.startswith(images[1])
    assert main(["predict", model, str(table), "--category-column", "sort"]) == 2
    assert "--category-column must name a column of" in capsys.readouterr().err
