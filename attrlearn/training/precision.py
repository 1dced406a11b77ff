"""Where the network computes, and with how many bits."""

from contextlib import AbstractContextManager, nullcontext

import torch

__all__ = ["autocast", "resolve_device"]


def resolve_device(device: str) -> torch.device:
    """Return the device that a name means; "auto" is CUDA, else MPS, else the CPU.

    Raises
    ------
    ValueError
        If torch does not know the name, or has no such device here.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device must be one that torch can use here. Got {device!r}: {reason} "
            'Pass device="auto".'
        ) from error
    return torch.device(device)


def autocast(device: torch.device, dtype: str) -> AbstractContextManager:
    """Return the context in which the network runs: mixed precision for "bfloat16"."""
    if dtype == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
