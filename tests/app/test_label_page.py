import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit", reason="needs the extra app")

import streamlit as st
from streamlit.testing.v1 import AppTest

from attrlearn.app import label_grid, launch
from attrlearn.app.label_session import LabelSession, LabelTask
from attrlearn.app.labelled_table import Columns
from attrlearn.checks.text_columns import NA_VALUES
from attrlearn.labels.shared_file import SharedLabels

PAGE = Path(launch.__file__).with_name("label_page.py")
TEXT = "image,hood,le_ngth\n" + "".join(
    f"{i}.png,{'NA' if i < 20 else i % 2},{['long', 'short', 'NA'][i % 3]}\n" for i in range(24)
)


class Grid:
    """Stands for the component: remembers what it is shown, and hands answers over."""

    def __init__(self):
        self.data, self.waiting = None, None

    def show(self, data, on_answers, key):
        self.data = data
        if self.waiting is not None:
            st.session_state[key] = {"answers": self.waiting}
            self.waiting = None
            on_answers()
            st.rerun()

    @property
    def names(self):
        return [card["name"] for card in self.data["cards"]]

    def answer(self, page, *labels):
        keys = [card["key"] for card in self.data["cards"]]
        answers = [
            {"key": key, "label": label, "is_skipped": label == "skip"}
            for key, label in zip(keys, labels, strict=False)
        ]
        self.waiting = {"page": self.data["page"], "answers": answers}
        return page.run()


@pytest.fixture
def grid(monkeypatch):
    grid = Grid()
    monkeypatch.setattr(label_grid, "show_grid", grid.show)
    return grid


@pytest.fixture
def task(images, tmp_path):
    for path in images["image"]:
        shutil.copy(path, tmp_path)
    path = tmp_path / "la_bels.csv"
    path.write_text(TEXT)
    return LabelTask(SharedLabels(path, None, NA_VALUES, tmp_path), Columns(), tmp_path, "me")


@pytest.fixture
def page(grid, task, monkeypatch):
    monkeypatch.setattr(launch, "labelled", task)
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    return page


def button(page, label):
    return next(button for button in page.button if button.label.startswith(label))


def test_the_first_page_asks_for_one_attribute_in_the_order_of_the_file(page, grid):
    assert (grid.data["attribute"], grid.data["binary"]) == ("hood", True)
    assert grid.names == [f"{i}.png" for i in range(18)]
    assert all(card["src"].startswith("data:image/jpeg;base64,") for card in grid.data["cards"])
    assert page.sidebar.subheader[0].value == r"la\_bels\.csv"
    assert page.sidebar.selectbox[0].options == [
        "most useful first",
        "hood (20 open)",
        "le_ngth (8 open)",
    ]


def test_answers_are_written_and_the_next_page_is_shown(page, grid, task):
    grid.answer(page, "1", "0", "skip", *["1"] * 15)
    assert not page.exception
    assert not page.error
    lines = task.labels.path.read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:6]] == ["1", "0", "NA", "1", "1"]
    assert grid.names == ["18.png", "19.png"]
    assert len(grid.data["handled"]) == 18
    button(page, "Ask again").click().run()
    assert grid.names == ["2.png", "18.png", "19.png"]
    button(page, "Undo").click().run()
    assert task.labels.path.read_text() == TEXT
    assert page.info[0].value == "17 cells hold again what they held before\\."


def test_a_categorical_attribute_is_asked_for_with_its_classes(page, grid, task):
    page.sidebar.selectbox[0].select("le_ngth").run()
    assert (grid.data["attribute"], grid.data["binary"]) == ("le_ngth", False)
    assert grid.data["classes"] == ["long", "short"]
    grid.answer(page, "short")
    assert task.labels.path.read_text().splitlines()[3] == "2.png,NA,short"


def test_questions_stay_where_they_are_until_they_are_answered(page, grid, task):
    shown = grid.data["page"]
    task.labels.path.write_text(TEXT.replace("0.png,NA", "0.png,1"))
    page.run()
    assert grid.data["page"] == shown
    grid.answer(page, "0", "0")
    assert "0\\.png, hood" in page.warning[0].value
    assert "**1** while you decided **0**" in page.warning[0].value
    assert [b.label for b in page.main.button] == ["Keep 1", "Write 0"]
    button(page, "Write 0").click().run()
    assert task.labels.path.read_text().splitlines()[1:3] == ["0.png,0,long", "1.png,0,short"]
    assert not page.warning


def test_when_everything_is_decided_the_page_says_so(page, grid, task):
    while grid.names:
        label = "1" if grid.data["binary"] else "long"
        grid.answer(page, *[label] * 18)
    assert not page.exception
    assert page.success[0].value.startswith("Nothing is left to decide here")
    assert "NA" not in task.labels.path.read_text()


def test_a_file_that_was_broken_meanwhile_is_told_and_may_be_mended(page, grid, task):
    task.labels.path.write_text("image,hood\n0.png,1,2\n")
    grid.answer(page, "1")
    assert "expected 2 fields as in the header, got 3" in page.error[0].value.replace("\\", "")
    task.labels.path.write_text(TEXT)
    page.run()
    assert grid.names[0] == "0.png"


def test_an_image_that_cannot_be_read_is_shown_as_such(grid, task, tmp_path, monkeypatch):
    (tmp_path / "0.png").write_text("no image")
    monkeypatch.setattr(launch, "labelled", task)
    AppTest.from_file(str(PAGE), default_timeout=60).run()
    card = grid.data["cards"][0]
    assert card["src"] is None
    assert card["trouble"] == "cannot be read: not an image Pillow can read"


def test_a_small_copy_is_of_the_file_as_it_is_now(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    before, _ = label_grid.thumbnail(str(path))
    Image.fromarray(np.full((9, 9, 3), 255, np.uint8)).save(path)
    assert label_grid.thumbnail(str(path))[0] != before


@pytest.mark.parametrize("handed", [None, {}, {"answers": [1]}, {"answers": [{"key": "a"}]}])
def test_what_the_grid_never_sends_is_an_error(handed):
    with pytest.raises(ValueError, match="The page must hand answers over"):
        label_grid.read_answers(handed)


def test_each_window_has_a_session_of_its_own(task):
    assert LabelSession(task).id != LabelSession(task).id
