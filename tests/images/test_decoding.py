import gc
import io
import os
import struct
import sys
import tempfile
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from attrlearn.exceptions import ImageError
from attrlearn.features.content_hash import content_hash
from attrlearn.images.decoding import read_image

SIZE = 32


def photo(height=SIZE, width=SIZE):
    """Draw smooth colours and an off-centre edge, so that no two corners look alike."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    pixels = np.stack([255 * x, 255 * y, 200 * (x > 0.3) * (y > 0.6)], axis=-1)
    return pixels.round().astype(np.uint8)


def encoded(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def oriented(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width, height, depth=8, colour=2):
    """Start a PNG file; only its header says how large it is."""
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", ihdr)


def mean_difference(a, b):
    return np.abs(a.astype(int) - b.astype(int)).mean()


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_a_lossless_file_of_the_asked_size_keeps_its_pixels(tmp_path, file_format):
    options = {"lossless": True} if file_format == "WEBP" else {}
    path = tmp_path / f"a.{file_format.lower()}"
    Image.fromarray(photo()).save(path, **options)

    result = read_image(path, SIZE)

    np.testing.assert_array_equal(result, photo())
    assert result.dtype == np.uint8
    assert result.flags.writeable


def test_every_kind_of_source_gives_the_same_pixels(tmp_path):
    path = tmp_path / "named_wrongly.jpg"
    Image.fromarray(photo(40, 60)).save(path, "PNG")
    expected = read_image(path, SIZE)

    for source in (str(path), path.read_bytes(), Image.open(path), photo(40, 60)):
        np.testing.assert_array_equal(read_image(source, SIZE), expected)


def test_the_memory_layout_of_an_array_changes_nothing():
    flipped = photo(40, 60)[::-1, ::2]

    np.testing.assert_array_equal(read_image(flipped, SIZE), read_image(flipped.copy(), SIZE))


@pytest.mark.parametrize("file_format", ["GIF", "TIFF", "PNG", "WEBP"])
def test_the_first_of_several_frames_is_read(file_format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:])

    assert mean_difference(read_image(data, 8), np.array(frames[0])) < 2


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
@pytest.mark.parametrize(
    ("height", "width"), [(1200, 1600), (1792, 1000), (448, 448), (2304, 1030)]
)
def test_a_large_jpeg_stays_close_to_its_full_decoding(resize, height, width):
    rng = np.random.default_rng(0)
    noisy = photo(height, width) * 0.8 + rng.normal(0, 8, (height, width, 1)) + 20
    data = encoded(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), "JPEG", quality=90)
    full = Image.open(io.BytesIO(data)).convert("RGB")

    assert mean_difference(read_image(data, 224, resize), read_image(full, 224, resize)) < 1


def decoded_size(data, size, resize):
    """Read `data` and tell at which size Pillow decoded it."""
    load, sizes = ImageFile.ImageFile.load, []

    def noted_load(image):
        sizes.append(image.size)
        return load(image)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageFile.ImageFile, "load", noted_load)
        read_image(data, size, resize)
    return sizes[0]


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    size=st.integers(1, 60),
    resize=st.sampled_from(["squash", "pad", "crop"]),
)
def test_a_jpeg_is_never_decoded_below_what_the_result_needs(width, height, size, resize):
    decoded = decoded_size(encoded(Image.new("L", (width, height)), "JPEG"), size, resize)

    needed = max if resize == "pad" else min
    assert needed(decoded) >= min(size, needed(width, height))


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size():
    large = encoded(Image.new("RGB", (1600, 800)), "JPEG")

    assert decoded_size(large, 224, "squash") == (800, 400)
    assert decoded_size(large, 224, "pad") == (400, 200)


TURNED = {  # what the camera stored, by the orientation it noted
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: a[::-1, ::-1],
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", TURNED)
def test_exif_orientation_is_undone(file_format, orientation):
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation](photo(SIZE, 2 * SIZE))))
    options = {"lossless": True} if file_format == "WEBP" else {}
    data = encoded(stored, file_format, exif=oriented(orientation), **options)
    expected = read_image(photo(SIZE, 2 * SIZE), SIZE, "crop")

    np.testing.assert_array_equal(read_image(data, SIZE, "crop"), expected)
    opened = Image.open(io.BytesIO(data))
    np.testing.assert_array_equal(read_image(opened, SIZE, "crop"), expected)


@pytest.mark.parametrize("orientation", TURNED)
def test_exif_orientation_of_a_large_jpeg_is_undone(orientation):
    image = photo(400, 800)
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation](image)))
    data = encoded(stored, "JPEG", quality=95, exif=oriented(orientation))

    assert mean_difference(read_image(data, SIZE, "pad"), read_image(image, SIZE, "pad")) < 2


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", oriented(9)]
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_that_makes_no_sense_is_ignored(exif):
    data = encoded(Image.fromarray(photo()), "PNG", exif=exif)

    np.testing.assert_array_equal(read_image(data, SIZE), photo())


def test_transparent_parts_become_white_and_hide_their_colour():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = (255, 0, 0, 255)  # below it, transparent black

    result = read_image(encoded(Image.fromarray(pixels), "PNG"), 4)

    assert (result[:2] == (255, 0, 0)).all()
    assert (result[2:] == 255).all()


@given(hidden=st.tuples(*[st.integers(0, 255)] * 3), size=st.integers(1, 20))
def test_the_colour_under_transparent_pixels_changes_nothing(hidden, size):
    pixels = np.dstack([photo(9, 9), np.full((9, 9), 255, np.uint8)])
    pixels[::2, ::3, 3] = 0
    recoloured = pixels.copy()
    recoloured[::2, ::3, :3] = hidden

    np.testing.assert_array_equal(read_image(pixels, size), read_image(recoloured, size))


def test_half_transparent_pixels_are_mixed_with_white():
    assert read_image(Image.new("RGBA", (2, 2), (0, 100, 200, 51)), 2)[0, 0].tolist() == [
        204, 224, 244,
    ]  # fmt: skip
    assert read_image(Image.new("LA", (2, 2), (100, 51)), 2)[0, 0].tolist() == [224] * 3


def test_premultiplied_alpha_is_composited_once():
    image = Image.new("RGBA", (2, 2), (0, 100, 200, 51))

    assert mean_difference(read_image(image.convert("RGBa"), 2), read_image(image, 2)) <= 2


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_the_transparent_entry_of_a_palette_becomes_white(file_format):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.paste(0, (0, 0, 2, 4))
    data = encoded(image, file_format, transparency=0)

    assert read_image(data, 4)[0].tolist() == [[255] * 3] * 2 + [[200, 0, 0]] * 2


def test_the_transparent_value_of_a_gray_or_colour_png_becomes_white():
    gray = encoded(Image.fromarray(np.array([[7, 8]], np.uint8)), "PNG", transparency=7)
    colour = encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    gray_16 = (
        png_header(2, 1, depth=16, colour=0)
        + png_chunk(b"tRNS", struct.pack(">H", 257))
        + png_chunk(b"IDAT", zlib.compress(struct.pack(">BHH", 0, 257, 514)))
        + png_chunk(b"IEND", b"")
    )

    assert read_image(gray, 2)[0, :, 0].tolist() == [255, 8]
    assert read_image(colour, 1)[0, 0].tolist() == [255] * 3
    assert read_image(gray_16, 2)[0, :, 0].tolist() == [255, 2]


def test_gray_black_and_white_and_palette_images_become_rgb():
    gray = photo()[:, :, 0]
    bits = Image.fromarray(gray > 100)
    palette = Image.fromarray(photo()).quantize(16)

    np.testing.assert_array_equal(read_image(gray, SIZE), np.dstack([gray] * 3))
    np.testing.assert_array_equal(
        read_image(encoded(bits, "PNG"), SIZE)[:, :, 1], np.where(gray > 100, 255, 0)
    )
    np.testing.assert_array_equal(
        read_image(encoded(palette, "PNG"), SIZE), np.array(palette.convert("RGB"))
    )


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_keeps_its_colours(file_format):
    """Pillow writes the inverted CMYK of Adobe's JPEGs, and marks it as such."""
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), file_format)

    assert mean_difference(read_image(data, 8), np.full((8, 8, 3), (255, 0, 0))) < 2


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "LAB", "RGBX", "PA"])
def test_rare_modes_become_what_pillow_makes_of_them(mode):
    image = Image.fromarray(photo())
    image = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)

    np.testing.assert_array_equal(read_image(image, SIZE), np.array(image.convert("RGB")))


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
@pytest.mark.parametrize("file_format", [None, "PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(dtype, file_format):
    gray = np.array([[0, 257, 32896, 65535]], dtype=dtype)
    image = Image.fromarray(gray)
    if file_format:
        image = encoded(image, file_format)

    assert read_image(image, 4)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_a_dark_sixteen_bit_image_stays_dark():
    assert read_image(Image.fromarray(np.full((2, 2), 200, np.uint16)), 2).max() == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.float32([[0, 0.2, 1, 0.6]]), [0, 51, 255, 153]),
        (np.float32([[0, 100.4, 255, -3]]), [0, 100, 255, 0]),
        (np.int32([[0, 100, 255, -3]]), [0, 100, 255, 0]),
        (np.int32([[0, 257, 65535, 256]]), [0, 1, 255, 1]),
        (np.int32([[0, 257, 70000, -1]]), [0, 1, 255, 0]),
        (np.float32([[np.nan, 0.2, 1, -np.inf]]), [0, 51, 255, 0]),
    ],
)
def test_the_white_of_integer_and_float_images_is_1_255_or_65535(values, expected):
    assert read_image(Image.fromarray(values), 4)[0, :, 0].tolist() == expected
    data = encoded(Image.fromarray(values), "TIFF")
    assert read_image(data, 4)[0, :, 0].tolist() == expected


