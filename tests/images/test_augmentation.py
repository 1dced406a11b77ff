import pytest
import torch

from attrlearn.images.augmentation import augment


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.randint(256, (40, 3, 5, 6), dtype=torch.uint8, generator=seeded())


def test_without_a_policy_images_stay(images):
    assert augment(images, None, seeded()) is images


def test_flip_gives_each_image_or_its_mirror_image(images):
    changed = augment(images, "flip", seeded())
    stays = (changed == images).flatten(1).all(1)
    mirrored = (changed == images.flip(3)).flatten(1).all(1)
    assert torch.equal(stays, ~mirrored)
    assert stays.any()
    assert mirrored.any()
    assert changed.dtype == torch.uint8


def test_flip_leaves_its_input_as_it_was(images):
    before = images.clone()
    augment(images, "flip", seeded())
    assert torch.equal(images, before)


def test_flip_mirrors_half_of_the_images():
    images = torch.tensor([0, 1], dtype=torch.uint8).expand(4000, 3, 1, 2)
    share = augment(images, "flip", seeded())[:, 0, 0, 0].float().mean()
    assert abs(share - 0.5) < 0.03  # 4 standard deviations


def test_flip_depends_on_its_generator_alone(images):
    before = torch.get_rng_state()
    first, again, other = (augment(images, "flip", seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_of_one_keeps_its_axis(images):
    for policy in (None, "flip", torch.clone):
        assert augment(images[:1], policy, seeded()).shape == (1, 3, 5, 6)


def test_a_callable_maps_image_by_image(images):
    shapes = []

    def darken(image):
        shapes.append(image.shape)
        return image // 2

    assert torch.equal(augment(images, darken, seeded()), images // 2)
    assert shapes == [(3, 5, 6)] * 40


@pytest.mark.parametrize(
    ("policy", "error", "got"),
    [
        (lambda image: image[:, 1:], ValueError, r"torch.uint8 of shape \(3, 4, 6\)"),
        (lambda image: image / 255, ValueError, r"torch.float32 of shape \(3, 5, 6\)"),
        (lambda image: image.numpy(), TypeError, "ndarray"),
        (lambda image: None, TypeError, "NoneType"),
    ],
)
def test_a_callable_must_return_a_image_of_the_same_form(images, policy, error, got):
    rule = r"augment must return a uint8 tensor of shape \(3, 5, 6\)"
    with pytest.raises(error, match=rf"{rule}\. Got {got}\. Convert"):
        augment(images, policy, seeded())
