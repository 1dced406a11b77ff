"""The recipes of examples/recipes, on a few tiny images, leave what they promise."""

import runpy
from ast import literal_eval
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from attrlearn import make_attribute_images

RECIPES = Path(__file__).parent.parent / "examples" / "recipes"
QUICK = ["--backbone", "squeezenet1_1", "--weights", "none", "--image-size", "32", "--epochs", "1"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def garments(tmp_path_factory) -> Path:
    """Sixty garments in a folder `images`, beside labels as each recipe takes them."""
    folder = tmp_path_factory.mktemp("recipes")
    X, y = make_attribute_images(60, folder / "images", size=32, random_state=0)
    for i, path in enumerate(X["image"]):
        Image.open(path).save(folder / "images" / f"{i:06}.jpg")
    binary = y.select_dtypes("number")
    names = pd.Series([f"{i:06}.jpg" for i in range(len(X))], name="image")
    few = pd.concat([names, binary.iloc[:, :4].astype("Int64").astype("string")], axis=1)
    few.fillna("NA").to_csv(folder / "labels.txt", sep=" ", header=False, index=False)
    pd.concat([names, X["category"], binary], axis=1).to_csv(folder / "table.csv", index=False)
    taxonomy = y.assign(id=range(len(y)), Category=X["category"])
    taxonomy.to_csv(folder / "taxonomy.csv", index=False)
    return folder


@pytest.fixture
def run(garments, tmp_path, monkeypatch, capsys):
    """Run a recipe on one of the tables; what it prints."""

    def run(name, table, *options):
        argv = [name, "--data", str(garments / table), "--out", str(tmp_path), *QUICK, *options]
        monkeypatch.setattr("sys.argv", argv)
        runpy.run_path(str(RECIPES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def has_plain_head(clf) -> bool:
    """Whether one linear layer learns from features of the last layer, as they are."""
    head = clf.network_.head
    widths = [members.linear.weight.shape[:2] for members in head.members]
    plain = widths == [(1, clf.network_.n_features + (50 if len(clf.categories_) else 0))]
    return plain and head.standardization is None and not clf.network_.backbone.stages


def test_masked_leaves_weights_a_curve_and_a_model_that_names_attributes(
    run, garments, tmp_path, monkeypatch, capsys
):
    run("masked.py", "labels.txt")
    state = torch.load(tmp_path / "deep-model.pth", weights_only=True)
    clf = joblib.load(tmp_path / "model.joblib")
    clf.network_.load_state_dict(state)
    assert has_plain_head(clf)
    assert Image.open(tmp_path / "loss_curve.png").size[0] > 300
    image = str(garments / "images" / "000003.jpg")
    monkeypatch.setattr("sys.argv", ["infer.py", str(tmp_path / "model.joblib"), image])
    runpy.run_path(str(RECIPES / "infer.py"))
    present = literal_eval(capsys.readouterr().out)
    (predicted,) = clf.predict([image])
    assert present == [n for n, v in zip(clf.attribute_names_, predicted, strict=True) if v == 1]


def test_aimonk_draws_the_curve_of_a_fine_tuned_backbone(run, tmp_path):
    shown = run("aimonk.py", "labels.txt")
    clf = joblib.load(tmp_path / "model.joblib")
    assert len(clf.loss_curve_) == 3  # 48 images in batches of 16
    assert not clf.network_.backbone.is_frozen
    assert has_plain_head(clf)
    assert Image.open(tmp_path / "Aimonk_multilabel_problem.png").size[0] > 300
    assert all(name in shown for name in clf.attribute_names_)


def test_enhanced_reports_all_attributes(run, tmp_path):
    run("enhanced.py", "table.csv")
    clf = joblib.load(tmp_path / "model.joblib")
    report = pd.read_csv(tmp_path / "report.csv", index_col="attribute")
    assert list(report.index) == clf.attribute_names_
    assert clf.categories_.tolist() == ["dress", "shirt", "trousers"]
    kinds = {type(module).__name__ for module in clf.network_.head.modules()}
    assert {"SqueezeExcitationGate", "CategoryEmbedding", "BatchNorm1d", "Dropout"} <= kinds
    assert "Standardization" not in kinds
    assert [form.n_members for form in clf.network_.head.members] == [1]
    assert clf.network_.backbone.stages == []


def test_last_layer_compares_what_was_wished_for(run, tmp_path):
    wishes = ["last layer", "validation set", "last block", "focal loss", "tuned thresholds"]
    run("last_layer.py", "labels.txt", "--variants", *wishes)
    table = pd.read_csv(tmp_path / "variants.csv", index_col=0)
    assert list(table.index) == wishes
    assert ((table > 0) & (table <= 1)).all(axis=None)
    assert table.loc["tuned thresholds", "mAP"] == table.loc["last layer", "mAP"]


def test_visual_taxonomy_scores_each_category(run, tmp_path):
    shown = run("visual_taxonomy.py", "taxonomy.csv")
    clf = joblib.load(tmp_path / "model.joblib")
    assert not any(clf._attributes.is_binary)
    assert has_plain_head(clf)
    lines = [line.split(": ") for line in shown.splitlines()]
    assert {category for category, _ in lines} == {*clf.categories_, "mean"}
    assert all(0 <= float(rest.split()[0]) <= 1 for _, rest in lines)
    assert np.isfinite(clf.loss_curve_).all()
