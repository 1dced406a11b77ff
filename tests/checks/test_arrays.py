import numpy as np
import pandas as pd
import pytest
import torch

from attrlearn.checks.arrays import as_array


@pytest.mark.parametrize(
    "values",
    [
        np.arange(3),
        np.float64(1),
        pd.Series([1, 2]),
        pd.DataFrame({"hood": [1]}),
        pd.Categorical(["a"]),
        pd.Index(["a"]),
        [1, [2]],
        [np.arange(2), pd.Series([1])],
        None,
        "text",
    ],
)
def test_what_numpy_and_pandas_and_lists_hold_stays_the_same_object(values):
    assert as_array(values, "y") is values


def test_an_array_of_another_library_becomes_one_of_numpy():
    found = as_array(torch.eye(2), "y")
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[1, 0], [0, 1]]


def test_those_in_a_list_become_rows_and_scalars_of_numpy():
    row, number, text = as_array([torch.arange(2), torch.tensor(3), "text"], "y")
    assert isinstance(row, np.ndarray)
    assert isinstance(number, np.int64)
    assert text == "text"
