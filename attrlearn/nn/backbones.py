"""Pretrained trunks of torchvision: images in, features out."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from hashlib import blake2b
from os import PathLike
from typing import Any, NamedTuple, Self
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import models

from attrlearn.checks.file_state import file_state
from attrlearn.nn.stages import Stage, collecting, last_block, pool_stages, renew_hooks
from attrlearn.nn.state_dicts import StateDict, load_state_dict, read_state_dict
from attrlearn.nn.templates import copy_of

__all__ = ["Backbone", "Content", "build_backbone"]


class Content(NamedTuple):
    """Architecture and weights of a backbone.

    Attributes
    ----------
    checksum : int
        As of `Backbone.checksum`.
    content_hash : str
        As of `Backbone.content_hash`.
    """

    checksum: int
    content_hash: str


class Backbone(nn.Module):
    """A torchvision classification model without its classifier.

    It normalises the images itself, and keeps what is not trained in eval mode, batch-norm
    statistics included.

    Parameters
    ----------
    name : str
        Of the architecture.
    model : torch.nn.Module
        Maps normalised images (B, 3, H, W) to features, (B, D) or (B, D, 1, 1).
    n_features : int
        Of what the model returns.
    image_size : int
        H and W.
    mean, std : sequence of 3 floats
        Of the red, green and blue channel, in units of the full scale 255.
    trained : list of torch.nn.Module
        The parts of `model` that `fit` may change; all others are frozen.
    stages : list of Stage, optional
        Of which `model` pools the activations, in the order they run; their features come first.

    Attributes
    ----------
    pretrained : Content or None
        What was read from a file or downloaded, whatever has become of it; None: random weights.

    Shape
    -----
    images : (B, 3, H, W) uint8
    output : (B, D) float
    """

    mean: Tensor
    std: Tensor
    pretrained: Content | None = None

    def __init__(
        self,
        name: str,
        model: nn.Module,
        n_features: int,
        image_size: int,
        mean: list[float],
        std: list[float],
        trained: list[nn.Module],
        stages: Sequence[Stage] = (),
    ) -> None:
        super().__init__()
        self.name = name
        self.model = model.to(memory_format=torch.channels_last)  # 1.6 times as fast on a CPU
        self.stages = list(stages)
        self.n_features = sum(stage.n_features for stage in stages) + n_features  # D
        self.image_size = int(image_size)  # OpenVINO takes no int of numpy
        self.register_buffer("mean", _per_channel(mean), persistent=False)
        self.register_buffer("std", _per_channel(std), persistent=False)
        self.train_only(trained)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore, also in another process."""
        super().__setstate__(state)
        renew_hooks(self.model)

    def train_only(self, parts: list[nn.Module]) -> None:
        """Freeze all but these parts of `model`."""
        self.trained = parts  # a plain list: these modules are registered in `model` already
        self.requires_grad_(False)
        for part in parts:
            part.requires_grad_(True)

    @property
    def is_frozen(self) -> bool:
        """Whether no part is trained, so that the features of an image never change."""
        return not self.trained

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of the images."""
        x = images.to(torch.float32, memory_format=torch.channels_last)
        x.sub_(self.mean).div_(self.std)
        with collecting() as pooled:
            last = self.model(x.to(self.dtype)).flatten(1)
        return torch.cat([*pooled, last], dim=1)  # (B, D)

    def feature_names(self) -> list[str]:
        """Return a name for each of the D features."""
        of_stages = [name for stage in self.stages for name in stage.feature_names()]
        return of_stages + [f"last_{i}" for i in range(self.n_features - len(of_stages))]

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.model.parameters()).dtype

    @property
    def is_shared(self) -> bool:
        """Whether other fits and processes run these very weights: pretrained, and frozen."""
        return self.is_frozen and self.pretrained is not None

    def content_hash(self) -> str:
        """Hash of architecture and weights: the same for the same ones, wherever they come from."""
        hashed = blake2b(self._architecture().encode(), digest_size=16)
        for description, content in self._contents():
            hashed.update(description.encode())
            hashed.update(content)
        return hashed.hexdigest()

    def checksum(self) -> int:
        """Checksum of architecture and weights, to see that they were edited: 3 GB/s."""
        checksum = crc32(self._architecture().encode())
        for description, content in self._contents():
            checksum = crc32(content, crc32(description.encode(), checksum))
        return checksum

    def _architecture(self) -> str:
        """All that the features depend on beside the weights."""
        return f"{self.model!r} {self.stages!r}"

    def _contents(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield name, dtype and shape of each tensor, and its bytes."""
        for name, tensor in [*self.named_parameters(), *self.named_buffers()]:
            flat = tensor.detach().cpu().contiguous().flatten()
            yield f"{name} {tensor.dtype} {tuple(tensor.shape)}", flat.view(torch.uint8).numpy()

    def train(self, mode: bool = True) -> Self:
        """Set the trained parts to `mode`, the frozen ones to eval."""
        super().train(False)
        for part in self.trained:
            part.train(mode)
        self.training = mode
        return self


def _per_channel(shares: list[float]) -> Tensor:
    """(3, 1, 1), in units of the full scale 255."""
    return 255 * torch.tensor(shares, dtype=torch.float32).view(3, 1, 1)


