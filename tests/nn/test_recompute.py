"""What is computed anew in the backward pass is what would have been kept."""

from copy import deepcopy

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from attrlearn.nn.backbones import build_backbone
from attrlearn.nn.recompute import Recomputed, find_blocks

# Of each kind of block: plain chains, residual blocks with batch norm, stochastic depth, attention,
# and lists of activations as inputs.
FAMILIES = [
    ("resnet18", 32),
    ("mobilenet_v2", 32),
    ("mobilenet_v3_small", 32),
    ("squeezenet1_1", 32),
    ("efficientnet_b0", 32),
    ("shufflenet_v2_x0_5", 32),
    pytest.param("convnext_tiny", 32, marks=pytest.mark.slow),
    pytest.param("densenet121", 32, marks=pytest.mark.slow),
    pytest.param("swin_t", 32, marks=pytest.mark.slow),
    pytest.param("vit_b_32", 32, marks=pytest.mark.long),
    pytest.param("vgg11_bn", 32, marks=pytest.mark.long),
    pytest.param("regnet_x_400mf", 32, marks=pytest.mark.slow),
    pytest.param("maxvit_t", 224, marks=pytest.mark.long),
]


def learn(run, backbone, images, dtype=torch.float32) -> int:
    """Compute the gradients of two steps; return the bytes that a forward pass keeps."""
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    parameters = {p.untyped_storage().data_ptr() for p in backbone.parameters()}
    for _ in range(2):
        kept.clear()
        torch.manual_seed(0)
        backbone.train()
        with (
            saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16),
        ):
            features = run(images)
        features.float().square().mean().backward()
    return sum(size for pointer, size in kept.items() if pointer not in parameters)


def check_equal(name, size, dtype, features="last"):
    """Gradients and buffers after two steps are the same with and without."""
    torch.manual_seed(0)
    plain = build_backbone(name, None, "all", size, features)
    recomputed = deepcopy(plain)
    images = torch.randint(256, (4, 3, size, size), dtype=torch.uint8)
    learn(plain, plain, images, dtype)
    learn(Recomputed(recomputed, recomputed.model), recomputed, images, dtype)
    for (key, p), (_, q) in zip(
        plain.named_parameters(), recomputed.named_parameters(), strict=True
    ):
        assert torch.equal(p.grad, q.grad), key
    for (key, p), (_, q) in zip(plain.named_buffers(), recomputed.named_buffers(), strict=True):
        assert torch.equal(p, q), key


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("name", "size"), FAMILIES)
def test_gradients_and_statistics_are_those_of_the_plain_run(name, size, dtype):
    check_equal(name, size, dtype)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_stages_are_pooled_once(name):
    check_equal(name, 32, torch.float32, features="stages")


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("resnet50", 0.4),
        ("mobilenet_v2", 0.3),
        pytest.param("vgg11", 0.6, marks=pytest.mark.long),
    ],
)
def test_less_is_kept_for_the_backward_pass(name, share):
    backbone = build_backbone(name, None, "all", 64)
    images = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    plain = learn(backbone, backbone, images)
    assert learn(Recomputed(backbone, backbone.model), backbone, images) < share * plain


def test_nothing_is_left_on_the_model():
    backbone = build_backbone("resnet18", None, "all", 32).train()
    before = [dict(vars(module)) for module in backbone.modules()]
    run = Recomputed(backbone, backbone.model)
    run(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).sum().backward()
    with pytest.raises(RuntimeError):
        run(torch.zeros(2, 4, 32, 32, dtype=torch.uint8))
    assert [vars(module).keys() for module in backbone.modules()] == [b.keys() for b in before]


@pytest.mark.parametrize("name", ["resnet50", "vit_b_16", "swin_t", "convnext_tiny"])
def test_blocks_lie_beside_one_another(name):
    model = build_backbone(name, None, "all", 64).model
    inner = [part for block in find_blocks(model) for part in block.modules()]
    assert len(inner) == len(set(inner))
    weights = sum(p.numel() for part in inner for p in part.parameters(recurse=False))
    assert weights > 0.9 * sum(p.numel() for p in model.parameters())
