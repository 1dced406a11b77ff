import shutil
import sys
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from attrlearn import AttributeClassifier, read_labels
from attrlearn.cli import main
from attrlearn.metrics import attribute_report, format_report
from attrlearn.model_selection import AttributeShuffleSplit


@pytest.fixture
def train(labels, shots, quick, tmp_path):
    """Call `attrlearn train` on the fixtures, with further options."""

    def call(*options, file=labels):
        argv = ["train", str(file), "--image-dir", str(shots), "--out", str(tmp_path / "model")]
        return main([*argv, *quick, "--max-epochs", "1", *options])

    return call


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_model_is_the_one_that_python_fits(train, labels, shots, tmp_path, capsys):
    options = "--category-column kind --attention --batch-size 4 --engine auto"
    assert train(*options.split()) == 0
    X, y = read_labels(labels, shots, category_column="kind")
    model = joblib.load(tmp_path / "model")
    twin = AttributeClassifier(
        "squeezenet1_1",
        weights=None,
        image_size=32,
        random_state=0,
        max_epochs=1,
        attention=True,
        batch_size=4,
    ).fit(X, y)
    assert model.get_params() == twin.get_params()
    np.testing.assert_array_equal(model.loss_curve_, twin.loss_curve_)
    pd.testing.assert_frame_equal(model.predict_table(X), twin.predict_table(X))
    assert names(tmp_path) == ["model"]
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{labels}: 12 images, 3 attributes, 19.4% missing",
        f"model: {tmp_path / 'model'}",
    ]
    assert err == ""  # no progress where no one looks


def test_progress_is_shown_on_a_terminal_unless_unwanted(train, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert train() == 0
    assert "epoch 1/1" in capsys.readouterr().err
    assert train("--verbose", "0") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "start"), [("c.png", b"\x89PNG"), ("c", b"\x89PNG"), ("c.PDF", b"%PDF")]
)
def test_the_curve_is_written_in_the_format_of_its_suffix(train, tmp_path, name, start):
    assert train("--plot", str(tmp_path / name), "--title", "5") == 0
    assert (tmp_path / name).read_bytes().startswith(start)
    assert names(tmp_path) == sorted([name, "model"])


def test_a_title_without_a_plot_is_warned_about(train, capsys):
    assert train("--title", "curve") == 0
    assert capsys.readouterr().err == (
        "attrlearn: warning: --title is for the plot of the loss curve: pass --plot PNG.\n"
    )


def test_validation_prints_the_metrics_of_the_rows_held_out(train, labels, shots, tmp_path, capsys):
    assert train("--category-column", "kind", "--validation", "0.25") == 0
    X, y = read_labels(labels, shots, category_column="kind")
    rows, held_out = next(AttributeShuffleSplit(1, test_size=0.25, random_state=0).split(X, y))
    model = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(
        model.loss_curve_,
        AttributeClassifier(**model.get_params()).fit(X.iloc[rows], y.iloc[rows]).loss_curve_,
    )
    report = attribute_report(
        y.iloc[held_out], model.predict_proba(X.iloc[held_out]), classes=model.classes_
    )
    shown = capsys.readouterr().out
    assert shown.endswith(f"on 3 held-out images\n{format_report(report)}\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--max-epochs 0", "--max-epochs must be an int in the range [1, inf). Got 0"),
        ("--norm group", "--norm must be .* Got 'group'"),
        ("--backbone resnet81", "--backbone must be .* Got 'resnet81'. Did you mean 'resnet18'"),
        ("--weights none.pth", "--weights must be .* Got 'none.pth', which is not a file"),
        ("--validation 2", "--validation: must be at least 0 and below 1. Got 2"),
        ("--validation -0.1", "--validation: must be at least 0 and below 1. Got -0.1"),
        ("--validation 0.99", "--validation must leave rows on both sides. Got 0.99"),
        ("--plot c.xyz", "--plot must end in one of .* png .* Got 'c.xyz'"),
        ("--image-column file", "--image-column must name a column of labels.csv. Got 'file'"),
        ("--image-dir nowhere", "--image-dir must be an existing folder. Got 'nowhere'"),
        ("--class-weight {[]:1}", "--class-weight must .* Got '{[]:1}'"),
    ],
)
def test_wrong_values_give_2_and_the_reason_and_no_file(train, options, words, tmp_path, capsys):
    assert train(*options.split()) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("attrlearn train: error: ")
    for part in words.split(" .* "):
        assert part in last
    assert not names(tmp_path)


def test_a_missing_labels_file_is_named(train, capsys):
    assert train(file="nowhere.csv") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("attrlearn train: error: ")
    assert line.endswith("The labels file must exist. Got 'nowhere.csv'. Check the path.")


