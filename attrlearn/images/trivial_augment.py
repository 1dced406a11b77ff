"""TrivialAugment: one operation, drawn at random, of a strength drawn at random."""

from collections.abc import Callable
from functools import partial
from math import atan, degrees

import torch
from PIL.Image import Image
from torchvision.transforms.v2 import functional as F

__all__ = ["OPERATIONS", "trivial_augment"]

N_STRENGTHS = 31

Operation = Callable[[Image, float], Image]


def _affine(image: Image, *, shift: tuple[int, int] = (0, 0), shear: tuple[float, float]) -> Image:
    """The image, sheared about its upper left corner or shifted; what comes in is black."""
    return F.affine(image, 0.0, list(shift), 1.0, list(shear), center=[0, 0])


def _shear(axis: int, image: Image, strength: float) -> Image:
    angle = degrees(atan(0.99 * strength))
    return _affine(image, shear=(angle, 0.0) if axis == 0 else (0.0, angle))


def _translate(axis: int, image: Image, strength: float) -> Image:
    # 32 of 224 pixels in the paper's experiments; here as large a share of any size.
    pixels = int(strength * image.size[axis] / 7)
    return _affine(image, shift=(pixels, 0) if axis == 0 else (0, pixels), shear=(0.0, 0.0))


# An image and a strength in [-1, 1] → an image of the same size. Ranges are those of the wide
# search space. What has no sign takes the absolute value.
OPERATIONS: dict[str, Operation] = {
    "identity": lambda image, _: image,
    "shear_x": partial(_shear, 0),
    "shear_y": partial(_shear, 1),
    "translate_x": partial(_translate, 0),
    "translate_y": partial(_translate, 1),
    "rotate": lambda image, strength: F.rotate(image, 135 * strength),
    "brightness": lambda image, strength: F.adjust_brightness(image, 1 + 0.99 * strength),
    "color": lambda image, strength: F.adjust_saturation(image, 1 + 0.99 * strength),
    "contrast": lambda image, strength: F.adjust_contrast(image, 1 + 0.99 * strength),
    "sharpness": lambda image, strength: F.adjust_sharpness(image, 1 + 0.99 * strength),
    "posterize": lambda image, strength: F.posterize(image, 8 - round(6 * abs(strength))),
    "solarize": lambda image, strength: F.solarize(image, 255 * (1 - abs(strength))),
    "autocontrast": lambda image, _: F.autocontrast(image),
    "equalize": lambda image, _: F.equalize(image),
}


def trivial_augment(image: Image, generator: torch.Generator) -> Image:
    """Apply one operation of random strength.

    Parameters
    ----------
    image : PIL image in mode RGB
    generator : torch.Generator

    Returns
    -------
    PIL image of the same size

    References
    ----------
    Müller, Hutter: TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation. ICCV 2021.

    Examples
    --------
    >>> import PIL.Image
    >>> image = PIL.Image.new("RGB", (6, 5))
    >>> trivial_augment(image, torch.Generator().manual_seed(0)).size
    (6, 5)
    """
    operation, step, sign = (
        int(torch.randint(n, (), generator=generator)) for n in (len(OPERATIONS), N_STRENGTHS, 2)
    )
    strength = step / (N_STRENGTHS - 1)
    return list(OPERATIONS.values())[operation](image, -strength if sign else strength)
