"""One model for all backbones with the same weights, from one process to the next."""

import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
import torch
from torchvision.models import squeezenet1_1

from attrlearn.features import openvino_backend, prepared
from attrlearn.features.model_folder import ModelFolder
from attrlearn.features.prepared import prepare
from attrlearn.nn.backbones import Backbone, build_backbone

IMAGES = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
ENGINES = ["torch", pytest.param("openvino", marks=pytest.mark.openvino)]


@pytest.fixture
def weights(tmp_path, settled):
    """A file for squeezenet1_1."""
    torch.manual_seed(0)
    torch.save(squeezenet1_1(weights=None).state_dict(), tmp_path / "squeezenet.pth")
    return tmp_path / "squeezenet.pth"


def build(weights, name="squeezenet1_1"):
    return build_backbone(name, weights, "head", image_size=32).eval()


def opened(backbone, engine, cache_dir=None, dtype=torch.float32, as_built=False):
    return prepare(backbone, engine, dtype, as_built=as_built).open(backbone, cache_dir)


@pytest.fixture(autouse=True)
def forget():
    """What a new process would not have in memory."""
    prepared._forget()
    return prepared._forget


@pytest.fixture
def converted(monkeypatch):
    """The images sizes of the backbones that were converted."""
    sizes = []
    convert = openvino_backend._convert
    monkeypatch.setattr(
        openvino_backend,
        "_convert",
        lambda ov, backbone: sizes.append(backbone.image_size) or convert(ov, backbone),
    )
    return sizes


@pytest.mark.parametrize("engine", ENGINES)
def test_backbones_with_the_same_weights_share_a_backend(weights, engine):
    first, second = build(weights), build(weights)
    run = opened(first, engine)
    assert opened(second, engine) is opened(second, engine, as_built=True) is run
    assert opened(deepcopy(second), engine) is run
    with torch.no_grad():
        next(second.parameters()).mul_(2)
    edited = opened(second, engine)
    assert edited is not run
    assert not torch.allclose(edited(IMAGES), run(IMAGES))
    assert opened(first, engine) is run
    assert opened(first, engine, dtype=torch.bfloat16) is not run


def test_what_was_built_just_now_is_not_hashed_and_later_only_checked(weights, monkeypatch):
    backbone = build(weights)
    for name in ("checksum", "content_hash"):
        monkeypatch.setattr(Backbone, name, lambda self: pytest.fail("it was read"))
    prepare(backbone, "torch", torch.float32, as_built=True)
    another = build(weights)
    prepare(another, "torch", torch.float32, as_built=True)
    monkeypatch.undo()
    monkeypatch.setattr(Backbone, "content_hash", lambda self: pytest.fail("it was hashed"))
    prepare(another, "torch", torch.float32, as_built=False)


@pytest.mark.openvino
def test_a_compiled_model_outlives_its_backbone_and_two_do(weights, converted):
    for _ in range(3):
        opened(build(weights), "openvino")
        opened(build_backbone("squeezenet1_1", weights, "head", image_size=40), "openvino")
    assert converted == [32, 40]
    opened(build_backbone("squeezenet1_1", weights, "head", image_size=48), "openvino")
    opened(build_backbone("squeezenet1_1", weights, "head", image_size=40), "openvino")
    opened(build(weights), "openvino")
    assert converted == [32, 40, 48, 32]


@pytest.mark.openvino
def test_threads_that_need_one_model_convert_it_once(weights, converted):
    backbones = [build(weights) for _ in range(4)]
    barrier = threading.Barrier(4)

    def run(backbone):
        barrier.wait()
        return opened(backbone, "openvino")(IMAGES)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, backbones))
    assert converted == [32]
    assert all(torch.equal(features, found[0]) for features in found)


@pytest.mark.openvino
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_kept_model_gives_the_same_features_bit_by_bit(
    weights, tmp_path, converted, dtype, forget
):
    first = opened(build(weights), "openvino", tmp_path, dtype)(IMAGES)
    forget()
    second = opened(build(weights), "openvino", tmp_path, dtype)(IMAGES)
    assert converted == [32]
    assert torch.equal(first, second)
    forget()
    assert torch.equal(opened(build(weights), "openvino", None, dtype)(IMAGES), first)
    assert converted == [32, 32]


@pytest.mark.openvino
def test_a_model_is_found_by_its_weights_and_size_whatever_the_dtype(weights, tmp_path, converted):
    opened(build(weights), "openvino", tmp_path)
    opened(build(weights), "openvino", tmp_path, torch.bfloat16)
    assert converted == [32]
    opened(build_backbone("squeezenet1_1", weights, "head", image_size=40), "openvino", tmp_path)
    edited = build(weights)
    edited.model.features[0].weight.data.mul_(2)
    opened(edited, "openvino", tmp_path)
    assert converted == [32, 40, 32]
    assert ModelFolder(tmp_path).info().n_entries == 3


@pytest.mark.openvino
def test_a_damaged_model_is_converted_anew(weights, tmp_path, converted, forget):
    expected = opened(build(weights), "openvino", tmp_path)(IMAGES)
    (path,) = ModelFolder(tmp_path).path.iterdir()
    path.write_bytes(path.read_bytes()[:5_000])
    forget()
    assert torch.equal(opened(build(weights), "openvino", tmp_path)(IMAGES), expected)
    assert converted == [32, 32]
    assert len(path.read_bytes()) > 5_000
    ModelFolder(tmp_path).put(path.stem, b"as it was put, but not by OpenVINO")
    forget()
    assert torch.equal(opened(build(weights), "openvino", tmp_path)(IMAGES), expected)
    assert converted == [32, 32, 32]


@pytest.mark.openvino
def test_where_nothing_can_be_written_features_are_computed(weights, tmp_path, monkeypatch, forget):
    expected = opened(build(weights), "openvino")(IMAGES)
    forget()
    (tmp_path / "file").write_text("mine")
    assert torch.equal(opened(build(weights), "openvino", tmp_path / "file")(IMAGES), expected)
    forget()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(openvino_backend, "_serialize", full)
    found = opened(build(weights), "openvino", tmp_path)(IMAGES)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.openvino
def test_an_image_has_the_same_features_in_any_company(weights):
    run = opened(build(weights), "openvino")
    whole = run(IMAGES)
    for row in range(len(IMAGES)):
        assert torch.equal(run(IMAGES[row : row + 1]), whole[row : row + 1])
