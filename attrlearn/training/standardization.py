"""What features are standardised by: their mean and standard deviation over the training rows."""

import numpy as np
import torch
from torch import Tensor

from attrlearn.nn.device import send
from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.examples import LoadedRows
from attrlearn.training.sources import Source

__all__ = ["feature_statistics", "standardize"]

ROWS_AT_ONCE = 100
N_SAMPLED = 1_024  # rows for which a backbone runs, where images change anew in each epoch


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
        mean, std = feature_statistics(train.source, train.rows.weights.max(axis=1), device)
        layer.set(mean.to(device), std.to(device))


@torch.no_grad()
def feature_statistics(
    source: Source, weights: np.ndarray, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation (D,) of the features of N rows, without changes.

    Parameters
    ----------
    source : Source
        Of features, or of images: then those of 1,024 rows at most count.
    weights : ndarray of shape (N,)
        0 or more; if all are 0 all rows count alike.
    device : torch.device
        Of the backbone.

    Examples
    --------
    >>> from attrlearn.training.sources import FeatureSource
    >>> source = FeatureSource(torch.tensor([[[1.0], [3.0], [9.0]]]))
    >>> feature_statistics(source, np.array([1.0, 1.0, 0.0]), torch.device("cpu"))
    (tensor([2.]), tensor([1.]))
    """
    rows = np.flatnonzero(weights) if weights.any() else np.arange(len(weights))
    counts = torch.from_numpy(weights[rows] if weights.any() else np.ones(len(rows)))
    if source.suffix is not None and len(rows) > N_SAMPLED:
        sample = np.linspace(0, len(rows) - 1, N_SAMPLED).astype(np.int64)
        rows, counts = rows[sample], counts[sample]
    parts = torch.arange(len(rows)).split(ROWS_AT_ONCE)
    batches = source.unchanged().take(rows).batches(list(parts), torch.Generator())
    total, shift = 0.0, torch.zeros(1)
    sums = squares = torch.zeros(1, dtype=torch.float64)
    for part, inputs in zip(parts, batches, strict=True):
        features = inputs if source.suffix is None else source.suffix(send(inputs, device))
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
