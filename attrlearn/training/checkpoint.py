"""A folder that keeps the state of a fit, so that another process can go on with it."""

import json
import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, uint8

from attrlearn._version import __version__
from attrlearn.training.state import TrainingState

__all__ = ["CheckpointFolder", "check_of"]

FORMAT = 1
KEY = "attrlearn"  # of the JSON in the metadata of the file


class CheckpointFolder:
    """A folder with the last state of one fit, in one file: safetensors, with JSON inside.

    It is written under another name and then renamed, so that the file is a whole one whenever the
    process dies. While it is open no other fit can open it; the lock goes with the process.

    Parameters
    ----------
    folder : path
        Created if it is absent.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import torch
    >>> with CheckpointFolder(mkdtemp()) as folder:
    ...     folder.write(TrainingState({"best.weight": torch.ones(2)}, {"of": {}, "n_done": 3}))
    ...     folder.read().record["n_done"]
    3
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).expanduser()
        self.path = self.folder / "checkpoint.safetensors"
        self._lock = FileLock(self.folder / "lock", timeout=0)

    def __enter__(self) -> Self:
        """Take the folder; ValueError if another fit has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise ValueError(
                "checkpoint_dir must be used by one fit at a time. Got "
                f"{str(self.folder)!r}, where another one is at work. Give each a folder of its "
                "own; a search or cross-validation, which fits more than once, cannot have one."
            ) from error
        return self

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    def write(self, state: TrainingState) -> None:
        """Write a state, its `record` with a key ``of``, in place of the last one."""
        tensors = {name: tensor.contiguous() for name, tensor in state.tensors.items()}
        content = {
            "format": FORMAT,
            "attrlearn": __version__,
            "digest": _digest(tensors),
            "record": state.record,
        }
        part = self.path.with_suffix(".part")
        save_file(tensors, part, {KEY: json.dumps(content)})
        _flush(part)
        os.replace(part, self.path)
        if os.name != "nt":  # which cannot open a folder
            _flush(self.folder)

    def read(self) -> TrainingState | None:
        """Return the state; None if there is none.

        Raises
        ------
        ValueError
            If the file is not a whole one that this version has written.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                content = json.loads((file.metadata() or {})[KEY])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise self._refusal(f"which is torn or no checkpoint ({error})") from error
        if content["format"] > FORMAT:
            version = content["attrlearn"]
            raise self._refusal(f"which the newer attrlearn {version} has written")
        if content["digest"] != _digest(tensors):
            raise self._refusal("whose content has changed since it was written")
        return TrainingState(tensors, content["record"])

    def clear(self) -> None:
        """Remove the state, of a fit that has ended."""
        self.path.unlink(missing_ok=True)

    def _refusal(self, reason: str) -> ValueError:
        """The error of a file that cannot be gone on from."""
        return ValueError(
            f"checkpoint_dir must hold a whole checkpoint, or none. Got {str(self.path)!r}, "
            f"{reason}. Delete the file to train from the start."
        )


def check_of(saved: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """Raise unless a state is of the fit that is to go on from it.

    Parameters
    ----------
    saved, now : dict
        What tells one fit from another: text by name, or in ``parameters`` a dict of text. Names
        that `now` has not are not compared.
    path : Path
        Of the file, for the error.

    Examples
    --------
    >>> check_of({"rows of X and y": "a"}, {"rows of X and y": "b"}, Path("checkpoint.safetensors"))
    Traceback (most recent call last):
    ValueError: checkpoint_dir must hold the checkpoint of this very fit, or none. Got ...
    """
    different = [
        f"other {name}" for name in now if name != "parameters" and saved[name] != now[name]
    ]
    before, after = saved.get("parameters", {}), now.get("parameters", {})
    different += [
        f"{name}={before.get(name)} rather than {after[name]}"
        for name in after
        if before.get(name) != after[name]
    ]
    if different:
        raise ValueError(
            "checkpoint_dir must hold the checkpoint of this very fit, or none. Got "
            f"{str(path)!r}, of a fit with {', '.join(different)}. Pass another folder, or delete "
            "the file to train from the start."
        )


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Hash of names, dtypes, shapes and bytes."""
    hashed = blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.flatten().view(uint8).numpy())
    return hashed.hexdigest()


def _flush(path: Path) -> None:
    """Have the system write what it holds of a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
