import pytest
import torch

from attrlearn.nn import device as device_module
from attrlearn.nn.device import (
    autocast,
    resolve_device,
    resolve_dtype,
    warn_of_shared_gpu,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_override(monkeypatch):
    monkeypatch.delenv("ATTRLEARN_DTYPE", raising=False)


def test_auto_is_the_best_device_here():
    expected = "cpu"
    if torch.cuda.is_available():
        expected = "cuda"
    elif torch.backends.mps.is_available():
        expected = "mps"
    assert resolve_device("auto").type == expected


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "meta"])
def test_device_that_is_not_there_is_an_error(name):
    with pytest.raises(ValueError, match=rf"Got '{name}': .* Pass device=\"auto\""):
        resolve_device(name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_context_sets_the_dtype_of_matrix_products(dtype):
    with autocast(CPU, dtype):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_a_gpu_rounds_to_tf32_while_it_learns_and_no_longer():
    before = torch.get_float32_matmul_precision()
    context = autocast(torch.device("cuda"), torch.float32)
    for _ in range(2):  # one context serves all steps
        with context:
            assert torch.get_float32_matmul_precision() == "high"
        assert torch.get_float32_matmul_precision() == before
    with autocast(CPU, torch.float32):
        assert torch.get_float32_matmul_precision() == before


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "avx512_f": True}, torch.float32),
        ({}, torch.float32),  # another kind of processor
    ],
)
def test_auto_is_bfloat16_where_the_processor_is_fast_at_it(instructions, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions, raising=False)
    assert resolve_dtype("auto", CPU) == expected
    assert resolve_dtype("float32", CPU) == torch.float32
    assert resolve_dtype("bfloat16", CPU) == torch.bfloat16


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_bfloat16_on_a_gpu_that_has_it(native, expected, monkeypatch):
    def supported(including_emulation=True):
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert resolve_dtype("auto", torch.device("cuda")) == expected


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_environment_says_what_auto_is_and_nothing_else(device, dtype, monkeypatch):
    monkeypatch.setenv("ATTRLEARN_DTYPE", dtype)
    assert resolve_dtype("auto", torch.device(device)) == getattr(torch, dtype)
    assert resolve_dtype("float32", torch.device(device)) == torch.float32
    assert resolve_dtype("bfloat16", torch.device(device)) == torch.bfloat16


def test_an_empty_override_is_none_and_a_wrong_one_an_error(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    monkeypatch.setenv("ATTRLEARN_DTYPE", "")
    assert resolve_dtype("auto", CPU) == torch.float32
    monkeypatch.setenv("ATTRLEARN_DTYPE", "half")
    with pytest.raises(ValueError, match=r"ATTRLEARN_DTYPE must be one of .* Got 'half'. Correct"):
        resolve_dtype("auto", CPU)
    assert resolve_dtype("float32", CPU) == torch.float32  # it is not asked


@pytest.mark.parametrize(("n_gpus", "warns"), [(1, True), (2, False)])
def test_worker_processes_that_share_one_gpu_are_told(n_gpus, warns, monkeypatch, recwarn):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    monkeypatch.setattr(device_module, "parent_process", lambda: "the process that searches")
    warn_of_shared_gpu(torch.device("cuda"))
    assert [str(w.message)[:32] for w in recwarn] == ["The processes of n_jobs share on"] * warns


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_process_of_its_own_and_a_cpu_share_nothing(device, monkeypatch, recwarn):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    warn_of_shared_gpu(torch.device(device))
    if device == "cpu":
        monkeypatch.setattr(device_module, "parent_process", lambda: "the process that searches")
        warn_of_shared_gpu(torch.device(device))
    assert not recwarn.list


def test_idle_gpus_are_named_with_what_uses_them(monkeypatch):
    from attrlearn.nn.device import warn_of_idle_gpus

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.warns(UserWarning, match="Start the script by torchrun --nproc_per_node=4 to use"):
        warn_of_idle_gpus("auto", 1)
    warn_of_idle_gpus("cuda:0", 1)  # chosen
    warn_of_idle_gpus("auto", 4)
