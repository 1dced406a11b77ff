"""The whole network: images and categories to class probabilities."""

from copy import deepcopy
from math import log
from typing import Any, Self

import torch
from torch import Tensor, nn

from attrlearn.nn.backbones import Backbone
from attrlearn.nn.heads import AttributeHead, ClassLogProbabilities

__all__ = ["AttributeNetwork"]


class AttributeNetwork(nn.Module):
    """Backbone, head and the log-probabilities of every class of every attribute.

    Parameters
    ----------
    backbone : Backbone or None
        None takes features in place of images.
    n_features : int
        D, the width of the features.
    n_classes, is_binary : list
        As in `ClassLogProbabilities`.
    n_categories : int
        As in `AttributeHead`, which also gets `head_options`.
    head_options : dict
        The keyword parameters of `AttributeHead`.

    Shape
    -----
    inputs : (B, 3, H, W) uint8 images; without a backbone (B, D) float features
    categories : (B,) int64
    output : (B, C)
    """

    def __init__(
        self,
        backbone: Backbone | None,
        n_features: int,
        n_classes: list[int],
        is_binary: list[bool],
        n_categories: int,
        head_options: dict[str, Any],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.n_features = n_features
        self.n_columns = sum(n_classes)  # C
        self.log_probabilities = ClassLogProbabilities(n_classes, is_binary)
        n_logits = self.log_probabilities.n_logits
        self.head = AttributeHead(n_features, n_logits, n_categories, **head_options)

    def forward(self, inputs: Tensor, categories: Tensor) -> Tensor:
        """Return the log-probabilities."""
        features = inputs if self.backbone is None else self.backbone(inputs)
        return self.from_features(features, categories)

    def from_features(self, features: Tensor, categories: Tensor) -> Tensor:
        """Return the log-probabilities (B, C) of features (B, D): those of the members, averaged.

        Averaged are the probabilities.
        """
        (of_members,) = self.by_member(features, categories)
        return of_members.logsumexp(dim=0) - log(len(of_members))

    def by_member(self, features: Tensor, categories: Tensor) -> Tensor:
        """Return the log-probabilities (K, M, B, C) by each member of the head; K is 1."""
        return self.log_probabilities(self.head(features, categories))

    def snapshot(self) -> Self:
        """Return a copy that further training does not change; a frozen backbone is shared."""
        shared = [self.backbone] if self.backbone and self.backbone.is_frozen else []
        return deepcopy(self, {id(module): module for module in shared})

    @torch.inference_mode()
    def probabilities(self, features: Tensor, categories: Tensor) -> Tensor:
        """Return the class probabilities (B, C) of features (B, D)."""
        return self.from_features(features, categories).exp()
