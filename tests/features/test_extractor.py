import io
import shutil
from pathlib import Path
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
import pytest
import torch
from PIL import Image

from attrlearn.exceptions import ImageError
from attrlearn.features import extractor as extractor_module
from attrlearn.features import prepared as prepared_module
from attrlearn.features.cache import FeatureCache
from attrlearn.features.extractor import FeatureExtractor
from attrlearn.images.decoding import read_image
from attrlearn.images.reader import ImageReader
from attrlearn.images.views import ORIGINAL, draw_views, views_of
from attrlearn.nn.backbones import build_backbone


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return build_backbone("squeezenet1_1", None, "head", image_size=32).eval()


@pytest.fixture(autouse=True)
def unprepared(monkeypatch):
    """Each test prepares the backbone anew."""
    for name in ("_contents", "_by_backbone"):
        monkeypatch.setattr(prepared_module, name, WeakKeyDictionary())
    monkeypatch.setattr(prepared_module, "_by_state", WeakValueDictionary())


@pytest.fixture
def files(images, tmp_path):
    """Copies of six images, which a test may change."""
    return [shutil.copy(path, tmp_path / f"{i}.png") for i, path in enumerate(images["image"][:6])]


def reader(paths, on_bad_image="raise", size=32, resize="squash"):
    return ImageReader(list(paths), size, resize, n_threads=1, on_bad_image=on_bad_image)


FLIP = views_of("flip", 2)


def extractor(backbone, cache_dir, **options):
    given = {"backend": "torch", "dtype": torch.float32, "batch_size": 4}
    return FeatureExtractor(backbone, cache_dir=cache_dir, **given | options)


def extract(backbone, reader, cache_dir, views=(ORIGINAL,), **options):
    parts = list(extractor(backbone, cache_dir, **options).batches(reader, views=views))
    views = torch.cat([v for _, v in parts], dim=1)
    return np.concatenate([r for r, _ in parts]), views.float().numpy()


@pytest.fixture
def counted(monkeypatch):
    """Number of images that went through an engine."""
    seen = []
    one = prepared_module.open_backend

    def counting(*args):
        engine = one(*args)
        return lambda images: seen.append(len(images)) or engine(images)

    monkeypatch.setattr(prepared_module, "open_backend", counting)
    return seen


def test_views_are_the_features_of_the_image_and_of_its_mirror_image(backbone, files, tmp_path):
    rows, views = extract(backbone, reader(files), None, FLIP)
    assert rows.tolist() == list(range(6))
    flipped = [
        np.array(Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT)) for path in files
    ]
    _, mirrored = extract(backbone, reader(flipped), None)
    np.testing.assert_allclose(views[1], mirrored[0], atol=1e-4)
    assert np.abs(views[0] - views[1]).max() > 1e-3


@pytest.mark.parametrize("policy", ["light", "strong"])
def test_only_views_that_are_new_are_computed(backbone, files, tmp_path, counted, policy):
    eight = views_of(policy, 8)
    extract(backbone, reader(files), tmp_path)
    extract(backbone, reader(files[:3]), tmp_path, eight[:4])
    assert sum(counted) == 6 + 3 * 3
    rows, views = extract(backbone, reader(files), tmp_path, eight)
    assert sum(counted) == 8 * 6
    assert rows.tolist() == list(range(6))
    extract(backbone, reader(files), tmp_path, eight[3:5])
    assert sum(counted) == 8 * 6
    pixels = torch.from_numpy(read_image(files[5], 32)).permute(2, 0, 1)
    np.testing.assert_allclose(views[:, 5], backbone(draw_views(pixels, eight)).detach(), atol=1e-4)


def test_second_run_reads_no_image_and_runs_no_backbone(
    backbone, files, tmp_path, counted, monkeypatch
):
    first = extract(backbone, reader(files), tmp_path, FLIP)
    assert sum(counted) == 12
    monkeypatch.setattr(ImageReader, "batches", lambda *_: pytest.fail("an image was read"))
    second = extract(backbone, reader(files[::-1]), tmp_path, FLIP)
    np.testing.assert_array_equal(first[1], second[1][:, ::-1])
    assert sum(counted) == 12


