import re

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from torchvision import models

from attrlearn.nn import backbones
from attrlearn.nn.backbones import build_backbone

WIDTHS = {
    "resnet18": 512,
    "resnet50": 2048,
    "efficientnet_b0": 1280,
    "mobilenet_v2": 1280,
    "mobilenet_v3_small": 1024,
    "densenet121": 1024,
    "convnext_tiny": 768,
    "vit_b_16": 768,
    "squeezenet1_1": 512,
}
SMALL = "mobilenet_v3_small"
LARGE = {"resnet50", "convnext_tiny", "vit_b_16"}  # their weights take a second to draw
NAMES = [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in WIDTHS]


def random_images(n: int = 2, size: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("name", NAMES)
def test_backbone_gives_features_and_learns(name):
    backbone = build_backbone(name, None, "all", image_size=64).train()
    features = backbone(random_images())
    assert features.shape == (2, WIDTHS[name])
    assert backbone.n_features == WIDTHS[name]
    features.square().sum().backward()
    first, *_, last = backbone.parameters()
    assert first.grad.abs().sum() > 0
    assert last.grad is not None


@pytest.mark.parametrize("name", NAMES)
def test_last_block_trains_some_parts_and_freezes_the_first(name):
    backbone = build_backbone(name, None, "last_block", image_size=64).train()
    trained = [p for p in backbone.parameters() if p.requires_grad]
    assert 0 < len(trained) < len(list(backbone.parameters()))
    assert not next(backbone.parameters()).requires_grad
    backbone(random_images()).square().sum().backward()
    assert all(p.grad is not None for p in trained)


@pytest.mark.parametrize(
    ("name", "first", "before"),
    [
        ("resnet18", "layer4.1", "layer4.0"),
        ("mobilenet_v2", "features.15", "features.14"),
        ("densenet121", "features.denseblock4", "features.transition3"),
        ("swin_t", "features.7.0", "features.6"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("convnext_tiny", "features.7.0", "features.6"),
                ("vit_b_32", "encoder.layers.encoder_layer_10", "encoder.layers.encoder_layer_9"),
                ("regnet_x_16gf", "trunk_output.block4.block4-0", "trunk_output.block3"),
            ]
        ),
    ],
)
def test_last_block_starts_after_the_last_change_of_spatial_size(name, first, before):
    backbone = build_backbone(name, None, "last_block", image_size=64)
    names = {id(module): name for name, module in backbone.model.named_modules()}
    parts = [names[id(part)] for part in backbone.trained if list(part.parameters())]
    assert parts[0] == first
    assert not any(part.startswith(before) for part in parts)


def test_a_list_trains_the_modules_it_names():
    names = ["features.3", "features.12", "features.12.squeeze"]  # the third is in the second
    backbone = build_backbone("squeezenet1_1", None, names, image_size=64)
    model = backbone.model
    assert backbone.trained == [model.features[3], model.features[12]]
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name.rsplit(".", 2)[0] for name in trained} == {"features.3", "features.12"}


@pytest.mark.parametrize("name", ["features.33", "features.2", "classifier", "", 3])
def test_a_name_of_no_module_with_weights_is_an_error(name):
    with pytest.raises(ValueError, match=r"trainable must name modules .* Got .*named_modules\(\)"):
        build_backbone("squeezenet1_1", None, [name], image_size=64)


def test_frozen_parts_stay_in_eval_mode_and_trained_ones_do_not():
    backbone = build_backbone("resnet18", None, "last_block", image_size=64).train()
    assert backbone.model.layer4[1].bn1.training
    assert not backbone.model.layer4[0].bn1.training
    assert not backbone.eval().model.layer4[1].bn1.training


@pytest.mark.parametrize("trainable", ["head", "last_block"])
def test_buffers_of_frozen_batch_norm_do_not_move(trainable):
    backbone = build_backbone("resnet18", None, trainable, image_size=64).train()
    before = {k: v.clone() for k, v in backbone.model.layer3.named_buffers()}
    backbone(random_images(4))
    assert before
    for key, value in backbone.model.layer3.named_buffers():
        assert (value == before[key]).all(), key


