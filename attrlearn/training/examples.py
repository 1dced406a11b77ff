"""Rows as the network reads them: what is learnt from, and what judges."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from attrlearn.checks.inputs import encode_categories
from attrlearn.checks.labelled_rows import LabelledRows
from attrlearn.nn.device import autocast
from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.sources import FeatureSource, Source, Suffix

__all__ = ["Examples", "LoadedRows"]


@dataclass(frozen=True)
class LoadedRows:
    """N rows whose inputs can be read.

    Attributes
    ----------
    rows : LabelledRows
    source : Source
        Their inputs.
    frozen : FeatureSource or None
        Their features as the backbone gives them before it is trained, where the head learns first.
    """

    rows: LabelledRows
    source: Source
    frozen: FeatureSource | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the rows."""
        frozen = None if self.frozen is None else self.frozen.take(rows)
        return replace(
            self, rows=self.rows.take(rows), source=self.source.take(rows), frozen=frozen
        )

    def weigh(self, class_weight: list[np.ndarray]) -> Self:
        """Return the rows, their classes weighed in the loss."""
        return replace(self, rows=self.rows.weigh(class_weight))

    def labelled(self) -> Self:
        """Return the rows as they judge: without assumed cells and random changes."""
        return replace(self, rows=self.rows.labelled(), source=self.source.unchanged())

    def unchanged(self) -> Self:
        """Return the rows without random changes of their inputs."""
        return replace(self, source=self.source.unchanged())

    def examples(self, known: np.ndarray, device: torch.device) -> "Examples":
        """Return the rows for a network that knows these categories."""
        codes = encode_categories(self.rows.categories, known, len(self))
        return Examples(
            self.source,
            torch.from_numpy(self.rows.targets).to(device),
            torch.from_numpy(codes).to(device),
            torch.from_numpy(self.rows.loss_weights).float().to(device),
        )


@dataclass(frozen=True)
class Examples:
    """N rows as tensors.

    Attributes
    ----------
    source : Source
        Their inputs.
    targets : Tensor of shape (N, A), int64
        Column of each cell's class among the C classes of all attributes, -1 where missing.
    categories : Tensor of shape (N,), int64
    weights : Tensor of shape (N, A)
        Of each cell in the loss, 0 where missing.
    training_suffix : callable or None
        As `suffix` of the source, in the way in which it is trained; None: that one.
    """

    source: Source
    targets: Tensor
    categories: Tensor
    weights: Tensor
    training_suffix: Suffix | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def device(self) -> torch.device:
        """Where the targets are, and the network is to be."""
        return self.targets.device

    @property
    def trains_backbone(self) -> bool:
        """Whether training runs a part of the backbone, rather than the heads alone."""
        return self.source.suffix is not None

    def autocast(self, dtype: torch.dtype) -> AbstractContextManager:
        """Return mixed precision where a part of the backbone runs; heads gain nothing by it."""
        return autocast(self.device, dtype) if self.trains_backbone else nullcontext()

    def log_probabilities(self, network: AttributeNetwork, inputs: Tensor, rows: Tensor) -> Tensor:
        """Return those (B, C) of some rows, from the inputs (B, ...) that the source gave."""
        suffix = self.source.suffix
        features = inputs if suffix is None else suffix(inputs)
        return network.from_features(features, self.categories[rows])

    def by_member(self, network: AttributeNetwork, inputs: Tensor, rows: Tensor) -> Tensor:
        """Return the same (1, M, B, C) of each member of the head, in training."""
        suffix = self.training_suffix or self.source.suffix
        features = inputs if suffix is None else suffix(inputs)
        return network.by_member(features, self.categories[rows])
