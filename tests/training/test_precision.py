import pytest
import torch

from attrlearn.training.precision import autocast, resolve_device

CPU = torch.device("cpu")


def test_auto_is_the_best_device_here():
    expected = "cpu"
    if torch.cuda.is_available():
        expected = "cuda"
    elif torch.backends.mps.is_available():
        expected = "mps"
    assert resolve_device("auto").type == expected


@pytest.mark.parametrize("name", ["abacus", "cuda:99"])
def test_device_that_is_not_there_is_an_error(name):
    with pytest.raises(ValueError, match=rf"Got '{name}': .* Pass device=\"auto\""):
        resolve_device(name)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("auto", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_context_sets_the_dtype_of_matrix_products(dtype, expected):
    with autocast(CPU, dtype):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected
