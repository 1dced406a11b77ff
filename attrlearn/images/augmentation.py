"""Random changes of the training images that keep their attributes."""

from collections.abc import Callable
from copy import deepcopy

import torch
import torchvision.transforms.v2  # noqa: F401
from torch import Tensor
from torchvision import transforms

__all__ = ["augment"]

Augment = str | Callable[[Tensor], Tensor] | None

# scikit-learn's clone takes whatever has a `get_params` for an estimator. Many transforms of
# torchvision have one that draws random numbers: they say themselves how they are cloned.
for _transform in [*vars(transforms).values(), *vars(transforms.v2).values()]:
    if isinstance(_transform, type) and hasattr(_transform, "get_params"):
        setattr(_transform, "__sklearn_clone__", deepcopy)  # noqa: B010


def augment(images: Tensor, policy: Augment, generator: torch.Generator) -> Tensor:
    """Change each image at random.

    Parameters
    ----------
    images : Tensor of shape (B, 3, H, W), uint8
    policy : "flip", callable or None
        "flip" mirrors an image left to right with probability 0.5. A callable maps one image
        (3, H, W) uint8 to another.
    generator : torch.Generator
        Source of chance of the named policies; a callable may use torch's global one, which
        `AttributeClassifier.fit` seeds and puts back.

    Returns
    -------
    Tensor of shape (B, 3, H, W), uint8

    Raises
    ------
    TypeError, ValueError
        If the callable returns another type, shape or dtype.

    Examples
    --------
    >>> images = torch.tensor([0, 1, 2], dtype=torch.uint8).expand(1, 3, 2, 3)
    >>> augment(images, "flip", torch.Generator().manual_seed(0))[0, 0, 0]
    tensor([2, 1, 0], dtype=torch.uint8)
    """
    if policy is None:
        return images
    if policy == "flip":
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        return torch.where(mirrored[:, None, None, None], images.flip(3), images)
    assert callable(policy)
    changed = [policy(image) for image in images]
    rule = f"augment must return a uint8 tensor of shape {tuple(images.shape[1:])}."
    for image in changed:
        if not isinstance(image, Tensor):
            raise TypeError(f"{rule} Got {type(image).__name__}. Convert it in the callable.")
        if image.shape != images.shape[1:] or image.dtype != torch.uint8:
            raise ValueError(
                f"{rule} Got {image.dtype} of shape {tuple(image.shape)}. "
                "Convert and resize in the callable."
            )
    return torch.stack(changed)
