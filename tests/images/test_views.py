import pytest
import torch

from attrlearn.images.augmentation import POLICIES
from attrlearn.images.views import count_views, draw_views, views_of


def image(seed=0):
    return torch.randint(
        256, (3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("policy", [None, *POLICIES])
def test_every_policy_has_views_the_image_as_it_is_first(policy):
    n_views = count_views(policy, None)
    views = draw_views(image(), views_of(policy, n_views))
    assert views.shape == (n_views, 3, 16, 16)
    assert views.dtype == torch.uint8
    assert torch.equal(views[0], image())
    assert len(views.flatten(1).unique(dim=0)) == n_views


@pytest.mark.parametrize("policy", ["light", "strong"])
def test_a_view_depends_on_pixels_and_number_alone(policy):
    state = torch.get_rng_state()
    eight = draw_views(image(), views_of(policy, 8))
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(1)
    in_another_layout = image().permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert torch.equal(draw_views(in_another_layout, views_of(policy, 8)[2:5]), eight[2:5])
    other = image()
    other[0, 0, 0] ^= 1
    assert not torch.equal(draw_views(other, views_of(policy, 3))[2], eight[2])


def test_as_many_views_as_asked_for_but_two_mirror_images_at_most():
    assert [count_views("flip", n) for n in (None, 1, 2, 8)] == [2, 1, 2, 2]
    assert [count_views("light", n) for n in (1, 8)] == [1, 8]
    assert [count_views(torch.clone, n) for n in (None, 3)] == [None, 3]
    assert count_views(None, 8) == 1