def test_squash_equals_pillows_bilinear_resize():
    image = Image.fromarray(photo(50, 40))
    expected = np.array(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR))

    np.testing.assert_array_equal(read_image(image, SIZE), expected)


def test_pad_keeps_the_whole_image_centred_on_white():
    result = read_image(Image.new("RGB", (40, 20), "red"), 20, "pad")

    assert (result[5:15] == (255, 0, 0)).all()
    assert (result[:5] == 255).all()
    assert (result[15:] == 255).all()


def test_crop_keeps_the_centre():
    wide = photo(SIZE, 3 * SIZE)

    np.testing.assert_array_equal(read_image(wide, SIZE, "crop"), wide[:, SIZE : 2 * SIZE])


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 500)])
def test_extreme_shapes_are_read(resize, shape):
    black = np.zeros((*shape, 3), np.uint8)

    for source in (black, encoded(Image.fromarray(black), "JPEG")):
        result = read_image(source, SIZE, resize)
        assert result.shape == (SIZE, SIZE, 3)
        assert (result == 0).any()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "GIF", "BMP"])
def test_a_truncated_file_is_named_so(tmp_path, file_format):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (300, 300, 3), dtype=np.uint8))
    path = tmp_path / "cut.jpg"
    path.write_bytes(encoded(noise, file_format)[:-5000])

    with pytest.raises(OSError, match=r"^file is truncated$"):
        read_image(path, SIZE)
    with pytest.raises(OSError, match=r"^file is truncated$"):
        read_image(path.read_bytes(), SIZE)


