"""A fit by several processes, which torchrun has started."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parent / "scripts" / "fit_in_processes.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]

pytestmark = pytest.mark.slow


def run(kind, folder, name, *, together):
    command = [sys.executable, *(TORCHRUN if together else []), str(SCRIPT), kind]
    command += [str(folder / "images"), str(folder / name)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def learnt(path):
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize("kind", ["activations", "images", "frozen"])
def test_two_processes_learn_what_one_does(tmp_path, kind):
    for together in (False, True):
        done = run(kind, tmp_path, "out", together=together)
        assert done.returncode == 0, done.stderr
    alone, first, second = (learnt(f"{tmp_path}/out.{rank}.npz") for rank in ("alone", 0, 1))
    for name, values in alone.items():
        np.testing.assert_array_equal(second[name], first[name], err_msg=name)
        np.testing.assert_allclose(first[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    assert len(alone["loss"]) > 6


def test_two_processes_end_alike_whatever_is_drawn_at_random(tmp_path):
    done = run("random", tmp_path, "out", together=True)
    assert done.returncode == 0, done.stderr
    first, second = (learnt(f"{tmp_path}/out.{rank}.npz") for rank in (0, 1))
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values, err_msg=name)


def test_two_processes_go_on_from_a_checkpoint(tmp_path):
    killed = run("checkpoints", tmp_path, "out", together=True)
    assert killed.returncode != 0
    assert not (tmp_path / "out.0.npz").exists()
    for together in (True, False):  # one process alone cannot go on with it: it has ended
        done = run("checkpoints", tmp_path, "out", together=together)
        assert done.returncode == 0, done.stderr
    alone, first = (learnt(f"{tmp_path}/out.{rank}.npz") for rank in ("alone", 0))
    for name, values in alone.items():
        np.testing.assert_allclose(first[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


def test_an_image_that_one_cannot_read_is_an_error_in_both(tmp_path):
    done = run("bad", tmp_path, "out", together=True)
    for rank in (0, 1):
        assert f"ImageError {rank}: Could not read image" in done.stdout
    assert "(row 70)" in done.stdout


def test_other_rows_in_each_process_are_refused(tmp_path):
    done = run("other rows", tmp_path, "out", together=True)
    for rank in (0, 1):
        assert f"ValueError {rank}: fit must get the same rows of X and y in each" in done.stdout
