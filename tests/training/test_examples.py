import numpy as np
import torch

from attrlearn.data.targets import Attributes
from attrlearn.training.examples import Examples
from attrlearn.training.sources import FeatureSource

ATTRIBUTES = Attributes(
    ["hood", "neck"], [np.array([0, 1]), np.array(["o", "u", "v"], dtype=object)], [True, False]
)
TARGETS = torch.tensor([[0, 4], [1, -1], [-1, 2], [1, 4]])
WEIGHTS = torch.tensor([[1.0, 2], [3, 0], [0, 4], [5, 6]])
VIEWS = torch.arange(8.0).reshape(2, 4, 1)
EXAMPLES = Examples(FeatureSource(VIEWS), TARGETS, torch.tensor([1, 0, 2, 2]), WEIGHTS)


def drawn(examples, seed=0):
    """Inputs of all rows in one batch."""
    parts = [torch.arange(len(examples))]
    (inputs,) = examples.source.batches(parts, torch.Generator().manual_seed(seed))
    return inputs[:, 0]


def test_count_sums_the_weights_of_each_class():
    hood, neck = EXAMPLES.count(ATTRIBUTES)
    assert hood.tolist() == [1, 8]
    assert neck.tolist() == [4, 0, 8]


def test_weigh_multiplies_each_cell_by_the_weight_of_its_class():
    weighed = EXAMPLES.weigh([np.array([10.0, 100]), np.array([2.0, 3, 0.5])])
    assert weighed.weights.tolist() == [[10, 1], [300, 0], [0, 8], [500, 3]]
    assert torch.equal(EXAMPLES.weights, WEIGHTS)


def test_taken_rows_keep_inputs_targets_categories_and_weights_together():
    some = EXAMPLES.take(np.array([3, 0]))
    assert len(some) == 2
    assert some.targets.tolist() == [[1, 4], [0, 4]]
    assert some.categories.tolist() == [2, 1]
    assert some.weights.tolist() == [[5, 6], [1, 2]]
    assert (drawn(some) % 4).tolist() == [3, 0]
    assert (drawn(some.take(np.array([1]))) % 4).tolist() == [0]


def test_unchanged_rows_read_the_first_view_alone():
    assert all(drawn(EXAMPLES.unchanged(), seed).tolist() == [0, 1, 2, 3] for seed in range(5))
    assert any(drawn(EXAMPLES, seed).tolist() != [0, 1, 2, 3] for seed in range(5))