def test_features_are_those_of_torchvision_on_normalised_images():
    torch.manual_seed(0)
    reference = models.resnet18(weights=None).eval()
    backbone = build_backbone("resnet18", None, "head", image_size=64).eval()
    state = {k: v for k, v in reference.state_dict().items() if not k.startswith("fc.")}
    backbone.model.load_state_dict(state)
    images = random_images()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (images / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    logits = F.linear(backbone(images), reference.fc.weight, reference.fc.bias)
    torch.testing.assert_close(logits, reference(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_come_from_a_file_whatever_its_classifier(tmp_path, suffix):
    model = models.mobilenet_v3_small(num_classes=7)
    path = tmp_path / f"weights{suffix}"
    state = model.state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    backbone = build_backbone(SMALL, path, "head", image_size=64)
    loaded = backbone.model.state_dict()
    assert (loaded["features.0.0.weight"] == state["features.0.0.weight"]).all()
    assert loaded.keys() == {k for k in state if not k.startswith("classifier.3.")}


def test_auxiliary_heads_in_a_file_are_ignored(tmp_path):
    model = models.googlenet(weights=None, aux_logits=True, init_weights=False)
    torch.save(model.state_dict(), tmp_path / "googlenet.pth")
    backbone = build_backbone("googlenet", tmp_path / "googlenet.pth", "head", image_size=64)
    assert (backbone.model.conv1.conv.weight == model.conv1.conv.weight).all()


def test_published_spelling_of_densenet_weights_is_read(tmp_path):
    state = models.densenet121(weights=None).state_dict()
    published = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", k): v for k, v in state.items()
    }
    assert published.keys() != state.keys()
    torch.save(published, tmp_path / "densenet.pth")
    backbone = build_backbone("densenet121", tmp_path / "densenet.pth", "head", image_size=64)
    key = "features.denseblock1.denselayer1.norm1.weight"
    assert (backbone.model.state_dict()[key] == state[key]).all()


@pytest.mark.slow
def test_vision_transformer_weights_fit_another_image_size(tmp_path):
    state = models.vit_b_32(weights=None, image_size=64).state_dict()
    torch.save(state, tmp_path / "vit.pth")
    backbone = build_backbone("vit_b_32", tmp_path / "vit.pth", "head", image_size=96)
    assert backbone(random_images(size=96)).shape == (2, 768)


def rejected(tmp_path, state) -> str:
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the callers read the words
        build_backbone(SMALL, tmp_path / "w.pth", "head", image_size=64)
    return str(caught.value)


def test_weights_that_do_not_fit_are_an_error_that_names_a_tensor(tmp_path):
    state = models.mobilenet_v3_small(weights=None).state_dict()
    lacking = {k: v for k, v in state.items() if k != "features.0.0.weight"}
    assert "lacks 1 tensors, the first is 'features.0.0.weight'" in rejected(tmp_path, lacking)
    surplus = state | {"more.weight": torch.ones(1)}
    assert "1 tensors, the first is 'more.weight'" in rejected(tmp_path, surplus)
    reshaped = state | {"features.0.0.weight": torch.ones(1)}
    assert "in another shape 1 tensors, the first is 'features.0" in rejected(tmp_path, reshaped)
    assert "holds something else" in rejected(tmp_path, {"model": state})


def test_damaged_weights_are_an_error_that_names_the_file(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"w\.pth', which cannot be read"):
        build_backbone(SMALL, tmp_path / "w.pth", "head", image_size=64)


def test_missing_file_of_weights_is_named():
    with pytest.raises(FileNotFoundError, match=r"Got 'nowhere\.pth', which is not a file"):
        build_backbone(SMALL, "nowhere.pth", "head", image_size=64)


def test_unknown_name_lists_close_ones():
    with pytest.raises(ValueError, match=r"Got 'resnet81'\. Did you mean 'resnet18'"):
        build_backbone("resnet81", None, "head", image_size=64)


def test_weights_that_cannot_be_downloaded_name_the_two_ways_out(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(OSError, match=r"no route.*weights='path/to.*weights=None"):
        build_backbone(SMALL, "DEFAULT", "head", image_size=64)


def test_downloaded_weights_are_loaded(monkeypatch):
    state = models.mobilenet_v3_small(weights=None).state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *a, **k: state)
    backbone = build_backbone(SMALL, "DEFAULT", "head", image_size=64)
    assert (backbone.model.features[0][0].weight == state["features.0.0.weight"]).all()


@pytest.mark.parametrize(("name", "size"), [("vit_b_32", 40), ("alexnet", 32), ("densenet121", 8)])
def test_image_size_that_does_not_suit_is_said(name, size):
    with pytest.raises(
        ValueError, match=rf"image_size must suit the backbone '{name}'. Got {size}"
    ):
        build_backbone(name, None, "head", image_size=size)


@pytest.fixture
def weights(tmp_path, settled):
    """A file for squeezenet1_1."""
    path = tmp_path / "squeezenet.pth"
    torch.save(models.squeezenet1_1(weights=None).state_dict(), path)
    return path


@pytest.fixture
def work(monkeypatch):
    """What is built and read, by name."""
    done = []
    build, read = models.get_model, backbones.read_state_dict
    monkeypatch.setattr(
        models, "get_model", lambda name, **o: done.append(("build", name)) or build(name, **o)
    )
    monkeypatch.setattr(
        backbones, "read_state_dict", lambda *args: done.append(("read", args[0])) or read(*args)
    )
    return done


def test_a_file_of_weights_is_read_once_whatever_is_trained(weights, work):
    built = [
        build_backbone("squeezenet1_1", path, trainable, image_size=32)
        for path in (weights, str(weights))
        for trainable in ("head", "last_block", "all", ["features.3"])
    ]
    assert work == [("read", "squeezenet1_1"), ("build", "squeezenet1_1")]
    assert [backbone.is_frozen for backbone in built] == [True, False, False, False] * 2
    assert [backbone.is_shared for backbone in built] == [True, False, False, False] * 2
    assert all(b.pretrained == (b.checksum(), b.content_hash()) for b in built)
    for backbone in built:
        names = {id(module) for module in backbone.modules()}
        assert all(id(part) in names for part in backbone.trained)
    pointers = [{p.data_ptr() for p in backbone.parameters()} for backbone in built]
    assert len(set.union(*pointers)) == sum(map(len, pointers))


def test_another_file_size_or_architecture_is_built_anew(weights, work):
    first = build_backbone("squeezenet1_1", weights, "head", image_size=32)
    assert build_backbone("squeezenet1_1", weights, "head", image_size=64).image_size == 64
    with pytest.raises(ValueError, match="must fit the backbone"):
        build_backbone("squeezenet1_0", weights, "head", image_size=32)
    torch.save(models.squeezenet1_1(weights=None).state_dict(), weights)
    second = build_backbone("squeezenet1_1", weights, "head", image_size=32)
    assert second.pretrained != first.pretrained == (first.checksum(), first.content_hash())
    assert second.pretrained == (second.checksum(), second.content_hash())
    assert len(work) == 8


def test_a_file_that_is_gone_is_missed(weights):
    build_backbone("squeezenet1_1", weights, "head", image_size=32)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match="is not a file"):
        build_backbone("squeezenet1_1", weights, "head", image_size=32)


def test_random_weights_are_drawn_each_time(work):
    first, second = (build_backbone("squeezenet1_1", None, "head", image_size=32) for _ in "ab")
    assert len(work) == 2
    assert first.checksum() != second.checksum()
    assert not first.is_shared


@pytest.mark.parametrize("trainable", ["head", "last_block"])
def test_reading_weights_draws_nothing(weights, trainable):
    torch.manual_seed(0)
    expected = torch.rand(3)
    for _ in range(2):
        torch.manual_seed(0)
        build_backbone("squeezenet1_1", weights, trainable, image_size=32)
        assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("setting", [torch.inference_mode, torch.no_grad])
def test_what_was_read_under_a_setting_learns_without_it(weights, setting):
    with setting():
        build_backbone("squeezenet1_1", weights, "all", image_size=32)
    backbone = build_backbone("squeezenet1_1", weights, "all", image_size=32)
    backbone(random_images(size=32)).sum().backward()
    assert next(backbone.parameters()).grad is not None