def test_only_what_is_new_is_computed(backbone, files, tmp_path, counted):
    extract(backbone, reader(files[:4]), tmp_path)
    rows, views = extract(backbone, reader(files), tmp_path)
    assert counted == [4, 2]
    assert rows.tolist() == list(range(6))
    np.testing.assert_allclose(views, extract(backbone, reader(files), None)[1], atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "n_passes"),
    [
        ({"dtype": torch.bfloat16}, 12),
        ({"batch_size": 3}, 6),  # what does not change a feature
    ],
)
def test_another_setting_finds_no_feature(backbone, files, tmp_path, counted, changed, n_passes):
    extract(backbone, reader(files), tmp_path)
    extract(backbone, reader(files), tmp_path, **changed)
    assert sum(counted) == n_passes


@pytest.mark.parametrize("options", [{"resize": "pad"}, {"size": 40}])
def test_another_way_of_resizing_finds_no_feature(backbone, files, tmp_path, counted, options):
    extract(backbone, reader(files), tmp_path)
    extract(backbone, reader(files, **options), tmp_path)
    assert sum(counted) == 12


def test_another_architecture_finds_no_feature(backbone, files, tmp_path, counted, monkeypatch):
    extract(backbone, reader(files), tmp_path)
    monkeypatch.setattr(backbone, "name", "squeezenet1_1_of_another_forward")
    extract(backbone, reader(files), tmp_path)
    assert sum(counted) == 12


def test_other_weights_find_no_feature(backbone, files, tmp_path, counted):
    extract(backbone, reader(files), tmp_path)
    other = build_backbone("squeezenet1_1", None, "head", image_size=32).eval()
    extract(other, reader(files), tmp_path)
    assert sum(counted) == 12


def test_a_changed_file_gives_its_new_feature(backbone, files, tmp_path, counted):
    _, before = extract(backbone, reader(files), tmp_path)
    shutil.copy(files[1], files[0])
    _, after = extract(backbone, reader(files), tmp_path)
    np.testing.assert_array_equal(after[:, 0], before[:, 1])
    np.testing.assert_array_equal(after[:, 1:], before[:, 1:])


def test_a_file_that_changes_while_it_is_read_is_not_kept(backbone, files, tmp_path, monkeypatch):
    original = prepared_module.open_backend

    def changing(*args):
        engine = original(*args)

        def run(images):
            shutil.copy(files[1], files[0])
            return engine(images)

        return run

    monkeypatch.setattr(prepared_module, "open_backend", changing)
    extract(backbone, reader(files[:1]), tmp_path)
    monkeypatch.setattr(prepared_module, "open_backend", original)
    _, found = extract(backbone, reader(files[:1]), tmp_path)
    _, expected = extract(backbone, reader(files[1:2]), None)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.fixture
def unrounded(monkeypatch):
    """Engines that give more digits than bfloat16 holds, as OpenVINO does."""
    original = prepared_module.open_backend

    def opening(*args):
        engine = original(*args)
        return lambda images: 1.0001 * engine(images)

    monkeypatch.setattr(prepared_module, "open_backend", opening)


@pytest.mark.usefixtures("unrounded")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_features_are_rounded_once_and_the_same_from_the_cache(backbone, files, tmp_path, dtype):
    def bits(cache_dir):
        ((_, views),) = extractor(backbone, cache_dir, dtype=dtype).batches(
            reader(files), views=FLIP
        )
        assert views.dtype == dtype
        return views.view(torch.int16)

    first = bits(None)
    assert torch.equal(bits(tmp_path), first)
    assert torch.equal(bits(tmp_path), first)
    pixels = torch.from_numpy(read_image(files[0], 32)).permute(2, 0, 1)[None]
    run = prepared_module.open_backend("torch", backbone, dtype)
    assert torch.equal(extractor(backbone, None, dtype=dtype).run(pixels), run(pixels).to(dtype))
    assert (run(pixels) != run(pixels).bfloat16().float()).any()


def test_an_entry_of_float32_is_not_taken_for_bfloat16(backbone, files, tmp_path, counted):
    source, bfloat16 = reader(files), {"dtype": torch.bfloat16}
    setting = extractor(backbone, tmp_path, **bfloat16)._setting(source, ORIGINAL)
    with FeatureCache(tmp_path) as cache:
        cache.put(setting, cache.content_hashes(files), np.ones((6, 512), np.float32))
    first = extract(backbone, source, tmp_path, **bfloat16)
    again = extract(backbone, source, tmp_path, **bfloat16)
    assert sum(counted) == 6
    assert np.array_equal(first[1], again[1])
    assert not (first[1] == 1).all()


