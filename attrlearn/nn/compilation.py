"""A backbone compiled for training, where there is a compiler."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attrlearn.exceptions import warn

__all__ = ["Compiled"]


class Compiled:
    """Runs a backbone, or a part of it, compiled by `torch.compile` at the first batch.

    It is compiled for the number of rows of the first batch. Others, such as the last of an epoch,
    run as they are: compiling for each takes longer than it ever saves.

    Parameters
    ----------
    run : callable
        Inputs (B, ...) to features (B, D).

    Warns
    -----
    UserWarning
        If it cannot be compiled here, once; it then runs as it is.
    """

    def __init__(self, run: Callable[[Tensor], Tensor]) -> None:
        self.run = run
        self.n_rows: int | None = None
        self.compiled: Callable[[Tensor], Any] | None = None

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the features of the inputs."""
        if self.n_rows is None:
            self.n_rows = len(inputs)
            return self._compile(inputs)
        if self.compiled is None or len(inputs) != self.n_rows:
            return self.run(inputs)
        return self.compiled(inputs)

    def _compile(self, inputs: Tensor) -> Tensor:
        """The features of the first batch, by what is compiled for its shape if that succeeds."""
        try:
            compiled = torch.compile(self.run, dynamic=False)
            features = compiled(inputs)
        except Exception as error:  # of torch, of its backend, or of the compiler of the system
            warn(
                "compile=True must find a C++ compiler that torch.compile can use, and a version "
                f"of Python that it knows. Got {_reason(error)} Training goes on without. Install "
                "one, such as g++, or pass compile=False."
            )
            return self.run(inputs)
        self.compiled = compiled
        return features


def _reason(error: Exception) -> str:
    """The error on one line, with a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text.rstrip(".") + "."
