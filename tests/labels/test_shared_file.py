import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from attrlearn.labels import durable_file, shared_file
from attrlearn.labels.shared_file import CellName, Decision, SharedLabels, cell_names

SCRIPT = Path(__file__).parent / "scripts" / "killed_save.py"
BEFORE = b'image,hood,note\r\na.jpg,NA,"x, y"\r\nb.jpg, NA ,\r\n\r\nc.jpg,0,z'
AFTER = BEFORE.replace(b"NA", b"1")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(BEFORE)
    return path


@pytest.fixture
def labels(path):
    return SharedLabels(path, None, ["NA"])


def hood(image, seen, text, occurrence=0, of=1):
    return Decision(CellName(image, occurrence, of, "hood"), seen, text)


def save(labels, *decisions, session="s"):
    return labels.save(decisions, user="me", session=session)


def events(labels):
    return [json.loads(line) for line in labels.log.path.read_text().splitlines()]


BOTH = (hood("a.jpg", "NA", "1"), hood("b.jpg", "NA", "1"))


def test_a_page_is_written_and_told_in_the_log(labels, path):
    saved = save(labels, *BOTH)
    assert path.read_bytes() == AFTER
    assert (saved.n_written, saved.conflicts) == (2, ())
    first, second, page, written = events(labels)
    assert (
        first
        | {
            "event": "change",
            "user": "me",
            "session": "s",
            "line": 2,
            "image": "a.jpg",
            "attribute": "hood",
            "old": "NA",
            "new": "1",
        }
        == first
    )
    assert second["line"] == 3
    assert (page["event"], page["changes"], written["event"]) == ("page", 2, "written")
    assert {event["page"] for event in events(labels)} == {saved.page}


def test_what_holds_already_what_was_decided_is_not_written(labels, path):
    save(labels, *BOTH)
    saved = save(labels, *BOTH)  # as from a page that was not told of the first time
    assert (saved.n_written, saved.page, saved.conflicts) == (0, None, ())
    assert path.read_bytes() == AFTER
    assert len(events(labels)) == 4


def test_a_cell_that_someone_else_has_written_is_told_and_the_others_are_written(labels, path):
    labels.read()
    path.write_bytes(BEFORE.replace(b"a.jpg,NA", b"a.jpg,0"))
    saved = save(labels, *BOTH)
    assert path.read_bytes() == AFTER.replace(b"a.jpg,1", b"a.jpg,0")
    (conflict,) = saved.conflicts
    assert conflict.current == "0"
    assert str(conflict) == (
        "a.jpg, hood: '1' was not written. The cell held 'NA' when it was shown, and now holds '0'."
    )


def test_rows_are_found_by_their_image_wherever_they_have_gone(labels, path):
    labels.read()
    path.write_bytes(b"image,new,hood\nz.jpg,0,NA\nb.jpg,1,NA\na.jpg,,NA\n")
    saved = save(labels, *BOTH, hood("c.jpg", "0", "1"))
    assert path.read_bytes() == b"image,new,hood\nz.jpg,0,NA\nb.jpg,1,1\na.jpg,,1\n"
    (lost,) = saved.conflicts
    assert lost.current is None
    assert "c.jpg, hood: the row is no longer there" in str(lost)


def test_of_several_rows_of_an_image_the_one_that_was_shown_is_written(labels, path):
    path.write_bytes(b"image,hood\na.jpg,NA\na.jpg,NA\n")
    save(labels, hood("a.jpg", "NA", "1", occurrence=1, of=2))
    assert path.read_bytes() == b"image,hood\na.jpg,NA\na.jpg,1\n"
    path.write_bytes(b"image,hood\na.jpg,NA\na.jpg,1\na.jpg,NA\n")
    saved = save(labels, hood("a.jpg", "NA", "0", occurrence=0, of=2))
    assert [conflict.current for conflict in saved.conflicts] == [None]


def test_an_attribute_that_is_gone_is_told(labels, path):
    path.write_bytes(b"image,cap\na.jpg,NA\nb.jpg,NA\n")
    assert [conflict.current for conflict in save(labels, *BOTH).conflicts] == [None, None]


