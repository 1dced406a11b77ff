import gc
import io
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from attrlearn.checks.inputs import check_inputs
from attrlearn.exceptions import ImageError
from attrlearn.images import reader as reader_module
from attrlearn.images.decoding import read_image
from attrlearn.images.reader import ImageReader, MemoryReader, consecutive, open_reader

SIZE = 8
N = 11


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    return [rng.integers(256, size=(9 + i, 12, 3), dtype=np.uint8) for i in range(N)]


@pytest.fixture
def paths(pixels, tmp_path):
    files = [tmp_path / f"{i}.png" for i in range(N)]
    for file, image in zip(files, pixels, strict=True):
        Image.fromarray(image).save(file)
    return files


def reader(images, on_bad_image="raise", n_threads=2, resize="squash"):
    return ImageReader(images, SIZE, resize, n_threads, on_bad_image)


def read_all(images, parts=None, **options):
    """Rows and images of all batches, one after the other."""
    parts = consecutive(len(images), 4) if parts is None else parts
    rows, images = zip(*reader(images, **options).batches(parts), strict=True)
    return np.concatenate(rows), torch.cat(images)


def decoding_threads():
    return [t for t in threading.enumerate() if t.name.startswith("attrlearn-decode")]


@given(st.integers(0, 60), st.integers(1, 20))
def test_consecutive_parts_hold_each_row_once_and_in_order(n_rows, batch_size):
    parts = consecutive(n_rows, batch_size)
    assert np.concatenate(parts).tolist() == list(range(n_rows))
    assert all(len(part) == batch_size for part in parts[:-1])
    assert len(parts[-1]) <= batch_size
    assert len(parts[-1]) > 0 or n_rows == 0


def test_images_come_in_the_order_of_their_parts(paths):
    parts = [np.array([7, 2]), np.array([2]), np.array([10, 0, 5])]
    found = list(reader(paths).batches(parts))
    assert [rows.tolist() for rows, _ in found] == [[7, 2], [2], [10, 0, 5]]
    for rows, images in found:
        assert images.shape == (len(rows), 3, SIZE, SIZE)
        assert images.dtype == torch.uint8
        for row, image in zip(rows, images, strict=True):
            expected = read_image(paths[row], SIZE).transpose(2, 0, 1)
            assert np.array_equal(image.numpy(), expected)


def test_images_in_memory_equal_their_files(paths, pixels):
    _, expected = read_all(paths)
    for images in (
        [str(path) for path in paths],
        pixels,
        [Image.fromarray(image) for image in pixels],
        [path.read_bytes() for path in paths],
        [bytearray(path.read_bytes()) for path in paths],
        [memoryview(path.read_bytes()) for path in paths],
        [io.BytesIO(path.read_bytes()) for path in paths],
        [*paths[:5], *pixels[5:]],
    ):
        assert torch.equal(read_all(images)[1], expected)


def test_one_array_of_images_equals_the_list_of_them():
    images = np.random.default_rng(0).integers(256, size=(N, 9, 7, 3), dtype=np.uint8)
    assert torch.equal(read_all(images)[1], read_all(list(images))[1])


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
def test_the_number_of_threads_and_the_batch_size_change_nothing(paths, resize):
    _, expected = read_all(paths, [np.arange(N)], n_threads=1, resize=resize)
    for n_threads, batch_size in ((1, 3), (2, 1), (7, 4)):
        parts = consecutive(N, batch_size)
        rows, images = read_all(paths, parts, n_threads=n_threads, resize=resize)
        assert rows.tolist() == list(range(N))
        assert torch.equal(images, expected)


@pytest.mark.parametrize(
    "name", ["a b#%20&'\".png", "ü漢字 🧥.png", "new\nline.png", "-o.png", "~"]
)
def test_a_path_may_hold_unusual_characters(tmp_path, pixels, name):
    Image.fromarray(pixels[0]).save(tmp_path / name, "PNG")
    _, images = read_all([str(tmp_path / name), tmp_path / name])
    assert torch.equal(images, read_all(pixels[:1] * 2)[1])


def test_the_first_bad_image_in_order_is_named_whichever_fails_first(monkeypatch, pixels):
    failed = []

    def read(image, size, resize):
        row = next(row for row in range(N) if image is pixels[row])
        if row in (3, 1):
            time.sleep(0.1 if row == 3 else 0)
            failed.append(row)
            raise OSError("file is truncated")
        return read_image(image, size, resize)

    monkeypatch.setattr(reader_module, "read_image", read)
    parts = [np.array([0, 3]), np.array([1, 2])]
    with pytest.raises(OSError, match=r"of type ndarray \(row 3\): file is truncated. Replace it"):
        list(reader(pixels, n_threads=4).batches(parts))
    assert failed == [1, 3]


