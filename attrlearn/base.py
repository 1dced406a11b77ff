"""What the estimators share: they read pictures, and hold networks that go into a pickle."""

from copy import deepcopy
from typing import Any, Self
from warnings import warn

from sklearn.base import BaseEstimator
from torch import nn

import attrlearn
from attrlearn.data.batches import MemoryReader, PictureReader, open_reader
from attrlearn.data.cache import default_cache_dir
from attrlearn.data.inputs import Inputs
from attrlearn.nn.engines import choose_engine
from attrlearn.training.features import FeatureExtractor, extractor_of
from attrlearn.training.precision import resolve_device, resolve_dtype

__all__ = ["NetworkEstimator"]


class NetworkEstimator(BaseEstimator):
    """An estimator with networks of torch among its fitted attributes."""

    def _open_reader(self, inputs: Inputs, on_bad_image: str) -> MemoryReader | PictureReader:
        """What reads the rows of X."""
        return open_reader(inputs, self.image_size, self.resize, self.n_jobs, on_bad_image)

    def _extractor(self, owner: nn.Module, *, keep: bool) -> FeatureExtractor:
        """What turns pictures into features by the backbone that `owner` is or has."""
        device = resolve_device(self.device)
        cache_dir = default_cache_dir() if self.cache_dir == "auto" else self.cache_dir
        return extractor_of(
            owner,
            str(self.backbone),
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

    def __getstate__(self) -> dict[str, Any]:
        """Pickle with networks on the CPU, and the version."""
        state = {**super().__getstate__(), "_attrlearn_version": attrlearn.__version__}
        for name, value in state.items():
            if isinstance(value, nn.Module):
                state[name] = deepcopy(value).cpu()
        return state

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
