"""Features that are kept in a file are those that are kept in memory, and leave nothing behind."""

import errno
from collections import namedtuple

import numpy as np
import pytest
import torch

from attrlearn.exceptions import ImageError
from attrlearn.training import computed_views
from attrlearn.training.computed_views import collect_in_file, collect_in_memory

SHAPE = (2, 9, 3)  # rows 2 and 8 cannot be read
PARTS = [np.array([0, 1, 3]), np.array([], dtype=int), np.array([4, 5, 6, 7])]
VIEWS = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


def batches(dtype=torch.float32):
    return ((rows, VIEWS[:, rows].to(dtype)) for rows in PARTS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_that_could_be_read_come_first_wherever_they_are_kept(tmp_path, dtype):
    in_file = collect_in_file(batches(dtype), SHAPE, dtype, [tmp_path / "new"])
    for rows, views in (in_file, collect_in_memory(batches(dtype), SHAPE, dtype)):
        assert rows.tolist() == [0, 1, 3, 4, 5, 6, 7]
        assert views.shape == SHAPE
        assert views.dtype == dtype
        assert views.is_contiguous()
        assert torch.equal(views[:, :7], VIEWS[:, rows].to(dtype))


@pytest.mark.skipif("os.name == 'nt'", reason="there the file goes when it is freed")
def test_the_file_has_no_name_while_it_is_read(tmp_path):
    _, views = collect_in_file(batches(), SHAPE, torch.float32, [tmp_path])
    assert [*tmp_path.iterdir()] == []
    assert views[1, 0].tolist() == VIEWS[1, 0].tolist()


def test_no_file_is_left_after_an_error_or_when_it_is_freed(tmp_path):
    def failing():
        yield from batches()
        raise ImageError("Could not read image 'a.jpg'")

    with pytest.raises(ImageError, match=r"^Could not read image 'a\.jpg'$"):
        collect_in_file(failing(), SHAPE, torch.float32, [tmp_path])
    _, views = collect_in_file(batches(), SHAPE, torch.float32, [tmp_path])
    del views
    assert [*tmp_path.iterdir()] == []


def test_the_first_folder_with_room_is_taken(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for folder in ("small", "large"):
        (tmp_path / folder).mkdir()
    free = {"small": 215, "large": 216}
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(
        computed_views.shutil, "disk_usage", lambda folder: usage(free[folder.name])
    )
    used = []
    make = computed_views.tempfile.TemporaryFile
    monkeypatch.setattr(
        computed_views.tempfile,
        "TemporaryFile",
        lambda dir, **options: used.append(dir.name) or make(dir=dir, **options),
    )
    folders = [tmp_path / name for name in ("file", "small", "large")]
    rows, _ = collect_in_file(batches(), SHAPE, torch.float32, folders)
    assert used == ["large"]
    assert len(rows) == 7
    with pytest.raises(
        OSError,
        match=r"(?s)Got 216 bytes of them, and '.*file': File exists; '.*small': 215 bytes free\. "
        "Make room there, or name a folder on a larger disk by cache_dir or .* TMPDIR",
    ):
        collect_in_file(batches(), SHAPE, torch.float32, folders[:2])


def test_a_disk_that_fills_up_on_the_way_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(computed_views, "_write", full)
    with pytest.raises(OSError, match=rf"Got 216 bytes .*{tmp_path.name}': No space left on devic"):
        collect_in_file(batches(), SHAPE, torch.float32, [tmp_path])
    assert [*tmp_path.iterdir()] == []


def test_what_the_system_takes_in_pieces_is_written_whole(tmp_path, monkeypatch):
    make = computed_views.tempfile.TemporaryFile

    class Piecemeal:
        def __init__(self, **options):
            self.file = make(**options)

        def write(self, content):
            return self.file.write(content[:5])

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

    monkeypatch.setattr(computed_views.tempfile, "TemporaryFile", Piecemeal)
    rows, views = collect_in_file(batches(), SHAPE, torch.float32, [tmp_path])
    assert torch.equal(views[:, :7], VIEWS[:, rows])
