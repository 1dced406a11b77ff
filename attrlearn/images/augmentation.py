"""Random changes of the training images that are to keep their attributes."""

from collections.abc import Callable
from copy import deepcopy
from math import exp, log, sqrt

import PIL.Image
import torch
import torchvision.transforms.v2  # noqa: F401
from torch import Tensor
from torchvision import transforms
from torchvision.transforms.v2 import functional as F

from attrlearn.images.trivial_augment import trivial_augment

__all__ = ["POLICIES", "Augment", "apply_callable", "augment", "mirror"]

POLICIES = ("flip", "light", "strong")

# Larger parts than the 0.08 of Szegedy et al.: an attribute such as a hood must stay in sight.
CROPPED = (0.6, 1.0)  # shares of the area
CROPPED_ASPECTS = (3 / 4, 4 / 3)
JITTER = 0.2  # brightness, contrast and saturation times 0.8 to 1.2; the hue stays
ERASED = (0.02, 0.4)
ERASED_ASPECTS = (0.3, 1 / 0.3)

Augment = str | Callable[[Tensor], Tensor] | None

# scikit-learn's clone takes whatever has a `get_params` for an estimator. Many transforms of
# torchvision have one that draws random numbers: they say themselves how they are cloned.
for _transform in [*vars(transforms).values(), *vars(transforms.v2).values()]:
    if isinstance(_transform, type) and hasattr(_transform, "get_params"):
        setattr(_transform, "__sklearn_clone__", deepcopy)  # noqa: B010


def augment(image: Tensor, policy: str, generator: torch.Generator) -> Tensor:
    """Change an image at random.

    Several threads may do so at once, each with a generator of its own. The work is left to Pillow
    and numpy: operations of torch use all cores each, so that those of several threads wait for
    each other, ten times as long as they take (measured).

    Parameters
    ----------
    image : Tensor of shape (3, H, W), uint8
    policy : {"flip", "light", "strong"}
        "flip" mirrors it left to right with probability 0.5. The others do so too and cut a part of
        the image out, 0.6 to 1 of its area, enlarged to its size [1]_. "light" changes brightness,
        contrast and saturation by up to 0.2. "strong" applies TrivialAugment [2]_, and with
        probability 0.5 replaces a rectangle of 0.02 to 0.4 of the area by noise [3]_.
    generator : torch.Generator

    Returns
    -------
    Tensor of shape (3, H, W), uint8

    References
    ----------
    .. [1] Szegedy et al.: Going Deeper with Convolutions. CVPR 2015.
    .. [2] Müller, Hutter: TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation. ICCV
       2021.
    .. [3] Zhong et al.: Random Erasing Data Augmentation. AAAI 2020.

    Examples
    --------
    >>> image = torch.tensor([0, 1, 2], dtype=torch.uint8).expand(3, 2, 3)
    >>> augment(image, "flip", torch.Generator().manual_seed(0))[0, 0]
    tensor([2, 1, 0], dtype=torch.uint8)
    """
    if _uniform(0, 1, generator) < 0.5:
        image = mirror(image)
    if policy == "flip":
        return image
    height, width = image.shape[1:]
    box = _box(height, width, CROPPED, CROPPED_ASPECTS, generator)
    pixels = F.resized_crop(F.to_pil_image(image), *box, size=[height, width])
    if policy == "light":
        for adjust in (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation):
            pixels = adjust(pixels, _uniform(1 - JITTER, 1 + JITTER, generator))
        return F.pil_to_tensor(pixels)
    pixels = trivial_augment(pixels, generator)
    if _uniform(0, 1, generator) < 0.5:
        top, left, h, w = _box(height, width, ERASED, ERASED_ASPECTS, generator)
        noise = torch.randint(256, (h, w, 3), dtype=torch.uint8, generator=generator)
        pixels.paste(PIL.Image.fromarray(noise.numpy()), (left, top))
    return F.pil_to_tensor(pixels)


def mirror(image: Tensor) -> Tensor:
    """Mirror an image (3, H, W) left to right.

    Examples
    --------
    >>> mirror(torch.tensor([[[0, 1, 2]]])).tolist()
    [[[2, 1, 0]]]
    """
    return torch.from_numpy(image.numpy()[:, :, ::-1].copy())


def apply_callable(images: Tensor, transform: Callable[[Tensor], Tensor]) -> Tensor:
    """Change each image by a callable of the user's.

    Parameters
    ----------
    images : Tensor of shape (B, 3, H, W), uint8
    transform : callable
        Maps one image (3, H, W) uint8 to another. It may use torch's global generator, which
        `AttributeClassifier.fit` seeds and puts back, and which threads must not share.

    Returns
    -------
    Tensor of shape (B, 3, H, W), uint8

    Raises
    ------
    TypeError, ValueError
        If it returns another type, shape or dtype.

    Examples
    --------
    >>> images = torch.full((1, 3, 1, 2), 7, dtype=torch.uint8)
    >>> apply_callable(images, lambda image: image // 2)[0, 0]
    tensor([[3, 3]], dtype=torch.uint8)
    """
    changed = [transform(image) for image in images]
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


def _box(
    height: int,
    width: int,
    areas: tuple[float, float],
    aspects: tuple[float, float],
    generator: torch.Generator,
) -> tuple[int, int, int, int]:
    """Top, left, height and width of a rectangle of random share of the area, aspect and place.

    The logarithm of the aspect is uniform over what fits in, in units of the image's own.
    """
    area = _uniform(*areas, generator)
    low, high = max(aspects[0], area), min(aspects[1], 1 / area)
    aspect = exp(_uniform(log(low), log(high), generator))
    h = min(max(round(height * sqrt(area / aspect)), 1), height)
    w = min(max(round(width * sqrt(area * aspect)), 1), width)
    top = int(torch.randint(height - h + 1, (), generator=generator))
    left = int(torch.randint(width - w + 1, (), generator=generator))
    return top, left, h, w


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A number between two others."""
    return low + (high - low) * float(torch.rand((), generator=generator))
