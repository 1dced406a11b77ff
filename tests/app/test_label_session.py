import shutil

import numpy as np
import pandas as pd
import pytest

from attrlearn.app.label_order import Order
from attrlearn.app.label_session import Answer, LabelSession, LabelTask
from attrlearn.app.labelled_table import Columns
from attrlearn.app.learner import Progress
from attrlearn.app.questions import KINDS, OpenQuestions, read_key
from attrlearn.checks.text_columns import NA_VALUES
from attrlearn.labels.shared_file import SharedLabels

ROWS = [
    "image,hood,length",
    "0.png,1,long",
    "1.png,NA,midi",
    "2.png,0,NA",
    "gone.png,NA,NA",
    "3.png,NA,short",
    "0.png,0,long",  # the same file again
    "copy.png,NA,midi",  # the same content as 1.png
]


class Learnt:
    """A learner that has found what the test says."""

    unreadable: dict = {}  # noqa: RUF012

    def __init__(self, order=None):
        self.order, self.tables = order, []

    @property
    def progress(self):
        return Progress(self.order, 1, is_busy=False, text="")

    def learn(self, table):
        self.tables.append(table)


def order_of(missing=(), doubtful=()):
    """Cells in the order in which they are given."""
    return Order(
        pd.DataFrame(missing, columns=["row", "attribute", "suggested", "confidence"]),
        pd.DataFrame(
            doubtful, columns=["row", "attribute", "given", "suggested", "error_probability"]
        ),
    )


@pytest.fixture
def folder(images, tmp_path):
    for i in range(4):
        shutil.copy(images["image"][i], tmp_path / f"{i}.png")
    shutil.copy(tmp_path / "1.png", tmp_path / "copy.png")
    return tmp_path


@pytest.fixture
def session_of(folder):
    """Open a window on a labels file."""

    def session(rows=ROWS, learner=None, attributes=None, **columns):
        path = folder / "labels.csv"
        path.write_text("\n".join(rows))
        labels = SharedLabels(path, None, NA_VALUES, folder)
        task = LabelTask(labels, Columns(**columns), folder, "me", attributes, learner)
        return LabelSession(task)

    return session


def asked(session, *kinds, attribute=None):
    """The first image, the attribute and the kind of each question."""
    found = session.questions(kinds or KINDS)
    names = session.task.attributes if attribute is None else [attribute]
    questions = [question for name in names for question in found.first(99, name)]
    assert len(questions) == (len(found) if attribute is None else found.counts()[attribute])
    return [(q.cells[0].image, q.attribute, q.kind) for q in questions]


def question(session, image, attribute="hood", kinds=KINDS):
    found = session.questions(kinds).first(99, attribute)
    return next(q for q in found if q.cells[0].image == image)


def lines(session):
    return session.task.labels.path.read_text().split("\n")


def test_each_image_is_asked_for_once_and_never_one_that_is_not_there(session_of):
    assert asked(session_of()) == [
        ("0.png", "hood", "contradicting"),
        ("1.png", "hood", "missing"),
        ("3.png", "hood", "missing"),
        ("2.png", "length", "missing"),
    ]
    assert asked(session_of(), "missing", attribute="length") == [("2.png", "length", "missing")]
    assert asked(session_of(attributes=["length"])) == [("2.png", "length", "missing")]


def test_an_answer_is_written_to_all_rows_that_show_the_image(session_of):
    session = session_of()
    outcome = session.save(
        [
            Answer(question(session, "0.png").key, "0"),
            Answer(question(session, "1.png").key, "1"),
            Answer(question(session, "2.png", "length").key, "short"),
        ]
    )
    assert (outcome.n_written, outcome.errors) == (4, [])
    expected = list(ROWS)
    expected[1], expected[2], expected[3] = "0.png,0,long", "1.png,1,midi", "2.png,0,short"
    expected[7] = "copy.png,1,midi"
    assert lines(session) == expected
    assert asked(session) == [("3.png", "hood", "missing")]
    session.undo()
    assert lines(session) == ROWS


def test_what_is_skipped_or_cannot_be_told_is_not_asked_again(session_of):
    session = session_of()
    answers = [
        Answer(question(session, "1.png").key, is_skipped=True),
        Answer(question(session, "3.png").key, None),
    ]
    assert session.save(answers).n_written == 0
    assert lines(session) == ROWS
    assert asked(session, "missing", attribute="hood") == []
    assert session.n_skipped == 1
    session.ask_skipped_again()
    assert asked(session, "missing", attribute="hood") == [("1.png", "hood", "missing")]


def test_a_contradiction_may_become_a_gap(session_of):
    session = session_of()
    session.save([Answer(question(session, "0.png").key, None)])
    assert [lines(session)[i] for i in (1, 6)] == ["0.png,NA,long", "0.png,NA,long"]


def test_values_are_written_as_the_file_writes_them(session_of):
    session = session_of(["image;a;b", "0.png;True;", "1.png;;1.0", "2.png;False;0.0"])
    for image, attribute in (("1.png", "a"), ("0.png", "b")):
        session.save([Answer(question(session, image, attribute).key, "1")])
    assert lines(session) == ["image;a;b", "0.png;True;1.0", "1.png;True;1.0", "2.png;False;0.0"]