def test_rows_that_cannot_be_read_are_left_out_each_time(backbone, files, tmp_path):
    paths = [*files[:2], "nowhere.png", *files[2:]]
    for _ in range(2):
        source = reader(paths, on_bad_image="drop")
        rows, views = extract(backbone, source, tmp_path)
        assert rows.tolist() == [0, 1, 3, 4, 5, 6]
        assert views.shape[1] == 6
        assert list(source.bad) == [2]
    with pytest.raises(ImageError, match="row 2"):
        extract(backbone, reader(paths), tmp_path)


def in_memory(files):
    """The same images in each form that is not a path."""
    content = [Path(file).read_bytes() for file in files]
    return [
        *content[:1],
        bytearray(content[1]),
        memoryview(content[2]),
        io.BytesIO(content[3]),
        Image.fromarray(np.array(Image.open(files[4]))),
        np.array(Image.open(files[5])),
    ]


def test_images_in_memory_are_kept_and_found_only_if_asked_for(backbone, files, tmp_path, counted):
    def run(images, **options):
        parts = list(extractor(backbone, tmp_path).batches(reader(images), **options))
        with FeatureCache(tmp_path) as cache:
            return np.concatenate([v for _, v in parts], axis=1), cache.info().n_entries

    views, n_kept = run(in_memory(files), keep_memory=False)
    assert (sum(counted), n_kept) == (6, 0)
    again, n_kept = run([*in_memory(files)[:3], *files[3:]], keep_memory=False)
    assert (sum(counted), n_kept) == (12, 3)
    np.testing.assert_allclose(again, views, atol=1e-5)
    _, n_kept = run(in_memory(files))
    assert (sum(counted), n_kept) == (17, 8)  # of the file that was a file, the same bytes
    run(in_memory(files))
    assert sum(counted) == 17
    run(in_memory(files), keep_memory=False)
    assert sum(counted) == 23


def test_many_rows_come_in_parts_that_memory_holds(backbone, files, monkeypatch):
    monkeypatch.setattr(extractor_module, "ROWS_AT_ONCE", 4)
    parts = list(extractor(backbone, None).batches(reader(files)))
    assert [rows.tolist() for rows, _ in parts] == [[0, 1, 2, 3], [4, 5]]
    whole = extract(backbone, reader(files), None)[1]
    np.testing.assert_allclose(np.concatenate([v for _, v in parts], axis=1), whole, atol=1e-4)


@torch.no_grad()
def scale_in_place(backbone):
    next(backbone.parameters()).mul_(2)


def scale_data(backbone):
    next(backbone.parameters()).data.mul_(2)


def replace_data(backbone):
    weight = next(backbone.parameters())
    weight.data = weight.data.flip(0)


def replace_parameter(backbone):
    first = backbone.model.features[0]
    first.weight = torch.nn.Parameter(first.weight.detach().flip(0))


def replace_module(backbone):
    backbone.model.features[1] = torch.nn.Tanh()


EDITS = [scale_in_place, scale_data, replace_data, replace_parameter, replace_module]


@pytest.mark.parametrize("edit", EDITS)
def test_a_backbone_is_prepared_once_until_it_is_edited(edit, files, counted):
    backbone = build_backbone("squeezenet1_1", None, "head", image_size=32).eval()
    opened = prepared_module.open_backend
    n_opened = []
    prepared_module.open_backend = lambda *args: n_opened.append(1) or opened(*args)
    try:
        before, content = extract(backbone, reader(files), None)[1], backbone.content_hash()
        extract(backbone, reader(files), None)
        assert len(n_opened) == 1
        edit(backbone)
        assert not np.allclose(extract(backbone, reader(files), None)[1], before)
        assert len(n_opened) == 2
    finally:
        prepared_module.open_backend = opened
    assert backbone.content_hash() != content
    n = len(prepared_module._by_backbone)
    del backbone
    assert len(prepared_module._by_backbone) == n - 1
