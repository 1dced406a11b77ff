import numpy as np
import pandas as pd
import torch

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.inputs import check_inputs
from attrlearn.checks.labelled_rows import LabelledRows
from attrlearn.training.examples import LoadedRows
from attrlearn.training.sources import FeatureSource

ATTRIBUTES = Attributes(["hood"], [np.array([0, 1])], [True])
TABLE = pd.DataFrame({"hood": [0, 1, np.nan, 1]})
INPUTS = check_inputs(list("abcd"), np.array(["tee", None, "polo", "polo"], dtype=object))
ROWS = LabelledRows.of(INPUTS, TABLE, ATTRIBUTES, np.array([[1.0], [2], [3], [4]]))
LOADED = LoadedRows(ROWS, FeatureSource(torch.arange(8.0).reshape(2, 4, 1)))


def drawn(loaded, seed=0):
    """Inputs of all rows in one batch."""
    parts = [torch.arange(len(loaded))]
    (inputs,) = loaded.source.batches(parts, torch.Generator().manual_seed(seed))
    return inputs[:, 0]


def test_taken_rows_keep_inputs_targets_categories_and_weights_together():
    some = LOADED.take(np.array([3, 0]))
    examples = some.examples(np.array(["polo", "tee"]), torch.device("cpu"))
    assert len(some) == len(examples) == 2
    assert examples.targets.tolist() == [[1], [0]]
    assert examples.categories.tolist() == [1, 2]
    assert examples.weights.tolist() == [[4], [1]]
    assert (drawn(some) % 4).tolist() == [3, 0]
    assert (drawn(some.take(np.array([1]))) % 4).tolist() == [0]


def test_a_category_that_the_network_does_not_know_is_unknown():
    examples = LOADED.examples(np.array(["tee"]), torch.device("cpu"))
    assert examples.categories.tolist() == [1, 0, 0, 0]


def test_unchanged_rows_read_the_first_view_alone():
    assert all(drawn(LOADED.unchanged(), seed).tolist() == [0, 1, 2, 3] for seed in range(5))
    assert any(drawn(LOADED, seed).tolist() != [0, 1, 2, 3] for seed in range(5))
