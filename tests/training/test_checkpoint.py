import json
import os
import re

import pytest
import torch
from safetensors.torch import save_file

from attrlearn.training import checkpoint
from attrlearn.training.checkpoint import CheckpointFolder, check_of
from attrlearn.training.state import TrainingState

STATE = TrainingState(
    {
        "network.weight": torch.randn(3, 4).to(memory_format=torch.preserve_format).T,
        "random.cpu.0": torch.get_rng_state(),
        "network.count": torch.tensor(3),
        "network.half": torch.randn(5).bfloat16(),
    },
    {"of": {"parameters": {"dropout": "0.5"}}, "losses": [0.1, float("nan"), 1e-320]},
)


@pytest.fixture
def folder(tmp_path):
    with CheckpointFolder(tmp_path / "kept" / "here") as opened:
        yield opened


def test_a_state_is_read_as_it_was_written(folder):
    assert folder.read() is None
    folder.write(STATE)
    got = folder.read()
    assert repr(got.record) == repr(STATE.record)
    assert got.tensors.keys() == STATE.tensors.keys()
    for name, tensor in STATE.tensors.items():
        assert got.tensors[name].dtype == tensor.dtype
        assert torch.equal(got.tensors[name], tensor)
    folder.clear()
    assert folder.read() is None


@pytest.mark.parametrize("n_bytes", [0, 5, 300, -1])
def test_a_torn_file_is_refused(folder, n_bytes):
    folder.write(STATE)
    folder.path.write_bytes(folder.path.read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors', which is torn.*Delete the"):
        folder.read()


def test_a_changed_byte_is_refused(folder):
    folder.write(STATE)
    content = bytearray(folder.path.read_bytes())
    content[-3] ^= 1
    folder.path.write_bytes(content)
    with pytest.raises(ValueError, match="whose content has changed since it was written"):
        folder.read()


def test_another_file_of_tensors_is_refused(folder):
    save_file({"weight": torch.ones(2)}, folder.path)
    with pytest.raises(ValueError, match="which is torn or no checkpoint"):
        folder.read()


def test_a_file_of_a_newer_version_is_refused(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", checkpoint.FORMAT + 1)
    monkeypatch.setattr(checkpoint, "__version__", "9.1.0")
    folder.write(STATE)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"which the newer attrlearn 9\.1\.0 has written"):
        folder.read()


def test_a_write_that_dies_leaves_the_last_state(folder, monkeypatch):
    folder.write(STATE)

    def die(*_):
        raise SystemExit

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(SystemExit):
        folder.write(TrainingState({}, {"of": {}}))
    monkeypatch.undo()
    assert folder.read().tensors.keys() == STATE.tensors.keys()


def test_a_folder_is_one_fits_at_a_time(folder):
    with pytest.raises(ValueError, match="used by one fit at a time"):
        CheckpointFolder(folder.folder).__enter__()
    folder.__exit__()
    with CheckpointFolder(folder.folder) as again:
        assert again.read() is None


def test_the_error_of_another_fit_names_what_differs(tmp_path):
    saved = {"parameters": {"dropout": "0.5", "loss": "'bce'"}, "rows of X and y": "1"}
    check_of(saved, saved, tmp_path)
    check_of(saved, {"parameters": saved["parameters"]}, tmp_path)
    now = {"parameters": {"dropout": "0.2", "loss": "'bce'"}, "rows of X and y": "2"}
    words = "of a fit with other rows of X and y, dropout=0.5 rather than 0.2. Pass another folder"
    with pytest.raises(ValueError, match=re.escape(words)):
        check_of(saved, now, tmp_path)


def test_there_is_no_pickle_in_it(folder):
    folder.write(STATE)
    content = folder.path.read_bytes()
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])
    assert json.loads(header["__metadata__"]["attrlearn"])["record"]["of"] == STATE.record["of"]