def test_permissions_and_links_are_kept(labels, path, tmp_path):
    path.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    save(SharedLabels(link, None, ["NA"]), *BOTH)
    assert link.is_symlink()
    assert path.read_bytes() == AFTER
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir() if p.name[0] != ".") == [
        "labels.csv",
        "labels.csv.log",
        "link.csv",
    ]


def test_undo_goes_back_page_by_page_to_the_very_bytes(labels, path):
    save(labels, BOTH[0])
    between = path.read_bytes()
    save(labels, BOTH[1])
    labels.undo(user="me", session="s")
    assert path.read_bytes() == between
    labels.undo(user="me", session="s")
    assert path.read_bytes() == BEFORE
    with pytest.raises(ValueError, match="There must be a page of decisions to take back"):
        labels.undo(user="me", session="s")


def test_undo_brings_back_how_a_cell_was_quoted(tmp_path):
    path = tmp_path / "labels.csv"
    raw = b'image,sleeve\na.jpg,""\nb.jpg,long\nc.jpg,"u, v"\nd.jpg,\n'
    path.write_bytes(raw)
    labels = SharedLabels(path, None, ["NA"])
    names = cell_names(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], "sleeve")
    seen = ["", "long", "u, v", ""]
    save(labels, *(Decision(n, s, "u, v") for n, s in zip(names, seen, strict=True)))
    assert path.read_bytes().count(b'"u, v"') == 4
    labels.undo(user="me", session="s")
    assert path.read_bytes() == raw


def test_undo_leaves_what_someone_else_has_written_since(labels, path):
    save(labels, *BOTH)
    path.write_bytes(AFTER.replace(b"a.jpg,1", b"a.jpg,0"))
    saved = labels.undo(user="me", session="s")
    assert path.read_bytes() == BEFORE.replace(b"a.jpg,NA", b"a.jpg,0")
    assert [(c.decision.cell.image, c.current) for c in saved.conflicts] == [("a.jpg", "0")]


def test_a_window_takes_its_own_pages_back_alone(labels, path):
    save(labels, BOTH[0], session="mine")
    save(labels, BOTH[1], session="theirs")
    labels.undo(user="me", session="mine", only="mine")
    assert path.read_bytes() == BEFORE.replace(b" NA ", b" 1 ")


def test_a_lock_of_another_program_is_told(labels, path, monkeypatch):
    monkeypatch.setattr(shared_file, "PATIENCE", 0.05)
    with (
        FileLock(path.with_name(".labels.csv.lock")),
        pytest.raises(OSError, match=r"labels\.csv must be free to be written"),
    ):
        save(labels, *BOTH)
    assert path.read_bytes() == BEFORE


def test_a_program_that_knows_no_lock_is_not_overwritten(labels, path, monkeypatch):
    begin = labels.log.begin
    other = BEFORE.replace(b"z", b"other")

    def begin_and_lose(page):
        begin(page)
        path.write_bytes(other)

    monkeypatch.setattr(labels.log, "begin", begin_and_lose)
    with pytest.raises(OSError, match=r"Nothing was written\. Save again"):
        save(labels, *BOTH)
    assert path.read_bytes() == other
    monkeypatch.undo()
    save(labels, *BOTH)
    assert path.read_bytes() == AFTER.replace(b"z", b"other")


def test_people_who_save_at_the_same_time_lose_nothing(path):
    path.write_bytes(b"image,hood\n" + b"".join(b"%d.jpg,NA\n" % i for i in range(40)))

    def work(part):
        labels = SharedLabels(path, None, ["NA"])
        for i in range(part, 40, 4):
            save(labels, hood(f"{i}.jpg", "NA", str(i % 2)), session=str(part))

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "image,hood\n" + "".join(f"{i}.jpg,{i % 2}\n" for i in range(40))
    assert len(SharedLabels(path, None, ["NA"]).log.pages()) == 40


class Killed(BaseException):
    """What no code catches, as nothing catches a kill."""


