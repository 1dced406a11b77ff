import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from attrlearn.cli import files
from attrlearn.cli.files import check_apart, check_writable, whole_file

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
SCRIPT = Path(__file__).parent / "scripts" / "write_slowly.py"


def start_writer(path):
    """A process that is in the middle of writing `path`."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, SCRIPT, path], **streams)
    process.stdout.readline()
    return process


def write(path, text="text"):
    with whole_file(path) as name:
        Path(name).write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_nothing_else(tmp_path):
    with whole_file(tmp_path / "new" / "a.txt") as name:
        Path(name).write_text("text")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]
    assert (tmp_path / "new" / "a.txt").read_text() == "text"


def test_the_suffix_is_kept_for_writers_that_look_at_it(tmp_path):
    with whole_file(tmp_path / "a.png") as name:
        assert Path(name).suffix == ".png"
        Path(name).touch()


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    def write_half(path):
        with whole_file(path) as name:
            Path(name).write_text("half")
            raise OSError("disk full")

    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OSError, match="disk full"):
        write_half(tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_check_leaves_nothing_behind(tmp_path):
    check_writable(str(tmp_path / "new" / "folder" / "a.txt"))
    check_writable(None)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_output(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"must be a file. Got the folder .*Add a name"):
        check_writable(str(tmp_path))


def test_an_output_below_a_file_is_an_error(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match=r"folder that can be written. Got '.*a.b': Not a directory"):
        check_writable(str(tmp_path / "a" / "b"))


@posix
def test_what_a_killed_writer_left_is_removed_and_no_part_of_the_next_file(tmp_path):
    with start_writer(tmp_path / "a.txt") as process:
        process.kill()
    assert len(names(tmp_path)) == 1
    write(tmp_path / "b.txt")
    assert len(names(tmp_path)) == 2
    write(tmp_path / "a.txt")
    assert names(tmp_path) == ["a.txt", "b.txt"]
    assert (tmp_path / "a.txt").read_text() == "text"


def test_what_a_live_writer_has_in_hand_is_left_to_it(tmp_path):
    with start_writer(tmp_path / "a.txt") as process:
        write(tmp_path / "a.txt")
        assert len(names(tmp_path)) == 2
        process.stdin.write("\n")
    assert process.returncode == 0
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "whole"


@posix
def test_a_file_that_is_tidied_away_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    flock, n_calls = files.fcntl.flock, []

    def be_late(file, how):
        if not n_calls:
            next(tmp_path.iterdir()).unlink()
        n_calls.append(how)
        flock(file, how)

    monkeypatch.setattr(files.fcntl, "flock", be_late)
    write(tmp_path / "a.txt")
    assert len(n_calls) == 2
    assert names(tmp_path) == ["a.txt"]


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_file_has_the_permissions_that_open_gives(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "a.txt")
        (tmp_path / "b.txt").touch()
    finally:
        os.umask(before)
    (tmp_path / "c.txt").touch()
    (tmp_path / "c.txt").chmod(0o640)
    write(tmp_path / "c.txt")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.txt", "b.txt", "c.txt")]
    assert modes == [0o666 & ~mask, 0o666 & ~mask, 0o640]


@posix
@pytest.mark.parametrize("present", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path, present):
    (tmp_path / "there").mkdir()
    if present:
        (tmp_path / "there" / "a.txt").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "there" / "a.txt")
    check_writable(str(tmp_path / "link"))
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "a.txt").read_text() == "text"
    assert names(tmp_path / "there") == ["a.txt"]


@posix
def test_a_pipe_is_written_to_as_a_whole(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    check_writable(str(tmp_path / "pipe"))
    found = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()))
    reader.start()
    write(tmp_path / "pipe", "text" * 50_000)
    reader.join(timeout=60)
    assert found == ["text" * 50_000]
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["pipe"]


@posix
def test_a_device_stays_one(tmp_path):
    (tmp_path / "link").symlink_to(os.devnull)
    check_writable(str(tmp_path / "link"))
    write(tmp_path / "link")
    write(os.devnull)
    assert Path(os.devnull).is_char_device()
    assert (tmp_path / "link").is_symlink()


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_without_room_is_named():
    with pytest.raises(OSError, match=r"must have room\. Got '/dev/full': No space left on device"):
        write("/dev/full")


def test_what_goes_wrong_in_the_block_is_told_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image"), whole_file(tmp_path / "a.txt"):
        raise FileNotFoundError("there is no image")
    assert not any(tmp_path.iterdir())


def test_a_file_that_cannot_be_replaced_is_written_over(tmp_path, monkeypatch):
    def busy(source, target):
        raise OSError(16, "Device or resource busy")

    (tmp_path / "a.txt").write_text("a longer text than the new one")
    monkeypatch.setattr(os, "replace", busy)
    write(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "text"
    assert names(tmp_path) == ["a.txt"]


def test_a_name_as_long_as_can_be_is_written_and_a_longer_one_is_an_error(tmp_path):
    longest = tmp_path / ("x" * 251 + ".csv")
    check_writable(str(longest))
    write(longest)
    assert names(tmp_path) == [longest.name]
    for parts in (["x" * 256], ["new", "x" * 256], ["x" * 256, "a.csv"], ["new"] * 2_000):
        with pytest.raises(OSError, match=r"can be written\. Got .*: File name too long\. Choose"):
            check_writable(str(tmp_path.joinpath(*parts)))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_must_not_be_written_is_an_error(tmp_path, monkeypatch, kind):
    path = tmp_path / "a.txt"
    path.touch()
    if kind == "file":  # whatever the permissions, root may write
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    else:
        message = {"dir": tmp_path}

        def refuse(dir):
            assert {"dir": dir} == message
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    with pytest.raises(OSError, match=r"Got '.*a.txt': (it is read-only|Permission denied)\. Ch"):
        check_writable(str(path))


def test_a_name_that_ends_as_a_folder_is_no_output(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"must be a file\. Got the folder '.*new/'"):
        check_writable(f"{tmp_path}/new/")


def link_hard(path, to):
    os.link(to, path)


@pytest.mark.parametrize("link", [None, Path.symlink_to, link_hard])
def test_an_output_must_not_be_an_input_by_any_name(tmp_path, link):
    (tmp_path / "sub").mkdir()
    source = tmp_path / "labels.csv"
    source.touch()
    out = tmp_path / "sub" / ".." / "labels.csv"
    if link:
        out = tmp_path / "other"
        link(out, source)
    message = r"--out must not be a file that is read\. Got '.*', which is LABELS '.*labels\.csv'"
    with pytest.raises(ValueError, match=message):
        check_apart({"--plot": None, "--out": str(out)}, [("LABELS", str(source))])
    check_apart({"--out": str(tmp_path / "new")}, [("LABELS", str(source))])
    check_apart({"--out": os.devnull}, [("LABELS", os.devnull)])


@pytest.mark.parametrize("second", ["a.png", "./a.png", "b/../a.png", "a.png/b.png", "link"])
def test_two_outputs_must_be_two_files(tmp_path, second):
    (tmp_path / "link").symlink_to(tmp_path / "a.png")
    (tmp_path / "b").mkdir()
    outputs = {"--out": str(tmp_path / "a.png"), "--plot": f"{tmp_path}/{second}"}
    with pytest.raises(ValueError, match=r"--out and --plot must be two files\. Got .* Choose"):
        check_apart(outputs, [])
    check_apart({"--out": os.devnull, "--plot": os.devnull}, [])
    check_apart({"--out": str(tmp_path / "a"), "--plot": str(tmp_path / "b" / "a")}, [])
