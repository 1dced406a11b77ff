"""What the estimators share: they read pictures, and hold networks that go into a pickle."""

import pickle
from copy import deepcopy
from inspect import signature
from typing import Any, Self
from warnings import warn

from sklearn.base import BaseEstimator
from torch import nn

import attrlearn
from attrlearn.data.batches import MemoryReader, PictureReader, open_reader
from attrlearn.data.cache import default_cache_dir
from attrlearn.data.inputs import Inputs
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.engines import choose_engine
from attrlearn.training.features import FeatureExtractor, extractor_of
from attrlearn.training.precision import resolve_device, resolve_dtype

__all__ = ["NetworkEstimator"]


class NetworkEstimator(BaseEstimator):
    """An estimator with networks of torch among its fitted attributes."""

    def _open_reader(
        self, inputs: Inputs, backbone: Backbone | None, resize: str, on_bad_image: str
    ) -> MemoryReader | PictureReader:
        """What reads the rows of X, images at the size that the backbone takes."""
        size = backbone.image_size if backbone else 0
        return open_reader(inputs, size, resize, self.n_jobs, on_bad_image)

    def _extractor(self, backbone: Backbone, *, keep: bool) -> FeatureExtractor:
        """What turns images into features by a backbone."""
        device = resolve_device(self.device)
        cache_dir = default_cache_dir() if self.cache_dir == "auto" else self.cache_dir
        return extractor_of(
            backbone,
            choose_engine(self.engine, device),
            resolve_dtype(self.dtype, device),
            self.batch_size,
            cache_dir if keep else None,
        )

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
        state = {**super().__getstate__(), "_attrlearn_version": attrlearn.__version__}
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
                    UserWarning,
                    stacklevel=2,
                )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickle, with a warning if another version wrote it."""
        version = state.pop("_attrlearn_version", "unknown")
        if version != attrlearn.__version__:
            warn(
                f"The model was written by attrlearn {version} and is read by "
                f"{attrlearn.__version__}: it may predict otherwise or fail. Fit it again, or "
                f"install attrlearn=={version}.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)


def _loads_elsewhere(value: Any) -> bool:
    """Whether another process can load a pickle of the value."""
    try:
        return b"__main__" not in pickle.dumps(value)
    except Exception:  # what is in it decides what is raised
        return False