def build_backbone(
    name: str,
    weights: str | PathLike | None,
    trainable: str | Sequence[str],
    image_size: int,
    features: str = "last",
) -> Backbone:
    """Build a torchvision classification model as a backbone.

    Parameters
    ----------
    name : str
        As in ``torchvision.models.list_models(module=torchvision.models)``.
    weights : "DEFAULT", path or None
        torchvision's pretrained weights, a file with a state dict, or random weights.
    trainable : {"head", "last_block", "all"} or list of str
        "head" freezes the backbone. "last_block" trains the modules that follow the last change
        of the spatial size, or the one that makes it if none with parameters follows; of a vision
        transformer, whose tokens never change in number, the last two encoder blocks. A list names
        modules as ``named_modules()`` of the model does.
    image_size : int
        Height and width of the images, in pixels.
    features : {"last", "stages"}, default="last"
        Those of the last layer alone, or with what the stages before pool to.

    Returns
    -------
    Backbone

    Raises
    ------
    ValueError
        If no model has that name, the weights do not fit it, or it has no such module to train.
    OSError
        If the weights can neither be found nor downloaded.

    Examples
    --------
    >>> import torch
    >>> backbone = build_backbone("mobilenet_v3_small", None, "head", image_size=64)
    >>> backbone(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).shape
    torch.Size([2, 1024])
    """
    _check_name(name)
    if weights is None:
        backbone = _build_frozen(name, None, image_size, features)
    else:
        backbone = _read_pretrained(name, weights, image_size, features)
    backbone.train_only(_trained_parts(backbone.model, trainable))
    return backbone


def _read_pretrained(
    name: str, weights: str | PathLike, image_size: int, features: str
) -> Backbone:
    """A frozen backbone with these weights: a copy of the one built last, if they are the same."""

    def build() -> Backbone:
        # What is drawn at random, only to be overwritten, must not tell a fit that builds from one
        # that copies.
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
            backbone = _build_frozen(
                name, read_state_dict(name, weights), image_size, features, weights
            )
        backbone.pretrained = Content(backbone.checksum(), backbone.content_hash())
        return backbone

    state = weights if weights == "DEFAULT" else file_state(weights)
    return copy_of((name, int(image_size), features, state), build) if state else build()


def _build_frozen(
    name: str,
    state: StateDict | None,
    image_size: int,
    features: str,
    weights: str | PathLike | None = None,
) -> Backbone:
    """A frozen backbone with the tensors of `weights`, or random ones."""
    model = _build(name, image_size, _build_options(name, image_size, state))
    classifier, n_features = _drop_classifier(model)
    if state is not None:
        load_state_dict(model, state, classifier, place=f"weights {str(weights)!r}")
    preset = models.get_model_weights(name).DEFAULT.transforms()
    stages = pool_stages(model, n_features) if features == "stages" else []
    return Backbone(
        name, model.float(), n_features, image_size, preset.mean, preset.std, [], stages
    )


def _check_name(name: str) -> None:
    """Raise unless torchvision has a classification model of that name."""
    known = models.list_models(module=models)
    if name not in known:
        close = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"backbone must be a torchvision classification model. Got {name!r}.{hint} "
            "torchvision.models.list_models(module=torchvision.models) lists them all."
        )


def _build(name: str, image_size: int, options: dict[str, object]) -> nn.Module:
    """The model with random weights, after one image of that size went through it."""
    try:
        model = models.get_model(name, weights=None, **options).eval()
        with torch.inference_mode():
            model(torch.zeros(1, 3, image_size, image_size))
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "the pooling leaves nothing"
        raise ValueError(
            f"image_size must suit the backbone {name!r}. Got {image_size}: {reason}. "
            "Most backbones take 64 and more; vision transformers take multiples of their patches."
        ) from error
    return model


def _build_options(name: str, image_size: int, state: StateDict | None) -> dict[str, object]:
    """What some families must be told when they are built."""
    if name.startswith("vit_"):
        return {"image_size": image_size}
    if name.startswith("maxvit_"):
        return {"input_size": (image_size, image_size)}
    if name in ("googlenet", "inception_v3"):
        # Their pretrained weights expect another normalisation, which they apply themselves.
        pretrained = state is not None
        return {
            "aux_logits": False,
            "init_weights": not pretrained,
            "transform_input": pretrained,
        }
    return {}


def _drop_classifier(model: nn.Module) -> tuple[str, int]:
    """Name and input width of the last Linear (squeezenet: Conv2d), now replaced by Identity."""
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    if layers:
        name, layer = layers[-1]
        width = layer.in_features
    else:
        convolutions = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
        name, convolution = convolutions[-1]
        width = convolution.in_channels
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
    return name, width


def _trained_parts(model: nn.Module, trainable: str | Sequence[str]) -> list[nn.Module]:
    """Parts of the model that `trainable` names."""
    if trainable == "head":
        return []
    if trainable == "all":
        return [model]
    if trainable == "last_block":
        return last_block(model)
    return _named_parts(model, trainable)


def _named_parts(model: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """The modules of these names, without those that are inside another of them."""
    trainable = {
        name
        for name, part in model.named_modules()
        if name and next(part.parameters(), None) is not None
    }
    for name in names:
        if name not in trainable:
            close = get_close_matches(str(name), trainable, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise ValueError(
                "trainable must name modules of the backbone that have weights. Got "
                f"{name!r}.{hint} torchvision.models.get_model(...).named_modules() lists them "
                "all; the classifier is not among them."
            )
    outer = [n for n in names if not any(n.startswith(f"{other}.") for other in names)]
    return [model.get_submodule(name) for name in dict.fromkeys(outer)]
