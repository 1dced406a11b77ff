"""Features of a frozen backbone, computed once per picture and view."""

from collections.abc import Iterable
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from attrlearn.nn.backbones import Backbone

__all__ = ["compute_features"]


@torch.no_grad()  # inference tensors could not be trained on
def compute_features(
    backbone: Backbone,
    batches: Iterable[tuple[np.ndarray, Tensor]],
    mirror: bool,
    n_rows: int,
    context: AbstractContextManager,
    verbose: int,
) -> tuple[np.ndarray, Tensor]:
    """Run the backbone over pictures.

    Parameters
    ----------
    backbone : Backbone
        On the device that computes.
    batches : iterable of (rows, pictures)
        As from `PictureReader.batches`.
    mirror : bool
        Whether a second view, mirrored left to right, is computed.
    n_rows : int
        How many pictures there are, for the progress.
    context : context manager
        As from `attrlearn.training.precision.autocast`.
    verbose : int
        1 or more shows progress.

    Returns
    -------
    rows : ndarray of shape (N,)
        Of all batches.
    views : Tensor of shape (1 or 2, N, D), float32, on the device of the backbone
    """
    backbone.eval()
    device = backbone.mean.device
    kept = [np.empty(0, dtype=np.int64)]
    views = [torch.empty(1 + mirror, 0, backbone.n_features, device=device)]
    with (
        tqdm(total=n_rows, desc="features", unit="image", disable=not verbose) as progress,
        context,
    ):
        for rows, images in batches:
            if len(rows):
                images = images.to(device)
                both = [images, images.flip(3)] if mirror else [images]
                views.append(torch.stack([backbone(view) for view in both]).float())  # (V, B, D)
                kept.append(rows)
                progress.update(len(rows))
    return np.concatenate(kept), torch.cat(views, dim=1)
