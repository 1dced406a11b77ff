"""Device and dtype selection, and mixed precision."""

import os
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import parent_process

import torch
from torch import Tensor

from attrlearn.exceptions import warn

__all__ = [
    "autocast",
    "resolve_device",
    "resolve_dtype",
    "send",
    "warn_of_idle_gpus",
    "warn_of_shared_gpu",
]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


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
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device must be one that torch can use here. Got {device!r}: {reason} "
            'Pass device="auto".'
        ) from error
    return torch.device(device)


def resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the dtype that a name means; "auto" is bfloat16 where the hardware is fast at it.

    That is a GPU with bfloat16 of its own, or a CPU with AVX512-BF16 or AMX-BF16. The environment
    variable ``ATTRLEARN_DTYPE`` overrides what "auto" finds, so that unlike machines agree.

    Raises
    ------
    ValueError
        If ``ATTRLEARN_DTYPE`` names no such dtype.

    Examples
    --------
    >>> resolve_dtype("float32", torch.device("cpu"))
    torch.float32
    """
    if dtype == "auto":
        dtype = os.environ.get("ATTRLEARN_DTYPE") or "auto"
        if dtype not in ("auto", *_DTYPES):
            raise ValueError(
                f"The environment variable ATTRLEARN_DTYPE must be one of {list(_DTYPES)}. Got "
                f"{dtype!r}. Correct or unset it."
            )
    if dtype == "auto":
        dtype = "bfloat16" if _is_fast_at_bfloat16(device) else "float32"
    return _DTYPES[dtype]


def _is_fast_at_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    features = torch.cpu.get_capabilities()
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager:
    """Return the context in which the network learns.

    For bfloat16 that is mixed precision; for float32 on a GPU, products of matrices round their
    factors to TF32, as torch's convolutions do there already.
    """
    if dtype == torch.bfloat16:
        return torch.autocast(device.type, torch.bfloat16)
    return _TF32() if device.type == "cuda" else nullcontext()


class _TF32(AbstractContextManager):
    """TF32 in products of matrices, and afterwards whatever was."""

    def __enter__(self) -> None:
        self.before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")

    def __exit__(self, *_: object) -> None:
        torch.set_float32_matmul_precision(self.before)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on the device; to a GPU it travels while Python goes on.

    Examples
    --------
    >>> send(torch.zeros(2), torch.device("cpu"))
    tensor([0., 0.])
    """
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def warn_of_shared_gpu(device: torch.device) -> None:
    """Warn if this is a worker process that must share the only GPU with others."""
    if device.type == "cuda" and torch.cuda.device_count() == 1 and parent_process() is not None:
        warn(
            "The processes of n_jobs share one GPU: its memory must hold all of their models, and "
            "they are no faster than one. Pass n_jobs=1 to the search, or device='cpu' here.",
        )


def warn_of_idle_gpus(device: str, n_processes: int) -> None:
    """Warn if there are GPUs that nobody has chosen one of, and one process."""
    n_devices = torch.cuda.device_count()
    if device == "auto" and n_devices > 1 and n_processes == 1 and parent_process() is None:
        warn(
            f"A fit by one process uses one GPU of the {n_devices} here. Start the script by "
            f"torchrun --nproc_per_node={n_devices} to use all, or pass device='cuda' for one.",
        )
