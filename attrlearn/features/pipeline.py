"""How images become features: what the estimators' parameters of these names say."""

from dataclasses import dataclass
from os import PathLike

import torch

from attrlearn.checks.inputs import Inputs
from attrlearn.features.backends import choose_backend
from attrlearn.features.cache import default_cache_dir
from attrlearn.features.extractor import FeatureExtractor
from attrlearn.images.reader import ImageReader, MemoryReader, open_reader
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.device import resolve_dtype

__all__ = ["FeaturePipeline"]


@dataclass(frozen=True)
class FeaturePipeline:
    """The road from rows of X to features: a reader, and an extractor for a backbone.

    Parameters
    ----------
    device : torch.device
    dtype, engine, resize, batch_size, n_jobs, cache_dir
        As in `attrlearn.AttributeClassifier`.
    """

    device: torch.device
    dtype: str
    engine: str
    resize: str
    batch_size: int
    n_jobs: int | None
    cache_dir: str | PathLike | None

    def open_reader(
        self, inputs: Inputs, backbone: Backbone | None, on_bad_image: str
    ) -> MemoryReader | ImageReader:
        """Return what reads the rows, images at the size that the backbone takes."""
        size = backbone.image_size if backbone else 0
        return open_reader(inputs, size, self.resize, self.n_jobs, on_bad_image)

    def extractor(
        self, backbone: Backbone, *, keep: bool = True, as_built: bool = False
    ) -> FeatureExtractor:
        """Return what turns images into features of the backbone, which comes to the device.

        With `keep` the cache takes part; `as_built` as in `FeatureExtractor`.
        """
        cache_dir = None
        if keep:
            cache_dir = default_cache_dir() if self.cache_dir == "auto" else self.cache_dir
        return FeatureExtractor(
            backbone.to(self.device),
            choose_backend(self.engine, self.device, is_shared=backbone.is_shared),
            self.torch_dtype,
            self.batch_size,
            cache_dir,
            as_built=as_built,
        )

    @property
    def torch_dtype(self) -> torch.dtype:
        """Of the backbone."""
        return resolve_dtype(self.dtype, self.device)
