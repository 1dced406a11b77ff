import torch
from torch.utils.hooks import RemovableHandle

from attrlearn.nn.backbones import build_backbone


def test_stages_outlive_hooks_that_are_registered_on_a_loaded_backbone(monkeypatch, tmp_path):
    """In another process torch numbers hooks from 0 again, as they were on what was saved."""
    monkeypatch.setattr(RemovableHandle, "next_id", 0)
    backbone = build_backbone("squeezenet1_1", None, "head", 64, "stages").eval()
    images = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    expected = backbone(images)
    torch.save(backbone, tmp_path / "backbone.pt")
    RemovableHandle.next_id = 0
    loaded = torch.load(tmp_path / "backbone.pt", weights_only=False)
    modules = list(loaded.model.modules())
    hooks = [m.register_forward_hook(lambda *_: None) for m in modules]
    assert torch.equal(loaded(images), expected)
    for hook in hooks:
        hook.remove()
    assert torch.equal(loaded(images), expected)
