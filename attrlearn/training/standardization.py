"""What features are standardised by: their mean and standard deviation over the training rows."""

import numpy as np
import torch
from torch import Tensor

from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.examples import LoadedRows
from attrlearn.training.sources import Source

__all__ = ["feature_statistics", "standardize"]

ROWS_AT_ONCE = 256


def standardize(network: AttributeNetwork, train: LoadedRows, device: torch.device) -> None:
    """Set what the head standardises features by, if it does.

    A row counts as its heaviest labelled cell does, and one without labels not at all.

    Parameters
    ----------
    network : AttributeNetwork
        On the device; it has not learnt yet.
    train : LoadedRows
        What it will learn from.
    device : torch.device
    """
    layer = network.head.standardization
    if layer is not None:
        mean, std = feature_statistics(train.source, train.rows.weights.max(axis=1))
        layer.set(mean.to(device), std.to(device))


def feature_statistics(source: Source, weights: np.ndarray) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation (D,) of the features of N rows, without changes.

    Parameters
    ----------
    source : Source
        Of features.
    weights : ndarray of shape (N,)
        0 or more; if all are 0 all rows count alike.

    Examples
    --------
    >>> from attrlearn.training.sources import FeatureSource
    >>> source = FeatureSource(torch.tensor([[[1.0], [3.0], [9.0]]]))
    >>> feature_statistics(source, np.array([1.0, 1.0, 0.0]))
    (tensor([2.]), tensor([1.]))
    """
    rows = np.flatnonzero(weights) if weights.any() else np.arange(len(weights))
    counts = torch.from_numpy(weights[rows] if weights.any() else np.ones(len(rows)))
    parts = torch.arange(len(rows)).split(ROWS_AT_ONCE)
    batches = source.unchanged().take(rows).batches(list(parts), torch.Generator())
    total, shift = 0.0, torch.zeros(1)
    sums = squares = torch.zeros(1, dtype=torch.float64)
    for part, features in zip(parts, batches, strict=True):
        x = features.double().cpu()  # (b, D)
        if not total:
            shift = x.mean(dim=0)  # near the mean, so that no digits of the variance cancel
        w = counts[part].double()
        total += float(w.sum())
        sums = sums + w @ (x - shift)
        squares = squares + w @ (x - shift).square()
    mean = sums / total
    variance = (squares / total - mean.square()).clamp(min=0)
    return (shift + mean).float(), variance.sqrt().float()
