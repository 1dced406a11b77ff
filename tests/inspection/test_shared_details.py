import numpy as np
import pytest

from attrlearn.inspection.registration import Registered
from attrlearn.inspection.shared_details import detail_distance

EVERYWHERE = np.ones((1, 32, 32), dtype=bool)


def item(seed, lowest=40):
    """A noisy item on white."""
    image = np.full((1, 32, 32, 3), 240, dtype=np.float32)
    image[:, 4:28, 4:28] = np.random.default_rng(seed).integers(lowest, 160, (24, 24, 3))
    return image


@pytest.mark.parametrize("tone", [lambda x: 1.3 * x, lambda x: 0.8 * x + 20])
def test_tone_and_clipped_white_do_not_matter(tone):
    image = item(0)
    assert detail_distance(Registered(tone(image).clip(0, 255), EVERYWHERE), image) < 0.2


def test_another_item_another_tint_and_an_item_without_detail_do_not_match():
    image = item(0)
    for other in (item(1), image * np.float32([1, 1, 0.8])):
        assert detail_distance(Registered(other, EVERYWHERE), image) == 9
    plain = item(0, lowest=159)
    assert detail_distance(Registered(plain, EVERYWHERE), plain) == 9


def test_one_outline_around_other_details_does_not_match():
    image, other = item(0), item(0)
    other[:, 7:25, 7:25] = item(1)[:, 7:25, 7:25]
    assert detail_distance(Registered(other, EVERYWHERE), image) > 2