def test_the_order_is_that_of_the_model(session_of):
    order = order_of(
        missing=[(4, "hood", 1, 0.5), (2, "length", "long", 0.6), (1, "hood", 0, 0.7)],
        doubtful=[(1, "length", "midi", "long", 0.9), (2, "hood", 1, 0, 0.8)],
    )
    session = session_of(learner=Learnt(order))
    found = session.questions(["missing", "doubtful"])
    assert found.next_attribute({}, 5) == "hood"
    assert found.next_attribute({"hood": 1}, 5) == "length"
    assert found.next_attribute({"hood": 1}, 1) == "hood"
    hoods = found.first(9, "hood")
    # That of row 2 is given as 1 in the order, and 0 in the file: it has been corrected since.
    assert [(q.cells[0].image, q.suggested, q.confidence) for q in hoods] == [
        ("3.png", "1", 0.5),
        ("1.png", "0", 0.7),
    ]
    lengths = found.first(9, "length")
    assert [(q.cells[0].image, q.kind, q.suggested) for q in lengths] == [
        ("2.png", "missing", "long"),
        ("1.png", "doubtful", "long"),
    ]


def test_a_doubtful_label_that_is_confirmed_is_not_asked_again(session_of):
    order = order_of(doubtful=[(2, "hood", 0, 1, 0.8)])
    session = session_of(learner=Learnt(order))
    assert asked(session, "doubtful") == [("2.png", "hood", "doubtful")]
    assert session.save([Answer(question(session, "2.png").key, "0")]).n_written == 0
    assert asked(session, "doubtful") == []


def test_the_model_learns_from_what_was_written(session_of):
    learner = Learnt()
    session = session_of(learner=learner)
    session.save([Answer(question(session, "3.png").key, "1")])
    before, after = learner.tables
    assert np.isnan(before.y()["hood"][4])
    assert after.y()["hood"][4] == 1


def test_two_windows_on_a_file_overwrite_nothing(session_of):
    mine = session_of()
    theirs = LabelSession(mine.task)
    key, other = question(mine, "3.png").key, question(mine, "1.png").key
    theirs.save([Answer(key, "1")])
    outcome = mine.save([Answer(key, "0"), Answer(other, "0")])
    assert outcome.n_written == 2
    assert outcome.handled == [key, other]
    assert lines(mine)[5] == "3.png,1,short"
    (conflict,) = mine.conflicts
    assert (conflict.decision.text, conflict.current) == ("0", "1")
    mine.settle(conflict, is_overwritten=True)
    assert lines(mine)[5] == "3.png,0,short"
    assert mine.conflicts == []


def test_theirs_may_be_kept(session_of):
    mine = session_of()
    theirs = LabelSession(mine.task)
    key = question(mine, "3.png").key
    theirs.save([Answer(key, "1")])
    mine.save([Answer(key, "0")])
    mine.settle(mine.conflicts[0], is_overwritten=False)
    assert mine.conflicts == []
    assert lines(mine)[5] == "3.png,1,short"


@pytest.mark.parametrize(
    ("key", "label", "message"),
    [
        ("no key", "1", "A decision must be about a cell"),
        ("[1, []]", "1", "A decision must be about a cell"),
        ('["image", [["3.png", 0, 1, "NA"]]]', "1", "is no attribute that is asked for"),
        ('["hood", [["3.png", 0, 1, "NA"]]]', "2", "'2' is no class of 'hood'"),
    ],
)
def test_what_no_page_sends_is_told_and_the_rest_is_written(session_of, key, label, message):
    session = session_of()
    good = Answer(question(session, "3.png").key, "1")
    outcome = session.save([Answer(key, label), good])
    assert outcome.n_written == 1
    (error,) = outcome.errors
    assert message in error


def test_keys_are_read_back(session_of):
    found = question(session_of(), "1.png")
    again = read_key(found.key)
    assert (again.attribute, again.cells, again.seen) == ("hood", found.cells, found.seen)


def test_questions_agree_with_a_loop_over_all_images(session_of):
    rng = np.random.default_rng(0)
    names = rng.choice(["0.png", "1.png", "2.png", "3.png", "copy.png"], 12)
    cells = rng.choice(["0", "1", "NA"], (12, 3))
    rows = [
        "image,a,b,c",
        *(",".join([name, *row]) for name, row in zip(names, cells, strict=True)),
    ]
    table = session_of(rows).task.table()
    found = OpenQuestions(table, ["contradicting", "missing"], ["a", "b", "c"])
    shown = {"copy.png": "1.png"}
    for number, attribute in enumerate("abc"):
        held: dict = {}
        for name, row in zip(names, cells, strict=True):
            held.setdefault(shown.get(name, name), set()).add(row[number])
        expected = [
            "contradicting" if {"0", "1"} <= texts else "missing"
            for texts in held.values()
            if "NA" in texts or {"0", "1"} <= texts
        ]
        assert [q.kind for q in found.first(99, attribute)] == sorted(expected)
        assert found.counts()[attribute] == len(expected)


def test_rows_of_a_group_and_of_an_image_are_kept_together(session_of):
    rows = ["image,hood,g", "0.png,1,p", "1.png,1,p", "copy.png,0,q", "2.png,0,q", "3.png,0,"]
    groups = session_of(rows, group="g").task.table().groups()
    assert len(set(groups[:4])) == 1
    assert groups[4] not in groups[:4]
