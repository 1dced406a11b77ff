"""Images have one hash if, and only if, they are decoded alike."""

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from attrlearn.features import content_hash as hash_module
from attrlearn.features.content_hash import content_hash, file_key
from attrlearn.images.decoding import read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def png(pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", **options)
    return file.getvalue()


def test_a_path_and_its_bytes_have_one_content_hash(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(PIXELS))
    assert content_hash(path) == content_hash(str(path)) == content_hash(png(PIXELS))
    assert len(content_hash(path)) == hash_module.HASH_BYTES


def test_an_array_and_a_pil_image_of_the_same_pixels_have_one_content_hash():
    assert content_hash(PIXELS) == content_hash(Image.fromarray(PIXELS))
    assert content_hash(PIXELS[:, ::-1]) == content_hash(PIXELS[:, ::-1].copy())
    assert content_hash(PIXELS) != content_hash(PIXELS[:, ::-1])
    assert content_hash(PIXELS) != content_hash(PIXELS.tobytes())


@given(st.integers(0, PIXELS.size - 1), st.integers(1, 255))
def test_any_other_pixel_gives_another_content_hash(place, change):
    other = PIXELS.copy()
    other.flat[place] ^= np.uint8(change)
    assert content_hash(other) != content_hash(PIXELS)


@pytest.mark.parametrize("shape", [(8, 6, 3), (4, 12, 3), (12, 12), (6, 6, 4)])
def test_the_same_values_in_another_shape_give_another_content_hash(shape):
    assert content_hash(PIXELS.reshape(shape)) != content_hash(PIXELS)


def variants() -> list[Image.Image]:
    """Images that share their values and differ in all else that decides what is seen."""
    gray = Image.fromarray(PIXELS[:, :, 0])
    inverted, clear = gray.copy(), gray.copy()
    inverted.putpalette(np.repeat(np.arange(255, -1, -1), 3).tolist())
    clear.info["transparency"] = int(PIXELS[0, 0, 0])
    turned = gray.copy()
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.info["exif"] = exif.tobytes()
    return [gray, inverted, clear, turned, gray.convert("1"), gray.transpose(2)]


def test_images_have_one_digest_exactly_if_they_are_decoded_alike():
    images = [*variants(), *variants(), Image.fromarray(PIXELS[:, :, 0]).convert("RGB")]
    decoded = [read_image(image, 32).tobytes() for image in images]
    found = [content_hash(image) for image in images]
    assert len(set(decoded)) == len(variants())
    for i in range(len(images)):
        for j in range(len(images)):
            assert (found[i] == found[j]) == (decoded[i] == decoded[j])


def test_an_image_stays_as_it_was():
    for image in variants():
        before = (image.mode, image.size, image.tobytes(), dict(image.info))
        content_hash(image)
        assert (image.mode, image.size, image.tobytes(), dict(image.info)) == before


def test_an_image_that_is_still_in_its_file_is_hashed_from_many_threads(tmp_path):
    (tmp_path / "a.png").write_bytes(png(PIXELS))
    with Image.open(tmp_path / "a.png") as image, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(content_hash, [image] * 32)) == {content_hash(PIXELS)}


@pytest.mark.parametrize(
    "image",
    [
        "absent.png",
        "nul\0.png",
        os.curdir,
        None,
        np.nan,
        7,
        np.zeros((4, 4, 3)),
        Image.new("L", (0, 3)),
    ],
)
def test_what_cannot_be_read_has_no_content_hash(image):
    assert content_hash(image) is None


@pytest.mark.parametrize("image", ["absent.png", "nul\0.png", None, 7, b"bytes", PIXELS])
def test_what_is_no_file_has_no_key(image):
    assert file_key(image) is None


@pytest.mark.usefixtures("settled")
def test_a_key_is_that_of_the_file_however_its_path_is_written(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"1")
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path)
    assert file_key(path) == file_key("a.png") == file_key(Path("b", "..", "a.png"))


def change_and_restore_time(path: Path) -> None:
    state = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def replace_and_restore_time(path: Path) -> None:
    state = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"two")
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(path)


CHANGES = [
    lambda path: path.write_bytes(b"two"),
    lambda path: path.write_bytes(b"more"),
    lambda path: os.utime(path, (1, 1)),
    replace_and_restore_time,
    pytest.param(
        change_and_restore_time,
        marks=pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of status change"),
    ),
]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_gets_another_key(tmp_path, change):
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    key = file_key(path)
    time.sleep(0.02)  # longer than a tick of the file system's clock
    change(path)
    assert key is not None
    assert file_key(path) not in (key, None)


def test_a_file_touched_a_moment_ago_has_no_key(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    assert file_key(path) is None
    os.utime(path, (1, 1))
    assert file_key(path) is None
