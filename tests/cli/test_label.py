import os
import shutil
import socket

import pytest

from attrlearn.app import launch
from attrlearn.cli import label, main
from attrlearn.labels.shared_file import CellName, Decision, SharedLabels


@pytest.fixture
def calls(monkeypatch):
    """Calls of what serves the page, which serves nothing here."""
    calls = []
    monkeypatch.setattr(label, "check_streamlit", lambda: None)
    monkeypatch.setattr(label, "serve_labels", lambda task, **how: calls.append((task, how)))
    return calls


@pytest.fixture
def port():
    with socket.create_server(("localhost", 0)) as server:
        return str(server.getsockname()[1])


@pytest.fixture
def labels(images, tmp_path):
    for path in images["image"][:3]:
        shutil.copy(path, tmp_path)
    path = tmp_path / "labels.csv"
    path.write_text("image,hood,kind\n0.png,1,a\n1.png,NA,b\n2.png,0,a\ngone.png,,a\n")
    return path


def test_the_page_is_served_on_this_machine_alone(calls, labels, port, capsys):
    options = ["--no-model", "--category-column", "kind", "--user", "ada"]
    assert main(["label", str(labels), "--port", port, *options]) == 0
    ((task, how),) = calls
    assert (task.user, task.attributes, task.learner) == ("ada", ["hood"], None)
    assert how == {"host": "localhost", "port": int(port), "browser": True}
    assert capsys.readouterr().out == (
        "labels.csv: 4 rows, 1 attributes, 50.0% missing\n"
        "rows whose image is not there, which are not asked for: 1, the first 'gone.png' at line "
        f"5\nlog: {labels}.log\npage: http://localhost:{port} (Ctrl+C ends it)\n"
    )


def test_features_are_those_of_the_options(calls, labels, port):
    options = ["--backbone", "squeezenet1_1", "--weights", "none", "--image-size", "32"]
    assert main(["label", str(labels), "--port", port, *options]) == 0
    ((task, _),) = calls
    assert task.learner.embedder.image_size == 32
    assert task.learner.wait(60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["https://host/labels.csv"], "LABELS must be a file of this machine, to be written"),
        (["nowhere.csv"], "LABELS must exist. Got 'nowhere.csv'"),
        (["."], "LABELS must be a file. Got the folder '.'"),
        (["labels.csv", "--attribute", "cap"], "--attribute must name attributes of LABELS"),
        (["labels.csv", "--image-dir", "no"], "--image-dir must be an existing folder"),
        (["labels.csv", "--image-dir", "empty"], "LABELS must name images that are there. Got 4"),
        (["latin.csv"], "latin.csv must be UTF-8 text"),
        (["bare.csv"], "bare.csv must have a column besides"),
        (["labels.csv", "--weights", "no.pth"], "no.pth"),
        (["labels.csv", "--undo"], "There must be a page of decisions to take back"),
    ],
)
def test_what_cannot_be_labelled_is_told_before_the_page_is_served(
    arguments, message, calls, labels, port, monkeypatch, capsys
):
    monkeypatch.chdir(labels.parent)
    os.mkdir("empty")
    labels.with_name("latin.csv").write_bytes("image,grün\n0.png,1\n".encode("latin-1"))
    labels.with_name("bare.csv").write_text("image\n0.png\n")
    assert main(["label", *arguments, "--port", port]) == 2
    assert message in capsys.readouterr().err
    assert not calls


def test_a_file_that_cannot_be_written_is_told(calls, labels, port, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everything
    assert main(["label", str(labels), "--port", port]) == 2
    assert "labels.csv is read-only. Change the permissions" in capsys.readouterr().err


def test_without_streamlit_the_error_says_what_to_install(labels, monkeypatch, capsys):
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    assert main(["label", str(labels)]) == 2
    assert "Run: pip install 'attrlearn[app]'" in capsys.readouterr().err


def test_undo_takes_the_last_page_back_without_a_page(labels, capsys):
    before = labels.read_text()
    shared = SharedLabels(labels, None, ["NA"])
    decisions = [
        Decision(CellName("1.png", 0, 1, "hood"), "NA", "1"),
        Decision(CellName("2.png", 0, 1, "hood"), "0", "1"),
    ]
    shared.save(decisions, user="ada", session="s")
    assert main(["label", str(labels), "--undo"]) == 0
    assert labels.read_text() == before
    assert capsys.readouterr().out == "labels.csv: 2 cells hold again what they held before\n"
    shared.save(decisions, user="ada", session="s")
    labels.write_text(labels.read_text().replace("2.png,1", "2.png,NA"))
    assert main(["label", str(labels), "--undo"]) == 1
    assert labels.read_text() == before.replace("2.png,0", "2.png,NA")
    assert "not taken back: 2.png, hood" in capsys.readouterr().err
