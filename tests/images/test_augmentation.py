import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, TrivialAugmentWide
from torchvision.transforms.autoaugment import _apply_op

from attrlearn.images.augmentation import POLICIES, apply_callable, augment
from attrlearn.images.trivial_augment import OPERATIONS, trivial_augment

SIZE = 40


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def changes(image, policy, n=200):
    """(n, 3, H, W)."""
    return torch.stack([augment(image, policy, seeded(seed)) for seed in range(n)])


@pytest.fixture(scope="module")
def image():
    return torch.randint(256, (3, SIZE, SIZE + 2), dtype=torch.uint8, generator=seeded())


@pytest.fixture(scope="module")
def places():
    """Columns in the red channel, rows in the green, four levels a pixel."""
    column = 4 * torch.arange(SIZE, dtype=torch.uint8).expand(SIZE, SIZE)
    return torch.stack([column, column.T, torch.zeros_like(column)])


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_depends_on_its_generator_alone_and_leaves_its_input(image, policy):
    before, state = image.clone(), torch.get_rng_state()
    first, again = changes(image, policy, 20), changes(image, policy, 20)
    assert torch.equal(first, again)
    assert len(first.flatten(1).unique(dim=0)) > (1 if policy == "flip" else 15)
    assert torch.equal(image, before)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", [(3, SIZE, SIZE), (3, 5, 6), (3, 1, 1)])
def test_a_policy_keeps_shape_and_dtype(policy, shape):
    for seed in range(40):
        changed = augment(torch.full(shape, 200, dtype=torch.uint8), policy, seeded(seed))
        assert changed.shape == shape
        assert changed.dtype == torch.uint8


def test_flip_mirrors_half_of_the_images(image):
    changed = changes(image, "flip", 400)
    stays = (changed == image).flatten(1).all(1)
    mirrored = (changed == image.flip(2)).flatten(1).all(1)
    assert torch.equal(stays, ~mirrored)
    assert abs(stays.float().mean() - 0.5) < 0.1  # 4 standard deviations


def test_light_cuts_six_tenths_or_more_out_and_mirrors_half(places, monkeypatch):
    monkeypatch.setattr("attrlearn.images.augmentation.JITTER", 0.0)
    changed = changes(places, "light").float()
    across = changed[:, 0, SIZE // 2, [0, -1]].diff()[:, 0] / (4 * (SIZE - 1))
    down = changed[:, 1, [0, -1], SIZE // 2].diff()[:, 0] / (4 * (SIZE - 1))
    areas, aspects = across.abs() * down, across.abs() / down
    assert 0.55 < areas.min() < 0.65
    assert areas.max() > 0.95
    assert 0.7 < aspects.min() < 0.85
    assert 1.2 < aspects.max() < 1.4
    assert 60 < (across < 0).sum() < 140


def test_light_changes_brightness_but_no_gray_to_a_colour():
    changed = changes(torch.full((3, 8, 8), 120, dtype=torch.uint8), "light").float()
    assert torch.equal(changed[:, 0], changed[:, 2])
    brightness = changed.mean((1, 2, 3)) / 120
    assert 0.78 < brightness.min() < 0.85
    assert 1.15 < brightness.max() < 1.22


def test_strong_erases_a_rectangle_of_half_of_the_images(monkeypatch):
    monkeypatch.setattr("attrlearn.images.augmentation.trivial_augment", lambda image, _: image)
    changed = changes(torch.zeros(3, SIZE, SIZE, dtype=torch.uint8), "strong")
    erased = [image.any(0).nonzero() for image in changed if image.any()]
    assert 60 < len(erased) < 140
    sides = torch.stack([place.max(0).values - place.min(0).values + 1 for place in erased])
    areas = sides.prod(1) / SIZE**2
    filled = torch.tensor([len(place) for place in erased]) / sides.prod(1)
    assert filled.min() > 0.99  # noise holds few zeros
    assert 0.01 < areas.min() < 0.06
    assert 0.33 < areas.max() < 0.42
    assert (sides[:, 0] > 2 * sides[:, 1]).any()
    assert (sides[:, 1] > 2 * sides[:, 0]).any()


NAMES = dict(
    zip(
        OPERATIONS,
        (
            *("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness"),
            *("Color", "Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast"),
            "Equalize",
        ),
        strict=True,
    )
)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_of_trivial_augment_is_that_of_torchvision(name):
    smooth = np.linspace(20, 230, 224 * 224 * 3).reshape(224, 224, 3) + 20 * np.eye(224)[..., None]
    picture = Image.fromarray(smooth.astype(np.uint8))
    transform = TrivialAugmentWide(interpolation=InterpolationMode.NEAREST)
    magnitudes, signed = transform._augmentation_space(31)[NAMES[name]]
    for step in (0, 11, 30):
        for sign in (1, -1) if signed else (1,):
            magnitude = float(magnitudes[step]) * sign if magnitudes.ndim else 0.0
            expected = _apply_op(
                picture, NAMES[name], magnitude, InterpolationMode.NEAREST, fill=None
            )
            got = OPERATIONS[name](picture, sign * step / 30)
            np.testing.assert_allclose(np.asarray(got, int), np.asarray(expected, int), atol=1)


def test_trivial_augment_draws_every_operation_and_both_signs(monkeypatch):
    drawn = {name: [] for name in OPERATIONS}
    for name in OPERATIONS:
        monkeypatch.setitem(
            OPERATIONS, name, lambda image, strength, name=name: drawn[name].append(strength)
        )
    generator = seeded()
    for _ in range(2000):
        trivial_augment(Image.new("RGB", (2, 2)), generator)
    counts = [len(strengths) for strengths in drawn.values()]
    assert 95 < min(counts) <= max(counts) < 195  # 143 expected, 4 standard deviations
    strengths = np.concatenate(list(drawn.values()))
    assert (strengths.min(), strengths.max()) == (-1, 1)
    assert len(np.unique(np.abs(strengths).round(4))) == 31


def test_a_callable_maps_image_by_image(image):
    shapes = []

    def darken(one):
        shapes.append(one.shape)
        return one // 2

    images = torch.stack([image, 255 - image])
    assert torch.equal(apply_callable(images, darken), images // 2)
    assert shapes == [image.shape] * 2


@pytest.mark.parametrize(
    ("transform", "error", "got"),
    [
        (lambda image: image[:, 1:], ValueError, r"torch.uint8 of shape \(3, 4, 6\)"),
        (lambda image: image / 255, ValueError, r"torch.float32 of shape \(3, 5, 6\)"),
        (lambda image: image.numpy(), TypeError, "ndarray"),
        (lambda image: None, TypeError, "NoneType"),
    ],
)
def test_a_callable_must_return_a_image_of_the_same_form(transform, error, got):
    rule = r"augment must return a uint8 tensor of shape \(3, 5, 6\)"
    with pytest.raises(error, match=rf"{rule}\. Got {got}\. Convert"):
        apply_callable(torch.zeros(1, 3, 5, 6, dtype=torch.uint8), transform)
