import json
import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from attrlearn import read_labels
from attrlearn.cli import main
from attrlearn.metrics import attribute_report


@pytest.fixture
def evaluate(model, labels, shots):
    """The command with the labels of the training."""

    def run(*options):
        paths = [model, str(labels), "--image-dir", str(shots), "--category-column", "kind"]
        return main(["evaluate", *paths, *map(str, options)])

    return run


@pytest.fixture
def expected(clf, labels, shots):
    """The report that the library gives."""
    X, y = read_labels(labels, shots, category_column="kind")
    return attribute_report(y, clf.predict_proba(X), classes=clf.classes_)


def test_the_report_is_that_of_the_library(evaluate, expected, tmp_path, capsys):
    assert evaluate("--out", tmp_path / "out") == 0
    shown = capsys.readouterr().out
    assert "12 images, 3 attributes" in shown
    assert f"report and figures: {tmp_path / 'out'}" in shown
    table = pd.read_csv(tmp_path / "out" / "report.csv", index_col="attribute")
    scores = ["labelled", "missing", "average_precision", "roc_auc", "balanced_accuracy", "f1"]
    pd.testing.assert_frame_equal(table[scores], expected[scores], check_exact=False, rtol=1e-5)
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["n_images"] == 12
    assert [row["attribute"] for row in content["attributes"]] == list(expected.index)


@pytest.mark.slow
def test_figures_and_the_confusion_matrix_are_written(evaluate, clf, labels, shots, tmp_path):
    assert evaluate("--out", tmp_path) == 0
    names = ["report", "precision_recall", "calibration", "thresholds", "confusion_sleeve"]
    for name in names:
        with Image.open(tmp_path / f"{name}.png") as figure:
            assert min(figure.size) > 150
    matrix = pd.read_csv(tmp_path / "confusion_sleeve.csv", index_col=0)
    X, y = read_labels(labels, shots, category_column="kind")
    predicted = pd.Series(clf.predict(X)[:, 2])
    counts = pd.crosstab(y["sleeve"].astype(str).mask(y["sleeve"].isna()), predicted)
    counts = counts.reindex(index=["long", "short"], columns=["long", "short"], fill_value=0)
    assert np.array_equal(matrix, counts)


def test_nothing_is_written_without_a_folder(evaluate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert evaluate() == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_named(evaluate, shots, tmp_path, capsys, labels):
    table = pd.read_csv(labels)
    (tmp_path / "bad.png").write_bytes(b"no image")
    table.loc[0, "image"] = str(tmp_path / "bad.png")
    table.to_csv(tmp_path / "labels.csv", index=False)
    assert evaluate("--out", tmp_path / "out") == 0
    capsys.readouterr()
    model = shots.parent / "model.joblib"
    paths = [str(model), str(tmp_path / "labels.csv"), "--image-dir", str(shots)]
    options = ["--category-column", "kind", "--out", str(tmp_path / "out")]
    assert main(["evaluate", *paths, *options]) == 1
    assert "bad.png': not an image Pillow can read" in capsys.readouterr().err
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["image"] for row in content["unreadable_images"]] == [str(tmp_path / "bad.png")]
    assert content["n_images"] == 11


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": 1}, "Got the column 'colour'"),
        ({"sleeve": "none of them"}, "attribute 'sleeve'"),
    ],
)
def test_what_the_model_does_not_know_is_an_error(
    model, labels, shots, tmp_path, capsys, change, said
):
    pd.read_csv(labels).assign(**change).to_csv(tmp_path / "labels.csv", index=False)
    paths = [model, str(tmp_path / "labels.csv"), "--image-dir", str(shots)]
    assert main(["evaluate", *paths, "--category-column", "kind"]) == 2
    assert said in capsys.readouterr().err


def test_attributes_that_the_labels_lack_are_named(model, labels, shots, tmp_path, capsys):
    pd.read_csv(labels).drop(columns="new").to_csv(tmp_path / "labels.csv", index=False)
    paths = [model, str(tmp_path / "labels.csv"), "--image-dir", str(shots)]
    paths += ["--category-column", "kind", "--out", str(tmp_path / "out")]
    assert main(["evaluate", *paths]) == 0
    assert "lacks 1 of the 3 attributes of MODEL: ['new']" in capsys.readouterr().err
    assert (tmp_path / "out" / "thresholds.png").exists()


def test_inputs_are_never_overwritten(model, shots, tmp_path, capsys):
    labels = tmp_path / "report.csv"
    pd.DataFrame({"image": ["p00.png"], "blue": [1]}).to_csv(labels, index=False)
    before = labels.read_text()
    paths = [model, str(labels), "--image-dir", str(shots), "--out", str(tmp_path)]
    assert main(["evaluate", *paths]) == 2
    assert labels.read_text() == before
    assert "report.csv" in capsys.readouterr().err
