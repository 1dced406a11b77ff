"""Inference backends: torch, with batch-norm folded into convolutions, or OpenVINO."""

import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor, nn, set_num_threads
from torch.nn.utils.fusion import fuse_conv_bn_eval

from attrlearn.forks import in_forked_child, keep_for_ever
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.tracing import trace

__all__ = ["Backend", "choose_backend", "fold_batch_norm", "open_backend"]

IMAGES_PER_CORE = 4  # measured: 2 to 4 were fastest, 32 a third slower

Backend = Callable[[Tensor], Tensor]  # images (B, 3, H, W) uint8 → features (B, D) float32

_with_threads: WeakSet[Backend] = WeakSet()
_converting = threading.Lock()


@in_forked_child
def _go_on_alone() -> None:
    """Wait for no thread of the parent: neither to compute nor, when freed, for its end."""
    global _converting
    _converting = threading.Lock()
    torch.set_num_threads(1)  # OpenMP does not know that its threads stayed behind
    for backend in list(_with_threads):
        keep_for_ever(backend)


def choose_backend(engine: str, device: torch.device) -> str:
    """Return the inference backend that a name means; "auto" is OpenVINO on a CPU that has it.

    Parameters
    ----------
    engine : {"auto", "torch", "openvino"}
    device : torch.device

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
    >>> choose_backend("torch", torch.device("cpu"))
    'torch'
    """
    installed = find_spec("openvino") is not None
    if engine == "auto":
        return "openvino" if installed and device.type == "cpu" else "torch"
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


def open_backend(name: str, backbone: Backbone, dtype: torch.dtype) -> Backend:
    """Prepare a backbone to run; it is copied, and may go on learning.

    Parameters
    ----------
    name : {"torch", "openvino"}
    backbone : Backbone
        On the device that computes.
    dtype : {torch.float32, torch.bfloat16}
        Of weights and activations.

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
    backbone = deepcopy(backbone).eval().requires_grad_(False)
    if name == "openvino":
        return _openvino_backend(backbone, dtype)
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


@contextmanager
def _conversion() -> Iterator[None]:
    """Let OpenVINO be imported and convert, one thread at a time: they share the environment.

    It reports no event, for each of which it would fork this process and use the network; and finds
    a home folder, without which it fails, if the user has none.
    """
    with _converting, _environment("CI", "true"):  # where nothing is reported
        if os.path.expanduser("~") != "~":
            yield
            return
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder, _environment("HOME", folder):
            yield


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment for the time being."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _openvino_backend(backbone: Backbone, dtype: torch.dtype) -> Backend:
    """The backbone compiled by OpenVINO, image by image on as many streams as pay."""
    size = backbone.image_size
    example = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    with _conversion(), warnings.catch_warnings():
        import openvino as ov  # which looks for a home folder already

        # The size is indeed fixed.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.simplefilter("ignore", FutureWarning)  # how OpenVINO reads torch is its affair
        model = ov.convert_model(backbone, example_input=example, input=[1, 3, size, size])
    compiled = ov.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "THROUGHPUT",
        },
    )
    n_streams = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    idle: list[list] = []  # the requests of each run that has ended

    def run(images: Tensor) -> Tensor:
        try:
            requests = idle.pop()
        except IndexError:  # as many runs as now were never under way at once
            requests = [compiled.create_infer_request() for _ in range(n_streams)]
        features = np.empty((len(images), backbone.n_features), dtype=np.float32)
        # In turns, and without callbacks, whose end can wait for the interpreter for ever.
        for row in range(len(images) + n_streams):
            request, before = requests[row % n_streams], row - n_streams
            if before >= 0 and before < len(images):
                request.wait()
                features[before] = request.get_output_tensor().data[0]
            if row < len(images):
                request.start_async([images[row : row + 1].numpy()])
        idle.append(requests)
        return torch.from_numpy(features)

    _with_threads.add(run)
    return run
