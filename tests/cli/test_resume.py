"""A table whose writing was interrupted, and goes on."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pandas as pd
import pytest

from attrlearn.cli import main, predict, resume

SCRIPT = Path(__file__).parent / "scripts" / "predict_slowly.py"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(predict, "CHUNK", 4)


@pytest.fixture
def images(shots):
    return sorted(map(str, shots.iterdir()))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "table.csv"


@pytest.fixture
def argv(model, images, out):
    return ["predict", model, *images, "--category", "shirt", "--resume", "--out", str(out)]


@pytest.fixture
def whole(model, images, tmp_path, capsys):
    """The table as a run without interruption writes it, in bytes."""
    path = tmp_path / "whole.csv"
    assert main(["predict", model, *images, "--category", "shirt", "--out", str(path)]) == 0
    capsys.readouterr()
    return path.read_bytes()


@pytest.fixture
def seen(monkeypatch):
    """The images that are predicted."""
    seen = []
    iter_predict_table = predict.AttributeClassifier.iter_predict_table

    def spy(self, X, **options):
        seen.extend(X["image"])
        return iter_predict_table(self, X, **options)

    monkeypatch.setattr(predict.AttributeClassifier, "iter_predict_table", spy)
    return seen


def assert_same(out, whole):
    """The table is the whole one, but for the last digit: other rows may pass side by side."""
    found, expected = pd.read_csv(out), pd.read_csv(io.BytesIO(whole))
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-4)
    assert out.read_bytes().count(b"\n") == whole.count(b"\n")


def interrupt(monkeypatch, argv, n_chunks):
    """Run a command that fails after so many chunks."""
    append, left = resume.PartialTable.append, [n_chunks]

    def fail(self, table):
        if not left[0]:
            raise OSError("power cut")
        left[0] -= 1
        append(self, table)

    with monkeypatch.context() as patch:
        patch.setattr(resume.PartialTable, "append", fail)
        assert main(argv) == 2


def test_an_undisturbed_run_leaves_the_table_alone(argv, out, whole, tmp_path):
    assert main(argv) == 0
    assert out.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv", "whole.csv"]


def test_a_run_goes_on_after_the_last_row(argv, out, whole, images, seen, monkeypatch, capsys):
    interrupt(monkeypatch, argv, 2)
    assert not out.exists()
    assert Path(f"{out}.part").read_bytes() == b"".join(whole.splitlines(keepends=True)[:9])
    capsys.readouterr()
    seen.clear()
    assert main(argv) == 0
    assert seen == images[8:]
    assert out.read_bytes() == whole
    assert capsys.readouterr() == (f"predictions: {out}\n", "resumed: 8 of 12 rows are there\n")


@pytest.mark.slow
def test_wherever_the_file_is_torn_the_table_is_whole_in_the_end(argv, out, whole, monkeypatch):
    interrupt(monkeypatch, argv, 0)
    about = Path(f"{out}.part.json").read_text()
    for n_bytes in range(0, len(whole), 131):
        Path(f"{out}.part").write_bytes(whole[:n_bytes] + b"\xc3")
        Path(f"{out}.part.json").write_text(about)
        assert main(argv) == 0
        assert_same(out, whole)


def test_a_table_that_lacks_but_its_name_is_renamed(argv, out, whole, seen, monkeypatch):
    interrupt(monkeypatch, argv, 2)
    seen.clear()
    Path(f"{out}.part").write_bytes(whole)
    assert main(argv) == 0
    assert seen == []
    assert out.read_bytes() == whole


def test_a_line_break_in_a_name_ends_no_row(model, images, out, tmp_path, monkeypatch):
    odd = tmp_path / 'a\n"b".png'
    odd.write_bytes(Path(images[0]).read_bytes())
    argv = ["predict", model, *images[:3], str(odd), images[3], "--out", str(out), "--resume"]
    interrupt(monkeypatch, argv, 1)
    part = Path(f"{out}.part")
    part.write_bytes(part.read_bytes()[: part.read_bytes().index(b'""b')])
    assert main(argv) == 0
    assert pd.read_csv(out)["image"].tolist() == [*images[:3], str(odd), images[3]]


def test_bad_images_of_the_first_run_are_reported_by_the_second(
    argv, images, out, tmp_path, monkeypatch, capsys
):
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    argv[2:2] = [str(bad)]
    argv.insert(argv.index("--category"), "absent.png")
    interrupt(monkeypatch, argv, 1)
    capsys.readouterr()
    assert main(argv) == 1
    assert capsys.readouterr().err.splitlines() == [
        "resumed: 4 of 14 rows are there",
        "attrlearn predict: could not read image 'absent.png': no such file",
        f"attrlearn predict: could not read image '{bad}': not an image Pillow can read",
    ]
    assert pd.read_csv(out)["image"].tolist() == [str(bad), *images, "absent.png"]


def refused(argv, capsys, words):
    before = {path: path.read_bytes() for path in Path(argv[-1]).parent.iterdir()}
    capsys.readouterr()
    assert main(argv) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "--resume must go on with the same images, model and options. Got" in error
    assert words in error
    assert error.endswith("Delete it to begin anew, or choose another --out.")
    after = {path: path.read_bytes() for path in Path(argv[-1]).parent.iterdir()}
    assert after == before


def test_other_images_are_refused(argv, images, monkeypatch, capsys):
    interrupt(monkeypatch, argv, 2)
    place = argv.index(images[5])
    other = [*argv[:place], images[6], images[5], *argv[place + 2 :]]
    with open(f"{argv[-1]}.part", "a") as file:
        file.write("a line that was to")
    refused(other, capsys, f"'{images[5]}', 'shirt'] in row 5, where the input has")
    refused([*argv[:2], *images[:5], *argv[-5:]], capsys, "with more than the 5 rows of the input")


def test_another_category_model_or_option_is_refused(argv, clf, tmp_path, monkeypatch, capsys):
    interrupt(monkeypatch, argv, 2)
    other = [word if word != "shirt" else "dress" for word in argv]
    refused(other, capsys, "'shirt'] in row 0")
    refused([*argv[:-3], "--threshold", "0.4", *argv[-3:]], capsys, "of another threshold, None")
    refused([*argv[:-3], "--all-classes", *argv[-3:]], capsys, "of another all_classes, False")
    path = joblib.dump({"a": clf}, tmp_path / "again")[0]
    joblib.dump(clf, path, compress=3)
    refused([argv[0], path, *argv[2:]], capsys, "of another model, '")


def test_rows_that_nothing_tells_of_are_refused(argv, out, whole, capsys):
    Path(f"{out}.part").write_bytes(whole[:-3])
    refused(argv, capsys, f"without '{out}.part.json', which tells of the run")
    Path(f"{out}.part").write_text("no line of a table")
    refused(argv, capsys, "without ")
    Path(f"{out}.part.json").write_text(json.dumps([1]))
    refused(argv, capsys, "without ")


def test_a_table_that_another_run_writes_is_left_to_it(argv, out, capsys):
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such locks")
    with open(f"{out}.part", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert main(argv) == 2
    assert "must be the only run that writes a table. Got" in capsys.readouterr().err


@pytest.mark.parametrize("out", [[], ["--out", "/dev/stdout"]])
def test_there_must_be_a_file_to_go_on_with(model, images, out, capsys):
    assert main(["predict", model, images[0], "--resume", *out]) == 2
    assert "error: --resume must come with --out FILE. Got" in capsys.readouterr().err


def test_without_the_option_nothing_of_it_is_read_or_removed(argv, out, whole):
    Path(f"{out}.part").write_text("anything")
    argv.remove("--resume")
    assert main(argv) == 0
    assert out.read_bytes() == whole
    assert Path(f"{out}.part").read_text() == "anything"


@pytest.mark.long
def test_a_run_that_is_killed_again_and_again_loses_and_doubles_nothing(argv, out, whole, images):
    part = Path(f"{out}.part")
    sizes = []
    for _ in range(2):
        with subprocess.Popen([sys.executable, str(SCRIPT), *argv]) as process:
            start = part.stat().st_size if part.exists() else 0
            while not (part.exists() and part.stat().st_size > start):
                time.sleep(0.02)
                assert process.poll() is None
            process.kill()
        sizes.append(part.stat().st_size)
    assert 0 < sizes[0] < sizes[1]
    assert subprocess.run([sys.executable, str(SCRIPT), *argv], check=False).returncode == 0
    assert_same(out, whole)
    assert not part.exists()