def test_a_path_that_leads_to_no_image_is_told_apart(tmp_path):
    (tmp_path / "empty.jpg").touch()

    with pytest.raises(ImageError, match=r"^no such file$"):
        read_image(tmp_path / "absent.jpg", SIZE)
    with pytest.raises(OSError, match=r"^is a folder$"):
        read_image(tmp_path, SIZE)
    with pytest.raises(OSError, match=r"^is empty \(0 bytes\)$"):
        read_image(tmp_path / "empty.jpg", SIZE)
    with pytest.raises(OSError, match=r"^is empty \(0 bytes\)$"):
        read_image(b"", SIZE)
    with pytest.raises(OSError, match=r"^embedded null byte$"):
        read_image("a\0.jpg", SIZE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_or_a_device_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", "/dev/zero"):
        with pytest.raises(ImageError, match=r"^is a pipe or a device: pass its content as bytes$"):
            read_image(path, SIZE)
        assert content_hash(path) is None


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 0)() == 0,
    reason="this user may read any file",
)
def test_a_file_one_may_not_read_says_so(tmp_path):
    path = tmp_path / "a.jpg"
    path.touch(mode=0o000)

    with pytest.raises(OSError, match=r"^Permission denied$"):
        read_image(path, SIZE)


@pytest.mark.parametrize("content", [b"<svg></svg>", b"%PDF-1.7 ...", b"hello", b"\xff\xd8\xff"])
def test_other_files_are_not_images(content):
    with pytest.raises(OSError, match=r"^not an image Pillow can read$"):
        read_image(content, SIZE)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1"])
