"""A backbone run by OpenVINO, as one model for all that have the same weights."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from weakref import WeakSet

import numpy as np
import torch
import torchvision
from torch import Tensor

from attrlearn._version import __version__
from attrlearn.features.cache import setting_key
from attrlearn.features.model_folder import ModelFolder
from attrlearn.forks import in_forked_child, keep_for_ever
from attrlearn.nn.backbones import Backbone

__all__ = ["OpenVINOBackend"]

_LENGTH_BYTES = 8


class OpenVINOBackend:
    """Runs a backbone, image by image on as many streams as pay; threads may share it.

    Parameters
    ----------
    backbone : Backbone
        On the CPU.
    dtype : {torch.float32, torch.bfloat16}
    content_hash : str
        Of the backbone.
    kept : ModelFolder or None
        Where converted backbones are kept, as it takes far longer to convert one than to read it.
    """

    def __init__(
        self, backbone: Backbone, dtype: torch.dtype, content_hash: str, kept: ModelFolder | None
    ) -> None:
        self.n_features = backbone.n_features
        self._model = _compile(backbone, dtype, content_hash, kept)
        self._n_streams = self._model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._idle: list[list[Any]] = []  # the requests of each run that has ended
        _opened.add(self)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the features (B, D) float32 of images (B, 3, H, W) uint8."""
        try:
            requests = self._idle.pop()
        except IndexError:  # as many runs as now were never under way at once
            requests = [self._model.create_infer_request() for _ in range(self._n_streams)]
        features = np.empty((len(images), self.n_features), dtype=np.float32)
        # In turns, and without callbacks, whose end can wait for the interpreter for ever.
        for row in range(len(images) + self._n_streams):
            request, before = requests[row % self._n_streams], row - self._n_streams
            if before >= 0 and before < len(images):
                request.wait()
                features[before] = request.get_output_tensor().data[0]
            if row < len(images):
                request.start_async([images[row : row + 1].numpy()])
        self._idle.append(requests)
        return torch.from_numpy(features)


_opened: WeakSet[OpenVINOBackend] = WeakSet()
_converting = threading.Lock()


@in_forked_child
def _go_on_alone() -> None:
    """Do not wait, when it is freed, for the end of a thread of the parent."""
    global _converting
    _converting = threading.Lock()
    for backend in list(_opened):
        keep_for_ever(backend)


def _compile(
    backbone: Backbone, dtype: torch.dtype, content_hash: str, kept: ModelFolder | None
) -> Any:
    """The compiled model; what it is compiled from is kept, as any CPU can read it."""
    with _conversion():
        import openvino as ov  # which looks for a home folder already
    name = setting_key(
        backbone=backbone.name,
        weights=content_hash,
        image_size=backbone.image_size,
        attrlearn=__version__,
        openvino=ov.__version__,
        torch=torch.__version__,
        torchvision=torchvision.__version__,
    )
    core = ov.Core()
    model = None
    if kept is not None and (found := kept.get(name)) is not None:
        with suppress(Exception):  # whatever OpenVINO makes of what another build of it wrote
            model = core.read_model(*_unpack(found))
    if model is None:
        model = _convert(ov, backbone)
        with suppress(OSError, RuntimeError):  # there is no room for it
            layers, weights = _serialize(ov, model)
            # Read here too, as models that were read are rounded otherwise.
            model = core.read_model(layers, weights)
            if kept is not None:
                kept.put(name, len(layers).to_bytes(_LENGTH_BYTES, "little"), layers, weights)
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "THROUGHPUT",
    }
    return core.compile_model(model, "CPU", settings)


def _convert(ov: Any, backbone: Backbone) -> Any:
    """The backbone as a model of OpenVINO."""
    backbone = deepcopy(backbone).eval().requires_grad_(False)
    size = backbone.image_size
    example = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    with _conversion(), warnings.catch_warnings():
        # The size is indeed fixed.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.simplefilter("ignore", FutureWarning)  # how OpenVINO reads torch is its affair
        return ov.convert_model(backbone, example_input=example, input=[1, 3, size, size])


def _serialize(ov: Any, model: Any) -> tuple[bytes, bytes]:
    """Layers and weights of a model; OpenVINO writes to files alone."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        layers = Path(folder, "model.xml")
        ov.save_model(model, layers, compress_to_fp16=False)
        return layers.read_bytes(), layers.with_suffix(".bin").read_bytes()


def _unpack(kept: memoryview) -> tuple[bytes, bytes]:
    """Layers and weights, from their length and both of them in a row."""
    end = _LENGTH_BYTES + int.from_bytes(kept[:_LENGTH_BYTES], "little")
    return kept[_LENGTH_BYTES:end].tobytes(), kept[end:].tobytes()


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
