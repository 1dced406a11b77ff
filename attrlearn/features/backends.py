"""Inference backends: torch, with batch-norm folded into convolutions, or OpenVINO."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from importlib.util import find_spec

import torch
from torch import Tensor, nn, set_num_threads
from torch.nn.utils.fusion import fuse_conv_bn_eval

from attrlearn.features.model_folder import ModelFolder
from attrlearn.features.openvino_backend import OpenVINOBackend
from attrlearn.forks import in_forked_child
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.tracing import trace

__all__ = ["Backend", "choose_backend", "fold_batch_norm", "open_backend"]

IMAGES_PER_CORE = 4  # measured: 2 to 4 were fastest, 32 a third slower

Backend = Callable[[Tensor], Tensor]  # images (B, 3, H, W) uint8 → features (B, D) float32


@in_forked_child
def _go_on_alone() -> None:
    """Wait for no thread of the parent to compute."""
    torch.set_num_threads(1)  # OpenMP does not know that its threads stayed behind


def choose_backend(engine: str, device: torch.device, *, is_shared: bool) -> str:
    """Return the inference backend that a name means.

    "auto" is OpenVINO on a CPU that has it, for a backbone that many fits and processes run:
    converting takes as long as a hundred images. How many there are does not count, lest the
    features of an image depend on its company.

    Parameters
    ----------
    engine : {"auto", "torch", "openvino"}
    device : torch.device
    is_shared : bool
        As of the `Backbone`.

    Returns
    -------
    {"torch", "openvino"}

    Raises
    ------
    ImportError
        If OpenVINO is asked for and not installed.
    ValueError
        If it is asked for on another device than the CPU.

    Examples
    --------
    >>> choose_backend("auto", torch.device("cpu"), is_shared=False)
    'torch'
    """
    installed = find_spec("openvino") is not None
    if engine == "auto":
        return "openvino" if is_shared and installed and device.type == "cpu" else "torch"
    if engine == "openvino" and device.type != "cpu":
        raise ValueError(
            f"engine='openvino' must have device='cpu'. Got device {device.type!r}. Pass "
            "engine='torch' to use it."
        )
    if engine == "openvino" and not installed:
        raise ImportError(
            "engine='openvino' needs the package openvino: pip install 'attrlearn[openvino]'. Or "
            "pass engine='torch'."
        )
    return engine


def open_backend(
    name: str,
    backbone: Backbone,
    dtype: torch.dtype,
    content_hash: str = "",
    kept: ModelFolder | None = None,
) -> Backend:
    """Prepare a backbone to run; it is copied, and may go on learning.

    Parameters
    ----------
    name : {"torch", "openvino"}
    backbone : Backbone
        On the device that computes.
    dtype : {torch.float32, torch.bfloat16}
        Of weights and activations.
    content_hash : str, optional
        Of the backbone.
    kept : ModelFolder, optional
        Where to look for what takes long to prepare, by the content hash, and to keep it.

    Returns
    -------
    callable
        Maps images (B, 3, H, W) uint8 on the same device to features (B, D) float32, in the
        process that opened it; one forked from that must open its own.

    Examples
    --------
    >>> from attrlearn.nn.backbones import build_backbone
    >>> backbone = build_backbone("resnet18", None, "head", image_size=32).eval()
    >>> run = open_backend("torch", backbone, torch.float32)
    >>> images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    >>> torch.allclose(run(images), backbone(images), atol=1e-4)
    True
    """
    if name == "openvino":
        return OpenVINOBackend(backbone, dtype, content_hash, kept)
    backbone = deepcopy(backbone).eval().requires_grad_(False)
    fold_batch_norm(backbone.model)
    backbone.model.to(dtype)
    backbone.model.to(memory_format=torch.channels_last)

    def run(images: Tensor) -> Tensor:
        with torch.no_grad():  # inference tensors could not be learnt from
            return backbone(images).float()

    return _on_each_core(run) if backbone.mean.device.type == "cpu" else run


def _on_each_core(run: Backend) -> Backend:
    """The backend, a few images at a time by each core for itself.

    What passes between the layers then stays in the caches of a core, and cores do not wait for
    each other after each layer.
    """

    def run_parts(images: Tensor) -> Tensor:
        n_threads = torch.get_num_threads()
        n_images = min(max(len(images) // n_threads, 1), IMAGES_PER_CORE)
        try:
            with ThreadPoolExecutor(n_threads, "attrlearn-compute", set_num_threads, (1,)) as pool:
                return torch.cat(list(pool.map(run, images.split(n_images))))
        finally:
            set_num_threads(n_threads)  # a thread that begins takes over what was set last

    return run_parts


def fold_batch_norm(model: nn.Module) -> None:
    """Make each batch-norm that follows a convolution a part of it, in place.

    Parameters
    ----------
    model : torch.nn.Module
        In eval mode.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()
    >>> fold_batch_norm(model)
    >>> model
    Sequential(
      (0): Conv2d(3, 4, kernel_size=(1, 1), stride=(1, 1))
      (1): Identity()
    )
    """
    graph = trace(model)
    if graph is None:
        return
    calls = [node for node in graph.nodes if node.op == "call_module"]
    modules = {node: model.get_submodule(node.target) for node in calls}
    times = Counter(modules.values())
    for node, first in modules.items():
        for user in node.users:
            second = modules.get(user)
            if (
                isinstance(first, nn.Conv2d)
                and isinstance(second, nn.BatchNorm2d)
                and len(node.users) == times[first] == times[second] == 1
            ):
                passed_on = nn.Identity()
                for hook in second._forward_hooks.values():  # that pool the end of a stage
                    passed_on.register_forward_hook(hook)
                model.set_submodule(node.target, fuse_conv_bn_eval(first, second))
                model.set_submodule(user.target, passed_on)