def test_heic_names_its_plug_in_whatever_the_suffix(tmp_path, monkeypatch, brand):
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(40))

    with pytest.raises(OSError, match=r"^HEIC needs .* pip install pillow-heif, then call pillow_"):
        read_image(path, SIZE)


def test_a_damaged_heic_file_does_not_ask_for_a_plug_in_that_is_there(monkeypatch):
    monkeypatch.setitem(Image.OPEN, "HEIF", (Image.Image, lambda prefix: False))

    with pytest.raises(OSError, match=r"^not an image"):
        read_image(b"\0\0\0\x18ftypheic" + bytes(40), SIZE)


def test_avif_asks_for_a_newer_pillow_only_where_that_helps(monkeypatch):
    damaged = b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(40)
    Image.init()
    monkeypatch.setitem(Image.SAVE, "AVIF", None)
    with pytest.raises(OSError, match=r"^not an image"):
        read_image(damaged, SIZE)

    monkeypatch.delitem(Image.SAVE, "AVIF")
    with pytest.raises(OSError, match=r"^AVIF needs Pillow"):
        read_image(damaged, SIZE)


@pytest.mark.parametrize("side", [13_000, 20_000])
def test_a_decompression_bomb_is_a_bad_image(tmp_path, side):
    """Pillow warns about the first of the sizes and refuses the second."""
    bomb = png_header(side, side) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    reason = "^more than 89,478,485 pixels, a possible decompression bomb$"

    for action in ("ignore", "error"):
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            with pytest.raises(OSError, match=reason):
                read_image(bomb, SIZE)


def test_a_user_may_lift_the_limit_on_pixels(monkeypatch):
    data = encoded(Image.fromarray(photo()), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SIZE * SIZE)
    np.testing.assert_array_equal(read_image(data, SIZE), photo())

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SIZE * SIZE - 1)
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(OSError, match=r"^more than 1,023 pixels"),
    ):
        read_image(data, SIZE)

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    np.testing.assert_array_equal(read_image(data, SIZE), photo())


@pytest.mark.parametrize(
    "error", [SyntaxError, struct.error, ValueError, zlib.error, EOFError, OverflowError]
)
def test_whatever_a_decoder_raises_becomes_an_oserror(monkeypatch, error):
    def load(image):
        raise error("broken block")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(OSError, match=r"^broken block$"):
        read_image(encoded(Image.fromarray(photo()), "PNG"), SIZE)


def test_an_error_without_words_is_named(monkeypatch):
    def load(image):
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(OSError, match=r"^MemoryError$"):
        read_image(encoded(Image.fromarray(photo()), "PNG"), SIZE)


@given(
    file_format=st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP"]),
    damage=st.dictionaries(st.integers(0, 400), st.integers(0, 255), max_size=5),
    cut=st.integers(0, 4000),
)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_read_or_is_an_oserror(file_format, damage, cut):
    data = bytearray(encoded(Image.fromarray(photo()), file_format)[: cut or None])
    for at, value in damage.items():
        data[at % len(data)] = value
    try:
        assert read_image(bytes(data), 8).shape == (8, 8, 3)
    except OSError as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, float("nan")])
def test_a_missing_path_says_so(missing):
    with pytest.raises(OSError, match=r"^the path is missing$"):
        read_image(missing, SIZE)


@pytest.mark.parametrize(
    ("source", "got"),
    [
        (3, "Got int"),
        (["a.jpg"], "Got list"),
        (io.StringIO("a.jpg"), "Got StringIO"),
    ],
)
def test_a_source_of_another_type_is_a_type_error(source, got):
    with pytest.raises(TypeError, match=f"an image must be a path, .*{got}"):
        read_image(source, SIZE)


