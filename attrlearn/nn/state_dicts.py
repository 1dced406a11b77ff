"""Files of weights: read, and fitted to a model without its classifier."""

import re
from http.client import HTTPException
from os import PathLike
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

__all__ = ["StateDict", "load_state_dict", "read_state_dict"]

StateDict = dict[str, Tensor]

# Classifiers that help in training only; they are never built, and skipped in a file of weights.
_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")


def read_state_dict(name: str, weights: str | PathLike) -> StateDict:
    """Return tensors by key, downloaded or from a file."""
    if weights == "DEFAULT":
        preset = models.get_model_weights(name).DEFAULT
        try:
            return preset.get_state_dict(progress=True, check_hash=True)
        except (OSError, RuntimeError, HTTPException) as error:  # RuntimeError: a wrong hash
            raise OSError(
                f"Could not download the pretrained weights of {name!r} from {preset.url}: "
                f"{error}. Pass weights='path/to/its/state_dict.pth', or weights=None to start "
                "from random weights."
            ) from error
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights must be 'DEFAULT', None or a file with a state dict. Got {str(path)!r}, "
            "which is not a file. Check the path."
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files fail in as many ways as there are readers
        raise ValueError(
            f"weights must be a file with a state dict. Got {str(path)!r}, which cannot be read: "
            f"{str(error).splitlines()[0]} Save one with torch.save(model.state_dict(), path)."
        ) from error
    if not (isinstance(state, dict) and all(isinstance(v, Tensor) for v in state.values())):
        raise ValueError(
            f"weights must be a file with a state dict: tensors by name. Got {str(path)!r}, which "
            "holds something else. Save the inner one with torch.save(model.state_dict(), path)."
        )
    return state


def load_state_dict(model: nn.Module, state: StateDict, classifier: str, place: str) -> None:
    """Fill the model with the state dict, in which only classifiers may be left over."""
    # Published densenet files spell norm1 as norm.1.
    state = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", key): value
        for key, value in state.items()
        if not key.startswith((classifier + ".", *_AUXILIARY))
    }
    if isinstance(model, VisionTransformer) and "encoder.pos_embedding" in state:
        state = interpolate_embeddings(model.image_size, model.patch_size, state)
    expected = model.state_dict()
    # Old files lack the batch counters, which nothing here reads.
    missing = {k for k in expected.keys() - state.keys() if not k.endswith("num_batches_tracked")}
    wrong = {k for k in expected.keys() & state.keys() if expected[k].shape != state[k].shape}
    for what, keys in [
        ("lacks", missing),
        ("holds, beside what the backbone has,", state.keys() - expected.keys()),
        ("holds in another shape", wrong),
    ]:
        if keys:
            first = sorted(keys)[0]
            raise ValueError(
                f"{place} must fit the backbone. It {what} {len(keys)} tensors, the first is "
                f"{first!r}. Pass the file of this very architecture."
            )
    model.load_state_dict(state, strict=False)
