import pytest
import torch

from attrlearn.training import precision
from attrlearn.training.precision import autocast, resolve_device, warn_of_shared_gpu

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


@pytest.mark.parametrize(("n_gpus", "warns"), [(1, True), (2, False)])
def test_worker_processes_that_share_one_gpu_are_told(n_gpus, warns, monkeypatch, recwarn):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    monkeypatch.setattr(precision, "parent_process", lambda: "the process that searches")
    warn_of_shared_gpu(torch.device("cuda"))
    assert [str(w.message)[:32] for w in recwarn] == ["The processes of n_jobs share on"] * warns


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_process_of_its_own_and_a_cpu_share_nothing(device, monkeypatch, recwarn):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    warn_of_shared_gpu(torch.device(device))
    if device == "cpu":
        monkeypatch.setattr(precision, "parent_process", lambda: "the process that searches")
        warn_of_shared_gpu(torch.device(device))
    assert not recwarn.list