def test_an_image_that_cannot_be_read_is_an_error_or_dropped(quick, tmp_path, capsys):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    Image.new("RGB", (9, 9), "red").save(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("no image")
    (tmp_path / "list.txt").write_text("a.png 0\nb.png 1\nc.png 1\n")
    argv = ["train", str(tmp_path / "list.txt"), "--out", str(tmp_path / "model"), *quick]
    assert main(argv) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "Could not read image" in error
    assert "c.png' (row 2): not an image" in error
    assert error.endswith("Replace it, or pass --on-bad-image drop.")
    assert not (tmp_path / "model").exists()
    assert main([*argv, "--on-bad-image", "drop"]) == 0
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("attrlearn: warning: 1 of 3 images could not be read")
    assert joblib.load(tmp_path / "model").bad_images_["row"].tolist() == [2]


def test_an_error_of_the_writer_leaves_no_model(train, monkeypatch, tmp_path, capsys):
    def full(clf, name):
        (tmp_path / name).write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr("attrlearn.cli.train.joblib", SimpleNamespace(dump=full))
    assert train() == 2
    assert capsys.readouterr().err.endswith("error: disk full\n")
    assert not names(tmp_path)


@pytest.mark.parametrize("name", ["labels.csv", "shots/p00.png", "w.pth", "curve.png", "f"])
def test_no_output_may_be_a_file_that_is_read_or_another_output(
    name, labels, shots, quick, tmp_path, capsys
):
    shutil.copytree(shots, tmp_path / "shots")
    shutil.copy(labels, tmp_path)
    (tmp_path / "w.pth").write_bytes(b"weights")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    argv = ["train", str(tmp_path / "labels.csv"), "--image-dir", str(tmp_path / "shots"), *quick]
    argv += ["--out", str(tmp_path / name), "--plot", str(tmp_path / "curve.png")]
    argv += ["--weights", str(tmp_path / "w.pth"), "--cache-dir", str(tmp_path / "f")]
    assert main(argv) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("attrlearn train: error: --out ")
    rules = "must not be a file that is read. Got", "and --plot must be", "and --cache-dir must be"
    assert any(rule in error for rule in rules)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_an_output_that_cannot_be_is_found_before_the_labels_are_read(train, tmp_path, capsys):
    (tmp_path / "file").touch()
    for out in ("x" * 300, str(tmp_path / "file" / "model")):
        assert train("--out", out, file="nowhere.csv") == 2
        assert "The output must be in a folder that can be written" in capsys.readouterr().err
        assert train("--plot", out, file="nowhere.csv") == 2
        assert "The output must be in a folder that can be written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["image", "category"])
def test_an_attribute_named_as_a_column_of_the_predictions_is_an_error(
    name, train, labels, tmp_path, capsys
):
    table = pd.read_csv(labels).rename(columns={"image": "file", "blue": name})
    table.to_csv(tmp_path / "labels.csv", index=False)
    assert train("--category-column", "kind", file=tmp_path / "labels.csv") == 2
    error = capsys.readouterr().err
    assert f"Got the attribute '{name}'. Rename its column." in error
    assert names(tmp_path) == ["labels.csv"]


def test_an_attribute_may_be_called_category_where_no_category_is_given(
    train, labels, shots, tmp_path
):
    table = pd.read_csv(labels).rename(columns={"blue": "category"})
    table.to_csv(tmp_path / "labels.csv", index=False)
    assert train(file=tmp_path / "labels.csv") == 0
    out = tmp_path / "out.csv"
    assert main(["predict", str(tmp_path / "model"), str(shots), "--out", str(out)]) == 0
    assert list(pd.read_csv(out))[:3] == ["image", "kind", "kind_proba"]
    assert set(pd.read_csv(out)["category"]) <= {0, 1}


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ("p00.png 1\np00.png 1\n", "", "Pass --on-duplicate merge or --on-duplicate first."),
        ("p00.png 1\nno.png 1\n", "", "Check --image-dir, or pass --on-missing-image drop to"),
        ("p00.png 3\np01.png 1\n", "", "pass --categorical Attr1, add other marks of a missing"),
        ("p00.png 3\np01.png 1\n", "", "missing cell to --na-values, or"),
        ("p00.png 1\np01.png 0\n", "--device tpu", "--device must be one that torch can use here."),
        ("p00.png 1\np01.png 0\n", "--device tpu", "Pass --device auto."),
        (
            "p00.png 1\n",
            "--hidden-dim 8 --norm batch",
            "--norm batch must have batches of two rows",
        ),
        ("p00.png 1\n", "--hidden-dim 8 --norm batch", "and --batch-size 32. Pass --norm layer."),
        ("p00.png 1\n", "--early-stopping", "--validation-fraction must leave rows to learn from"),
        ("p00.png 1\n", "--early-stopping", "Got 0.1 of 1 rows. Lower it."),
        ("p00.png 1\n", "--early-stopping --scoring best", '--scoring must be "loss", a scorer'),
        ("p00.png 1\n", "--image-size 2", "--image-size must suit the backbone 'squeezenet1_1'"),
    ],
)
def test_errors_speak_of_options(rows, options, words, train, tmp_path, capsys):
    (tmp_path / "list.txt").write_text(rows)
    assert train(*options.split(), file=tmp_path / "list.txt") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert words in error
    assert names(tmp_path) == ["list.txt"]


def test_where_weights_cannot_be_downloaded_the_option_is_named(train, monkeypatch, capsys):
    def fail(self, **options):
        raise OSError("no network")

    monkeypatch.setattr("torchvision.models.WeightsEnum.get_state_dict", fail)
    assert train("--weights", "DEFAULT") == 2
    assert capsys.readouterr().err.endswith(
        "no network. Pass --weights path/to/its/state_dict.pth, or --weights none to start from "
        "random weights.\n"
    )
