import pickle
from copy import deepcopy

import pytest
import torch
from torch import nn

from attrlearn.features.backends import open_backend
from attrlearn.nn.backbones import Backbone, build_backbone
from attrlearn.nn.split_backbone import split_before_trained

IMAGES = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)


def gradients(backbone, to_features, inputs):
    """Of a loss of the features, by parameter; what is drawn at random is the same each time."""
    backbone.zero_grad()
    torch.manual_seed(0)
    backbone.train()
    to_features(inputs).square().sum().backward()
    return {n: p.grad.clone() for n, p in backbone.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("features", ["last", "stages"])
@pytest.mark.parametrize(
    "name",
    [
        "densenet121",
        "mobilenet_v2",
        "resnet18",
        pytest.param("vit_b_32", marks=pytest.mark.slow),
    ],
)
def test_two_parts_give_what_the_whole_gives_and_learn_what_it_learns(name, features):
    backbone = build_backbone(name, None, "last_block", image_size=64, features=features)
    split = split_before_trained(backbone)
    with torch.no_grad():
        kept = split.prefix(IMAGES)
        assert not any(p.requires_grad for p in split.prefix.parameters())
        expected = backbone.eval()(IMAGES)
        torch.testing.assert_close(split.suffix(kept), expected)
    whole = gradients(backbone, backbone, IMAGES)
    rest = gradients(backbone, split.suffix, kept)
    assert (
        whole.keys()
        == rest.keys()
        == {n for n, p in backbone.named_parameters() if p.requires_grad}
    )
    for parameter, gradient in whole.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(rest[parameter], gradient, rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize("engine", ["torch", pytest.param("openvino", marks=pytest.mark.openvino)])
def test_engines_run_the_first_part(engine):
    split = split_before_trained(build_backbone("mobilenet_v2", None, "last_block", image_size=64))
    with torch.no_grad():
        expected = split.prefix(IMAGES)
    found = open_backend(engine, split.prefix, torch.float32)(IMAGES)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_a_stage_that_holds_a_trained_layer_is_run_with_it():
    backbone = build_backbone(
        "mobilenet_v2", None, ["features.13.conv.2"], image_size=64, features="stages"
    ).eval()
    split = split_before_trained(backbone)
    with torch.no_grad():
        torch.testing.assert_close(split.suffix(split.prefix(IMAGES)), backbone(IMAGES))
    assert gradients(backbone, split.suffix, split.prefix(IMAGES)).keys() == {
        "model.features.13.conv.2.weight"
    }


def test_there_is_no_split_before_the_first_layer():
    assert split_before_trained(build_backbone("resnet18", None, "all", image_size=64)) is None


class Forked(nn.Module):
    """Two frozen results reach the trained layer."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.trained = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        left, right = self.a(x), self.b(x)
        return (self.trained(left) + right).mean((2, 3))


class Fickle(nn.Module):
    """What it calls depends on the pixels."""

    def __init__(self):
        super().__init__()
        self.frozen, self.trained = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        x = self.frozen(x)
        return self.trained(x if x.sum() > 0 else -x).mean((2, 3))


@pytest.mark.parametrize("kind", [Forked, Fickle])
def test_there_is_no_split_where_more_than_one_tensor_would_pass_or_the_way_is_open(kind):
    model = kind()
    backbone = Backbone("parts", model, 4, 8, [0.5] * 3, [0.2] * 3, [model.trained])
    assert split_before_trained(backbone) is None


def test_a_split_leaves_the_backbone_as_it_is():
    backbone = build_backbone("resnet18", None, "last_block", image_size=64).eval()
    expected = backbone(IMAGES)
    split_before_trained(backbone)
    for same in (backbone, deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
        torch.testing.assert_close(same(IMAGES), expected)


def test_parts_of_one_model_have_hashes_of_their_own():
    backbone = build_backbone("squeezenet1_1", None, "last_block", image_size=64)
    last = split_before_trained(backbone).prefix
    backbone.train_only([backbone.model.features[6]])
    earlier = split_before_trained(backbone).prefix
    assert last.content_hash() != earlier.content_hash()
    assert last.checksum() != earlier.checksum()