@pytest.mark.parametrize("step", range(1, 12))
def test_wherever_a_save_ends_the_file_is_whole_and_the_log_is_right(
    labels, path, step, monkeypatch
):
    labels.read()
    calls = []

    def fail_at(module, name):
        call = getattr(module, name)

        def counted(*args, **kwargs):
            calls.append(name)
            if len(calls) >= step:
                raise Killed
            return call(*args, **kwargs)

        monkeypatch.setattr(module, name, counted)

    for name in ("fsync", "replace", "unlink", "open"):
        fail_at(durable_file.os, name)
    try:
        save(labels, *BOTH)
        is_done = True
    except Killed:
        is_done = False
    monkeypatch.undo()
    raw = path.read_bytes()
    assert raw == AFTER if is_done else raw in (BEFORE, AFTER)
    assert is_done == (step > len(calls))
    again = SharedLabels(path, None, ["NA"])
    content = again.read()
    # What the log had taken down to its end is written now, and nothing else.
    began = again.log.path.exists() and '"event": "page"' in again.log.path.read_text()
    assert content.raw == path.read_bytes() == (AFTER if began else BEFORE)
    assert len(again.log.pages()) == began
    assert not list(path.parent.glob(".labels.csv.part-*"))
    assert save(again, *BOTH).n_written == (0 if began else 2)
    assert path.read_bytes() == AFTER


def test_a_page_that_was_begun_before_the_file_changed_is_not_written_afterwards(
    labels, path, monkeypatch
):
    def fail(*args):
        raise Killed

    monkeypatch.setattr(shared_file, "replace_file", fail)
    with pytest.raises(Killed):
        save(labels, *BOTH)
    monkeypatch.undo()
    other = BEFORE.replace(b"z", b"other")
    path.write_bytes(other)
    assert SharedLabels(path, None, ["NA"]).read().raw == other
    assert events(labels)[-1]["event"] == "not written"
    assert labels.log.pages() == []


def test_a_disk_without_room_leaves_everything_as_it_was(labels, path, monkeypatch):
    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shared_file, "replace_file", fail)
    with pytest.raises(OSError, match="No space left"):
        save(labels, *BOTH)
    monkeypatch.undo()
    assert SharedLabels(path, None, ["NA"]).read().raw == BEFORE
    assert events(labels)[-1]["event"] == "not written"


def test_a_torn_line_of_the_log_is_passed_over(labels, path):
    labels.log.path.write_text('{"event": "change", "page": "1", "us')
    save(labels, *BOTH)
    assert path.read_bytes() == AFTER
    assert len(labels.log.pages()) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["0", "1", "NA", "undo"]))))
def test_any_sequence_of_pages_and_undos_is_that_of_a_stack(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_text("image,hood\n" + "".join(f"{i}.jpg,NA\n" for i in range(4)))
    labels = SharedLabels(path, None, ["NA"])
    states = [["NA"] * 4]
    for row, text in steps:
        if text == "undo":
            if len(states) > 1:
                labels.undo(user="me", session="s")
                states.pop()
        elif states[-1][row] != text:
            save(labels, hood(f"{row}.jpg", states[-1][row], text))
            states.append([*states[-1][:row], text, *states[-1][row + 1 :]])
        rows = "".join(f"{i}.jpg,{text}\n" for i, text in enumerate(states[-1]))
        assert path.read_text() == f"image,hood\n{rows}"


@pytest.mark.slow
@pytest.mark.parametrize("deadly", range(1, 9))
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_process_that_is_killed_leaves_a_file_before_or_after_the_page(path, deadly):
    command = [sys.executable, str(SCRIPT), str(path), str(deadly)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    is_saved = "saved" in process.stdout
    assert process.returncode == (0 if is_saved else -9), process.stderr
    raw = path.read_bytes()
    assert raw == AFTER if is_saved else raw in (BEFORE, AFTER)
    labels = SharedLabels(path, None, ["NA"])
    began = labels.log.path.exists() and '"event": "page"' in labels.log.path.read_text()
    assert labels.read().raw == (AFTER if began else BEFORE)
    assert len(labels.log.pages()) == began
