"""What tells one fit from another: parameters, rows, and the network that it begins with."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import nn

from attrlearn.checks.inputs import Inputs
from attrlearn.checks.labelled_rows import LabelledRows
from attrlearn.features.content_hash import content_hash

__all__ = ["describe_parameters", "hash_of_network", "hash_of_rows"]


def describe_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return each parameter as text that is the same in another process.

    Examples
    --------
    >>> describe_parameters({"dropout": 0.5, "optimizer": torch.optim.SGD})
    {'dropout': '0.5', 'optimizer': 'torch.optim.sgd.SGD'}
    """
    return {name: _describe(value) for name, value in parameters.items()}


def hash_of_rows(parts: Iterable[tuple[Inputs, LabelledRows]]) -> str:
    """Return a hash of what is learnt from: files by name and size, all else by its content."""
    hashed = blake2b(digest_size=16)
    for inputs, rows in parts:
        for image in inputs.images if inputs.images is not None else ():
            hashed.update(_identity(image))
        if inputs.features is not None:
            hashed.update(np.ascontiguousarray(inputs.features).view(np.uint8))
        described = [inputs.categories, inputs.groups, rows.table.columns]
        hashed.update(repr([None if d is None else d.tolist() for d in described]).encode())
        for table in (rows.targets, rows.weights):
            hashed.update(np.ascontiguousarray(table).view(np.uint8))
    return hashed.hexdigest()


def hash_of_network(network: nn.Module) -> str:
    """Return a hash of all weights and buffers."""
    hashed = blake2b(digest_size=16)
    for name, tensor in network.state_dict().items():
        hashed.update(name.encode())
        hashed.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return hashed.hexdigest()


def _describe(value: Any) -> str:
    """A value as text without its place in memory."""
    if isinstance(value, partial):
        parts = [value.func, *value.args, *(v for pair in value.keywords.items() for v in pair)]
        return f"partial({', '.join(map(_describe, parts))})"
    if isinstance(value, Callable) and hasattr(value, "__qualname__"):  # type: ignore[arg-type]
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _identity(image: Any) -> bytes:
    """What tells an image from others."""
    if not isinstance(image, str | os.PathLike):
        return content_hash(image) or b"unreadable"
    try:
        size = os.stat(image).st_size
    except (OSError, ValueError):  # absent, or no local file
        size = -1
    return f"{os.fspath(image)}\0{size}\0".encode(errors="surrogateescape")
