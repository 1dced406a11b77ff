import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from attrlearn.features import backends
from attrlearn.features.backends import choose_backend, fold_batch_norm, open_backend
from attrlearn.nn.backbones import Backbone, build_backbone

CPU, GPU = torch.device("cpu"), torch.device("cuda")
NAMES = ["torch", pytest.param("openvino", marks=pytest.mark.openvino)]
IMAGES = torch.randint(0, 256, (5, 3, 64, 64), dtype=torch.uint8)


def lively(name):
    """A backbone whose batch-norm has something to do, and whose features differ by image."""
    torch.manual_seed(0)
    backbone = build_backbone(name, None, "head", image_size=64)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, 0, 0.1)
    return backbone.eval()


SLOW_VIT = pytest.param("vit_b_16", marks=pytest.mark.slow)


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", SLOW_VIT, "densenet121"])
def test_engine_gives_the_features_of_its_backbone(engine, name):
    backbone = lively(name)
    with torch.no_grad():
        expected = backbone(IMAGES)
    found = open_backend(engine, backbone, torch.float32)(IMAGES)
    assert found.dtype == torch.float32
    assert expected.std(dim=0).mean() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))


@pytest.mark.parametrize("engine", NAMES)
def test_bfloat16_is_nearly_the_same(engine):
    backbone = lively("resnet18")
    exact = open_backend(engine, backbone, torch.float32)(IMAGES)
    found = open_backend(engine, backbone, torch.bfloat16)(IMAGES)
    assert found.dtype == torch.float32
    assert (found - exact).abs().mean() < 0.02 * exact.abs().mean()


@pytest.mark.parametrize("engine", NAMES)
def test_a_image_has_its_features_in_any_batch_and_thread(engine):
    run = open_backend(engine, lively("resnet18"), torch.float32)
    whole = run(IMAGES)
    torch.testing.assert_close(run(IMAGES[3:4]), whole[3:4], rtol=1e-4, atol=1e-4)
    barrier = threading.Barrier(4)

    def at_once(_):
        barrier.wait()
        return run(IMAGES)

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(at_once, range(4)):
            torch.testing.assert_close(found, whole, rtol=1e-4, atol=1e-4)


def test_each_core_runs_a_few_images_at_a_time_and_leaves_torch_its_threads(monkeypatch):
    seen = []
    forward = Backbone.forward

    def spy(backbone, images):
        seen.append((len(images), torch.get_num_threads()))
        return forward(backbone, images)

    run = open_backend("torch", lively("squeezenet1_1"), torch.float32)
    monkeypatch.setattr(Backbone, "forward", spy)
    before = torch.get_num_threads()
    for n_threads, sizes in [(3, [3, 3, 3, 2]), (1, [4, 4, 3]), (16, [1] * 11)]:
        torch.set_num_threads(n_threads)
        try:
            run(IMAGES[[0] * 11])
            with ThreadPoolExecutor(1) as pool:
                new_thread = pool.submit(torch.get_num_threads).result()
            assert torch.get_num_threads() == new_thread == n_threads
        finally:
            torch.set_num_threads(before)
        assert sorted(seen, reverse=True) == [(size, 1) for size in sizes]
        seen.clear()


def test_batch_norm_is_gone_and_the_backbone_as_it_was():
    backbone = lively("resnet18")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    open_backend("torch", backbone, torch.bfloat16)
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert sum(isinstance(m, nn.BatchNorm2d) for m in backbone.modules()) == 20
    fold_batch_norm(backbone.model)
    assert not [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]


class Twice(nn.Module):
    """Convolutions that cannot take a batch-norm in: their output or they themselves are shared."""

    def __init__(self):
        super().__init__()
        self.forked, self.repeated = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.norm, self.other = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x):
        x = self.forked(x)
        x = self.norm(x) + x
        return self.other(self.repeated(self.repeated(x)))


def test_batch_norm_stays_where_it_cannot_be_folded():
    torch.manual_seed(0)
    model = Twice().eval()
    for norm in (model.norm, model.other):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    images = torch.randn(2, 3, 4, 4)
    expected = model(images)
    fold_batch_norm(model)
    torch.testing.assert_close(model(images), expected)
    assert isinstance(model.norm, nn.BatchNorm2d)
    assert isinstance(model.other, nn.BatchNorm2d)


@pytest.mark.parametrize("is_shared", [True, False])
def test_auto_is_openvino_on_a_cpu_where_it_is_installed_and_pays(monkeypatch, is_shared):
    for installed, expected in [(object(), "openvino"), (None, "torch")]:
        monkeypatch.setattr(backends, "find_spec", lambda _, spec=installed: spec)
        chosen = choose_backend("auto", CPU, is_shared=is_shared)
        assert chosen == (expected if is_shared else "torch")
        assert choose_backend("auto", GPU, is_shared=is_shared) == "torch"
        assert choose_backend("torch", CPU, is_shared=is_shared) == "torch"
    with pytest.raises(ImportError, match=r"pip install 'attrlearn\[openvino\]'"):
        choose_backend("openvino", CPU, is_shared=is_shared)
    with pytest.raises(ValueError, match=r"must have device='cpu'. Got device 'cuda'"):
        choose_backend("openvino", GPU, is_shared=is_shared)
    monkeypatch.setattr(backends, "find_spec", lambda _: object())
    assert choose_backend("openvino", CPU, is_shared=is_shared) == "openvino"


@pytest.mark.openvino
@pytest.mark.parametrize("before", [None, "false"])
def test_openvino_reports_no_conversion(monkeypatch, before):
    sender = pytest.importorskip("openvino_telemetry.utils.sender").TelemetrySender
    sent = []
    monkeypatch.setattr(sender, "send", lambda *event: sent.append(event))
    if before is None:
        monkeypatch.delenv("CI", raising=False)
    else:
        monkeypatch.setenv("CI", before)
    with ThreadPoolExecutor(2) as pool:  # which share the environment
        backbones = [lively("squeezenet1_1"), lively("squeezenet1_1")]
        list(pool.map(lambda b: open_backend("openvino", b, torch.float32), backbones))
    assert sent == []
    assert os.environ.get("CI") == before