def test_batches_before_a_bad_image_are_given(paths):
    paths[9].write_bytes(b"")
    found = reader(paths).batches(consecutive(N, 4))
    assert [next(found)[0].tolist(), next(found)[0].tolist()] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(OSError, match=r"9.png' \(row 9\): is empty \(0 bytes\)"):
        next(found)


def test_a_missing_file_is_an_image_error(paths):
    paths[2].unlink()
    cure = r'Replace it, or pass on_bad_image="drop"\.'
    with pytest.raises(ImageError, match=rf"2.png' \(row 2\): no such file\. {cure}"):
        read_all(paths)


@pytest.mark.parametrize(
    ("image", "name", "reason"),
    [
        (None, "None", "the path is missing"),
        ("", "", "no such file"),
        (Path("shots", "a.jpg"), str(Path("shots", "a.jpg")), "no such file"),
        (b"GIF", "of type bytes", "not an image Pillow can read"),
        (io.BytesIO(b"GIF"), "of type BytesIO", "not an image Pillow can read"),
        (
            np.zeros((3, 4, 5), np.uint8),
            "of type ndarray",
            "an image must be a path, the content of a file, a PIL image or a uint8 array of shape "
            "(H, W), (H, W, 3) or (H, W, 4). Got an array of uint8, shape (3, 4, 5)",
        ),
        (Image.new("RGB", (0, 4)), "of type Image", "has no pixels"),
    ],
)
def test_a_bad_image_is_named_by_its_path_or_type_and_row(pixels, image, name, reason):
    with pytest.raises(ImageError) as caught:
        read_all([pixels[0], image])
    error = caught.value
    assert (error.row, error.image, error.reason) == (1, name, reason)
    named = name if name.startswith("of type") else repr(name)
    assert str(error) == (
        f'Could not read image {named} (row 1): {reason}. Replace it, or pass on_bad_image="drop".'
    )


def test_dropped_images_leave_the_others_as_they_are(paths):
    _, expected = read_all(paths)
    paths[0].write_bytes(b"no image")
    paths[6].unlink()
    good = [1, 2, 3, 4, 5, 7, 8, 9, 10]
    rows, images = read_all(paths, on_bad_image="drop")
    assert rows.tolist() == good
    assert torch.equal(images, expected[good])


def test_dropped_images_are_listed_with_one_warning(paths):
    images = [*paths, b"GIF"]
    paths[8].unlink()
    dropping = reader(images, "drop")
    list(dropping.batches([np.array([11, 8, 3]), np.array([8])]))
    first = r"2 of 12 images could not be read and were left out. The first is '.*8.png' \(row 8\)"
    with pytest.warns(UserWarning, match=rf"{first}: no such file\.") as caught:
        table = dropping.report_bad()
    assert len(caught) == 1
    expected = pd.DataFrame(
        {
            "row": [8, 11],
            "image": [repr(str(paths[8])), "of type bytes"],
            "reason": ["no such file", "not an image Pillow can read"],
        }
    )
    pd.testing.assert_frame_equal(table, expected)


