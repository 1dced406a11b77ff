"""Pickling of estimators that hold networks of torch."""

import pickle
from copy import deepcopy
from inspect import signature
from typing import Any, Self

from sklearn.base import BaseEstimator
from torch import nn

from attrlearn._version import __version__
from attrlearn.exceptions import warn

__all__ = ["NetworkPickleMixin"]


class NetworkPickleMixin(BaseEstimator):
    """An estimator with networks of torch among its fitted attributes."""

    def __copy__(self) -> Self:
        """Return a copy that shares the networks, which a detour by the pickle would copy."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a copy of everything, also of what a pickle leaves out."""
        copy = memo[id(self)] = object.__new__(type(self))
        copy.__dict__.update(deepcopy(self.__dict__, memo))
        return copy

    def __getstate__(self) -> dict[str, Any]:
        """Pickle with networks on the CPU, and the version.

        Of a fitted estimator what only `fit` needs is left out where another process could not
        load it: callbacks, and functions that cannot be imported.
        """
        state = {**super().__getstate__(), "_attrlearn_version": __version__}
        networks = {name: value for name, value in state.items() if isinstance(value, nn.Module)}
        state |= {name: deepcopy(network).cpu() for name, network in networks.items()}
        if networks:
            state.pop("_skl_callbacks", None)
            self._leave_functions_out(state)
        return state

    def _leave_functions_out(self, state: dict[str, Any]) -> None:
        """Replace parameters that are functions nobody can import by their defaults, and warn."""
        defaults = signature(type(self)).parameters
        for name, value in self.get_params(deep=False).items():
            if callable(value) and not _loads_elsewhere(value):
                state[name] = defaults[name].default
                warn(
                    f"{name} must be importable to be saved with the model. Got {value!r}, which "
                    f"is left out: the loaded model has {name}={state[name]!r}, and predicts the "
                    "same. Define it with def or class in a module, not in the main script.",
                )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickle, with a warning if another version wrote it."""
        version = state.pop("_attrlearn_version", "unknown")
        if version != __version__:
            warn(
                f"The model was written by attrlearn {version} and is read by "
                f"{__version__}: it may predict otherwise or fail. Fit it again, or "
                f"install attrlearn=={version}.",
            )
        super().__setstate__(state)


def _loads_elsewhere(value: Any) -> bool:
    """Whether another process can load a pickle of the value."""
    try:
        return b"__main__" not in pickle.dumps(value)
    except Exception:  # what is in it decides what is raised
        return False