@pytest.mark.parametrize(
    ("source", "got"),
    [
        (np.zeros((4, 4, 3)), r"Got an array of float64, shape \(4, 4, 3\)"),
        (np.zeros((4, 4, 2), np.uint8), r"Got an array of uint8, shape \(4, 4, 2\)"),
        (np.zeros(4, np.uint8), r"Got an array of uint8, shape \(4,\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(1, 4, 4, 3\)"),
    ],
)
def test_a_wrong_array_is_an_image_error(source, got):
    with pytest.raises(ImageError, match=f"an image must be a path, .*{got}$"):
        read_image(source, SIZE)


@pytest.mark.parametrize(
    ("source", "image", "reason"),
    [
        ("absent.jpg", "absent.jpg", "no such file"),
        (None, "None", "the path is missing"),
        (bytearray(b"GIF"), "of type bytearray", "not an image Pillow can read"),
    ],
)
def test_an_image_error_says_image_and_reason_and_knows_no_row(source, image, reason):
    with pytest.raises(ImageError) as caught:
        read_image(source, SIZE)
    error = caught.value
    assert (error.row, error.image, error.reason, str(error)) == (None, image, reason, reason)


def test_a_file_that_cannot_be_read_from_its_start_says_so(tmp_path):
    closed = io.BytesIO(encoded(Image.fromarray(photo()), "PNG"))
    closed.close()
    with pytest.raises(ImageError, match=r"^I/O operation on closed file"):
        read_image(closed, SIZE)
    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as pipe, pytest.raises(ImageError, match=r"not seekable|Illegal seek"):
        read_image(pipe, SIZE)
    with tempfile.TemporaryFile("w+") as file, pytest.raises(ImageError, match="as text: open it"):
        read_image(_Wrapped(file), SIZE)


class _Wrapped:
    """A file in another object, as `tempfile.NamedTemporaryFile` gives."""

    def __init__(self, file):
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def test_an_unknown_resize_is_named():
    with pytest.raises(ValueError, match=r'resize must be "squash", "pad" or "crop". Got .fit.'):
        read_image(photo(), SIZE, "fit")


def test_an_image_without_pixels_says_so():
    for source in (
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        Image.new("I", (0, 0)),
    ):
        with pytest.raises(OSError, match=r"^has no pixels$"):
            read_image(source, SIZE)


def test_no_file_stays_open(tmp_path):
    pages = [Image.fromarray(photo())] * 2
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "a.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-300])
    (tmp_path / "text.jpg").write_bytes(b"hello")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for path in tmp_path.iterdir():
            before = set(os.listdir("/proc/self/fd")) if sys.platform == "linux" else None
            try:
                read_image(path, SIZE)
            except OSError:
                assert path.name in ("cut.jpg", "text.jpg")
            if before is not None:
                assert set(os.listdir("/proc/self/fd")) == before
        gc.collect()
    assert [str(w.message) for w in caught if w.category is ResourceWarning] == []


def test_a_pil_image_is_left_as_it_was(tmp_path):
    Image.fromarray(photo(600, 800)).save(tmp_path / "a.jpg", exif=oriented(6))

    with Image.open(tmp_path / "a.jpg") as image, Image.open(tmp_path / "a.jpg") as untouched:
        read_image(image, SIZE)
        assert image.size == (800, 600)
        assert image.getexif() == untouched.getexif()
        assert image.tobytes() == untouched.tobytes()


def test_threads_read_what_one_thread_reads(tmp_path):
    Image.fromarray(photo(300, 400)).save(tmp_path / "a.jpg", exif=oriented(6))
    Image.fromarray(photo(300, 400)).save(tmp_path / "a.png")
    expected = {path: read_image(path, SIZE) for path in tmp_path.iterdir()}
    shared = {path: Image.open(path) for path in expected}
    together = threading.Barrier(8)

    def read(number):
        together.wait()
        path = list(expected)[number % 2]
        same_file = np.array_equal(read_image(path, SIZE), expected[path])
        same_object = mean_difference(read_image(shared[path], SIZE), expected[path]) < 2
        return same_file and same_object

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(64)))


def test_truncated_images_are_not_tolerated_behind_the_users_back():
    read_image(photo(), SIZE)

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