def test_nothing_bad_gives_an_empty_list_and_no_warning(paths):
    reading = reader(paths, "drop")
    list(reading.batches(consecutive(N, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for table in (reading.report_bad(), MemoryReader(np.zeros((2, 3))).report_bad()):
            assert table.columns.tolist() == ["row", "image", "reason"]
            assert len(table) == 0


def test_a_batch_of_bad_images_alone_is_empty(pixels):
    [(rows, images)] = reader([b"", b"?"], "drop").batches([np.array([0, 1])])
    assert rows.shape == (0,)
    assert images.shape == (0, 3, SIZE, SIZE)
    assert images.dtype == torch.uint8


@pytest.mark.parametrize("leave", ["close", "forget", "fail", "finish"])
def test_a_reader_stops_its_threads_however_it_is_left(paths, leave):
    if leave == "fail":
        paths[4].unlink()
    found = reader(paths).batches(consecutive(N, 2))
    next(found)
    assert decoding_threads()
    if leave == "close":
        found.close()
    elif leave == "forget":
        del found
        gc.collect()
    elif leave == "fail":
        with pytest.raises(ImageError):
            list(found)
    else:
        list(found)
    assert not decoding_threads()


def test_an_abandoned_reader_does_not_decode_what_is_waiting(monkeypatch, pixels):
    n_read = []

    def read(image, size, resize):
        n_read.append(1)
        time.sleep(0.01)
        return read_image(image, size, resize)

    monkeypatch.setattr(reader_module, "read_image", read)
    found = reader(pixels * 20, n_threads=1).batches([np.array([0]), *consecutive(20 * N, 110)])
    next(found)
    found.close()
    assert len(n_read) < 20


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_only_a_few_batches_are_read_ahead(paths, ahead):
    taken = []

    def parts():
        for part in consecutive(N, 1):
            taken.append(part)
            yield part

    found = replace(reader(paths), ahead=ahead).batches(parts())
    assert taken == []
    for n_given in range(1, 5):
        next(found)
        assert len(taken) == n_given + ahead
    found.close()


@pytest.mark.parametrize("n_threads", [1, 4])
def test_a_change_is_made_of_each_image_by_its_row(paths, pixels, n_threads):
    def change(image, row):
        return torch.stack([image, image // (row + 1)])

    reading = reader([*paths[:3], "nowhere.png", *paths[3:]], "drop", n_threads=n_threads)
    parts = [np.array([4, 0, 3]), np.array([2])]
    plain, changed = (list(reading.batches(parts, c)) for c in (None, change))
    for (rows, images), (again, two) in zip(plain, changed, strict=True):
        assert again.tolist() == rows.tolist()
        assert torch.equal(two[:, 0], images)
        assert torch.equal(two[:, 1], images // torch.from_numpy(rows + 1)[:, None, None, None])


def test_decoded_images_are_not_read_again(paths):
    _, images = read_all(paths)
    decoded = replace(reader(["nowhere.png"] * N), decoded=images)
    [(again, some)] = decoded.batches([np.array([3, 1])], lambda image, row: image + row)
    assert again.tolist() == [3, 1]
    assert torch.equal(some[0], images[3] + 3)
    assert torch.equal(some[1], images[1] + 1)


def test_images_are_read_again_each_time(paths, pixels):
    reading = reader(paths)
    [(_, first)] = reading.batches([np.array([0])])
    Image.fromarray(pixels[1]).save(paths[0])
    [(_, second)] = reading.batches([np.array([0])])
    assert not torch.equal(first, second)


def test_an_open_pil_image_is_read_from_several_threads(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels[0]).save(file, "PNG")
    image = Image.open(file)
    _, images = read_all([image] * N, n_threads=4)
    assert torch.equal(images, images[:1].expand(N, -1, -1, -1))


def test_an_open_file_is_read_from_several_threads_and_left_where_it_was(paths, tmp_path):
    _, expected = read_all(paths[:1])
    for file in (io.BytesIO(paths[0].read_bytes()), paths[0].open("rb")):
        with file:
            file.seek(7)
            _, images = read_all([file] * 200, n_threads=8)
            assert file.tell() == 7
        assert torch.equal(images, expected.expand(200, -1, -1, -1))


@pytest.mark.parametrize("form", ["plain", "reversed", "fortran", "read-only"])
def test_features_are_read_whatever_their_layout(form):
    features = np.arange(20, dtype=np.float32).reshape(5, 4)
    if form == "reversed":
        features = features[::-1, ::-1]
    elif form == "fortran":
        features = np.asfortranarray(features)
    features.flags.writeable = form != "read-only"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading = MemoryReader(features)
    assert len(reading) == 5
    for rows, batch in reading.batches([np.array([4, 1]), np.array([0])]):
        assert np.array_equal(batch.numpy(), features[rows])


def test_what_is_read_depends_on_the_inputs(pixels):
    features = open_reader(check_inputs([[1, 2]], features=True), SIZE, "pad", None, "raise")
    assert isinstance(features, MemoryReader)
    images = open_reader(check_inputs(pixels), SIZE, "pad", 3, "drop")
    assert isinstance(images, ImageReader)
    options = (images.size, images.resize, images.n_threads, images.on_bad_image)
    assert options == (SIZE, "pad", 3, "drop")


def test_as_many_threads_decode_as_torch_computes_with(monkeypatch, pixels):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    assert open_reader(check_inputs(pixels), SIZE, "pad", None, "raise").n_threads == 5
    assert open_reader(check_inputs(pixels), SIZE, "pad", -1, "raise").n_threads >= 1
