import pytest

from attrlearn import AttributeClassifier
from attrlearn.cli import demo, main


@pytest.fixture
def small_demo(monkeypatch, tmp_path, capsys):
    """Call `attrlearn demo` with few images and a network that is quick."""

    def build(backbone, **parameters):
        quick = {"trainable": "head", "image_size": 32, "max_epochs": 1}
        unseen = {"engine": "torch", "verbose": 0}
        return AttributeClassifier("squeezenet1_1", **(parameters | quick | unseen))

    monkeypatch.setattr(demo, "AttributeClassifier", build)
    monkeypatch.setattr(demo, "N_IMAGES", 24)
    monkeypatch.setattr(demo, "describe", lambda *_: "the metrics")
    monkeypatch.setattr(demo, "_histogram_score", lambda *_: 0.5)

    def call():
        code = main(["demo", "--out", str(tmp_path / "out")])
        return code, capsys.readouterr()

    return call


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["images/labels.csv", "images/mine.png", "predictions.csv"])
def test_a_file_of_the_user_is_an_error_before_anything_is_written(name, small_demo, tmp_path):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    code, (out, err) = small_demo()
    assert (code, out) == (2, "")
    assert "--out must be a folder that holds no files but those of the demo. Got " in err
    assert f"{str(path)!r}, which is another, or was changed. Name another folder." in err
    assert contents(tmp_path) == {path: b"mine"}


def test_what_a_demo_wrote_the_next_overwrites_unless_it_was_changed(small_demo, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert small_demo()[0] == 0
    before = contents(tmp_path / "out" / "images")
    (tmp_path / "out" / "images" / "image_00003.png").unlink()
    assert small_demo()[0] == 0
    assert contents(tmp_path / "out" / "images") == before
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    with (tmp_path / "out" / "images" / "labels.csv").open("a") as labels:
        labels.write("more work of mine")
    code, (_, err) = small_demo()
    assert code == 2
    assert "labels.csv', which is another, or was changed. Name another folder." in err


@pytest.mark.parametrize("path", ["out", "out/images", "out/model.joblib"])
def test_a_path_that_cannot_be_is_an_error(path, small_demo, tmp_path):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    if path == "out/model.joblib":
        (tmp_path / path).mkdir()
    else:
        (tmp_path / path).touch()
    code, (out, err) = small_demo()
    assert (code, out) == (2, "")
    assert "The output must be" in err
