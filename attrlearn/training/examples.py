"""Rows with their targets: what is learnt from, and what is held out to judge by."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from attrlearn.data.targets import Attributes
from attrlearn.training.sources import Source

__all__ = ["Examples"]


@dataclass(frozen=True)
class Examples:
    """N rows.

    Attributes
    ----------
    source : Source
        Their inputs.
    targets : Tensor of shape (N, A), int64
        Column of each cell's class among the C classes of all attributes, -1 where missing.
    categories : Tensor of shape (N,), int64
    weights : Tensor of shape (N, A)
        Of each cell in the loss, 0 where missing.
    """

    source: Source
    targets: Tensor
    categories: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the rows."""
        index = torch.from_numpy(rows).to(self.targets.device)
        return replace(
            self,
            source=self.source.take(rows),
            targets=self.targets[index],
            categories=self.categories[index],
            weights=self.weights[index],
        )

    def unchanged(self) -> Self:
        """Return the rows without random changes of their inputs."""
        return replace(self, source=self.source.unchanged())

    def learnt_categories(self) -> np.ndarray:
        """Return the codes of the known categories of which a labelled cell counts, sorted."""
        learnt = self.categories[self.weights.any(dim=1)].unique().cpu().numpy()
        return learnt[learnt > 0]

    def recode_categories(self, codes: np.ndarray) -> Self:
        """Return the rows with ``codes[c]`` for each category c."""
        table = torch.from_numpy(codes).to(self.categories.device)
        return replace(self, categories=table[self.categories])

    def count(self, attributes: Attributes) -> list[np.ndarray]:
        """Return the sum of the weights of the cells of each class, an array per attribute."""
        labelled = self.targets >= 0
        counts = torch.bincount(
            self.targets[labelled].cpu(),
            self.weights[labelled].cpu().double(),
            sum(attributes.n_classes),
        )
        return attributes.split(counts.numpy())

    def weigh(self, class_weight: list[np.ndarray]) -> Self:
        """Return the rows, the weight of each cell times that of its class."""
        factors = torch.from_numpy(np.concatenate(class_weight)).float().to(self.weights.device)
        return replace(self, weights=self.weights * factors[self.targets.clamp(min=0)])
