from pathlib import Path

import pytest

from attrlearn.cli.files import check_writable, whole_file


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
