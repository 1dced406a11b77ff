import pickle
import threading
from copy import deepcopy

import pytest
import torch
from torch import nn
from torchvision import models

from attrlearn.features.backends import open_backend
from attrlearn.nn.backbones import build_backbone
from attrlearn.nn.stages import GRID, MAX_FEATURES, collecting, find_stages

IMAGES = torch.randint(
    0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)

QUICK = ["mobilenet_v2", "mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1"]
SLOW = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mnasnet0_5",
    "regnet_y_400mf",
    "resnet50",
    "swin_t",
    "vgg11_bn",
]
NAMES = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


def build(name, trainable="head"):
    return build_backbone(name, None, trainable, image_size=64, features="stages")


def activations(backbone, images):
    """What the modules that end a stage return, by name."""
    found = {}
    for stage in backbone.stages:
        module = backbone.model.get_submodule(stage.name)
        module.register_forward_hook(lambda _, __, out, name=stage.name: found.update({name: out}))
    with torch.no_grad():
        backbone(images)
    return {name: out.clone() for name, out in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_stage_features_are_mean_and_deviation_of_their_activation_then_the_last_layers(name):
    backbone = build(name).eval()
    with torch.no_grad():
        features = backbone(IMAGES)
    outputs = activations(deepcopy(backbone), IMAGES)
    expected = []
    for stage in backbone.stages:
        output = outputs[stage.name]
        output = output if output.shape[1] == stage.n_channels else output.permute(0, 3, 1, 2)
        step = max(output.shape[2] // GRID, 1)
        positions = output[:, :, ::step, ::step].double().flatten(2)
        expected.append(positions.mean(2))
        if "std" in stage.statistics:
            expected.append(positions.std(2, correction=0))
    n_stages = sum(part.shape[1] for part in expected)
    torch.testing.assert_close(
        features[:, :n_stages].double(), torch.cat(expected, 1), atol=2e-4, rtol=1e-3
    )
    backbone.model.requires_grad_(False)
    for module in backbone.model.modules():
        module._forward_hooks.clear()
    backbone.stages = []
    torch.testing.assert_close(features[:, n_stages:], backbone(IMAGES))
    assert features.shape[1] == backbone.n_features


@pytest.mark.parametrize("name", NAMES)
def test_backbones_learn_from_all_stages(name):
    backbone = build(name, "all").train()
    features = backbone(IMAGES)
    assert len(set(backbone.feature_names())) == backbone.n_features == features.shape[1]
    features[:, : -backbone.stages[-1].n_channels].sum().backward()
    gradients = [p.grad for p in backbone.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert gradients[0].abs().sum() > 0


def test_a_constant_activation_has_a_finite_gradient():
    backbone = build("resnet18", "all").train()
    backbone(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).sum().backward()
    assert all(p.grad.isfinite().all() for p in backbone.parameters())


def test_stages_end_where_the_shape_of_activations_changes():
    backbone = build("mobilenet_v2")
    names = ["0.2", "1", "3", "6", "10", "13", "16", "17"]
    assert [stage.name for stage in backbone.stages] == [f"features.{n}" for n in names]
    assert backbone.feature_names()[:1] == ["features.0.2_mean0"]
    assert backbone.feature_names()[32:33] == ["features.0.2_std0"]
    assert backbone.feature_names()[-1:] == ["last_1279"]
    assert backbone.n_features == 2 * (32 + 16 + 24 + 32 + 64 + 96 + 160 + 320) + 1280


def test_stages_of_a_vision_transformer_are_the_class_token_of_its_last_blocks():
    model = models.VisionTransformer(32, 16, num_layers=6, num_heads=2, hidden_dim=8, mlp_dim=8)
    model.heads = nn.Identity()
    stages = find_stages(model.eval(), n_features=8)
    assert [stage.name for stage in stages] == [
        f"encoder.layers.encoder_layer_{i}" for i in (2, 3, 4)
    ]
    tokens = torch.randn(3, 5, 8)
    torch.testing.assert_close(stages[0].pool(tokens), tokens[:, 0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "densenet121", "inception_v3"])
def test_stages_of_wide_models_are_bounded_the_widest_first(name):
    stages = build(name).stages if name != "inception_v3" else build_299(name).stages
    assert MAX_FEATURES / 2 < sum(stage.n_features for stage in stages) <= MAX_FEATURES
    both = [stage.n_channels for stage in stages if len(stage.statistics) == 2]
    less = [stage.n_channels for stage in stages if stage.statistics == ("mean",)]
    assert max(both) <= min(less)


def build_299(name):
    return build_backbone(name, None, "head", image_size=299, features="stages")


def test_tokens_of_a_wide_transformer_are_bounded():
    model = models.VisionTransformer(32, 16, 4, num_heads=2, hidden_dim=1280, mlp_dim=8)
    stages = find_stages(model.eval(), n_features=1280)
    assert [stage.name[-1] for stage in stages] == ["1", "2"]


@pytest.mark.parametrize("engine", ["torch", pytest.param("openvino", marks=pytest.mark.openvino)])
@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1"])
def test_engines_pool_the_same(name, engine):
    backbone = build(name).eval()
    with torch.no_grad():
        expected = backbone(IMAGES)
    found = open_backend(engine, backbone, torch.float32)(IMAGES)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_batch_norm_that_ends_a_stage_is_pooled_after_it_became_part_of_a_convolution():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 2, 2))
    model[1].running_mean.uniform_()
    backbone = build("squeezenet1_1")
    backbone.model, backbone.stages = model.eval(), []
    stage = find_stages(nn.Sequential(*model, nn.Conv2d(4, 4, 2, 2)).eval(), n_features=4)[0]
    assert stage.name == "1"
    model[1].register_forward_hook(stage)
    backbone.n_features = 8 + 4 * 32 * 32
    with torch.no_grad():
        expected = backbone(IMAGES)
    found = open_backend("torch", backbone, torch.float32)(IMAGES)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_copies_pool_too():
    backbone = build("squeezenet1_1").eval()
    with torch.no_grad():
        expected = backbone(IMAGES)
        for same in (deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
            assert (same(IMAGES) == expected).all()


def test_nothing_is_pooled_unless_somebody_collects_and_threads_collect_for_themselves():
    backbone = build("squeezenet1_1").eval()
    counts = {}

    def run(name, n_times):
        with collecting() as pooled, torch.no_grad():
            for _ in range(n_times):
                backbone.model(torch.zeros(1, 3, 64, 64))
            counts[name] = len(pooled)

    with collecting() as outside:
        threads = [threading.Thread(target=run, args=(n, n)) for n in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts == {n: n * len(backbone.stages) for n in (1, 2, 3)}
    assert outside == []
    backbone.model(torch.zeros(1, 3, 64, 64))
    assert outside == []
