"""Views of an image: itself, and changes of it that depend on its pixels alone."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attrlearn.images.augmentation import Augment, augment, mirror

__all__ = ["ORIGINAL", "View", "count_views", "draw_views", "views_of"]

N_VIEWS = 2  # where nothing else is asked for; more were no better (docs/augmentation.rst)


class View(NamedTuple):
    """One of the views of an image.

    Attributes
    ----------
    policy : str or None
        As in `attrlearn.images.augmentation.augment`; None for the image as it is.
    number : int
        From 1 on; 0 for the image as it is.
    """

    policy: str | None
    number: int


ORIGINAL = View(None, 0)


def count_views(policy: Augment, n_views: int | None) -> int | None:
    """Return how many views of an image are kept, its own included.

    Parameters
    ----------
    policy : str, callable or None
    n_views : int or None
        What the user asks for; None: the default.

    Returns
    -------
    int or None
        Of "flip" there are two at most. None: none are kept, images change in each epoch.

    Examples
    --------
    >>> [count_views(policy, None) for policy in (None, "flip", "light", torch.clone)]
    [1, 2, 2, None]
    >>> [count_views(policy, 8) for policy in (None, "flip", "light", torch.clone)]
    [1, 2, 8, 8]
    """
    if policy is None:
        return 1
    if callable(policy):
        return n_views
    wanted = N_VIEWS if n_views is None else int(n_views)
    return min(wanted, 2) if policy == "flip" else wanted


def views_of(policy: str | None, n_views: int) -> list[View]:
    """Return the views of a policy, the image as it is first.

    Examples
    --------
    >>> views_of("light", 2)
    [View(policy=None, number=0), View(policy='light', number=1)]
    """
    return [ORIGINAL, *(View(policy, number) for number in range(1, n_views))]


def draw_views(image: Tensor, views: Sequence[View]) -> Tensor:
    """Return views of an image.

    Parameters
    ----------
    image : Tensor of shape (3, H, W), uint8
    views : sequence of V views

    Returns
    -------
    Tensor of shape (V, 3, H, W), uint8

    Notes
    -----
    The view "flip" is the mirror image. What "light" and "strong" draw is seeded by the pixels and
    the number of the view, so that a view is the same in every fit, process and run.

    Examples
    --------
    >>> image = torch.tensor([0, 1, 2], dtype=torch.uint8).expand(3, 1, 3)
    >>> draw_views(image, views_of("flip", 2))[:, 0, 0].tolist()
    [[0, 1, 2], [2, 1, 0]]
    """
    return torch.from_numpy(np.stack([_draw(image, view).numpy() for view in views]))


def _draw(image: Tensor, view: View) -> Tensor:
    """One view."""
    if view.policy is None:
        return image
    if view.policy == "flip":
        return mirror(image)
    pixels = image.permute(1, 2, 0).contiguous().numpy()  # as decoded: nothing is copied
    digest = blake2b(pixels, digest_size=7, salt=view.number.to_bytes(8, "little")).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
    return augment(image, view.policy, generator)
