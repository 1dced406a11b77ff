"""A fit by several processes, which torchrun has started."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parent / "scripts" / "fit_in_processes.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]

pytestmark = pytest.mark.long


def run(folder, *kinds, together):
    command = [sys.executable, *(TORCHRUN if together else []), str(SCRIPT), str(folder), *kinds]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def learnt(folder, kind, rank):
    with np.load(folder / f"{kind}.{rank}.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where one process and two have learnt; the error that each of the two has printed."""
    folder = tmp_path_factory.mktemp("processes")
    alone = run(folder, "activations", "images", "frozen", together=False)
    assert alone.returncode == 0, alone.stderr
    killed = run(folder, "killed", together=True)
    assert killed.returncode != 0
    kinds = ("activations", "images", "frozen", "random", "resumed", "bad", "other rows")
    two = run(folder, *kinds, together=True)
    assert two.returncode == 0, two.stderr
    (folder / "printed.txt").write_text(two.stdout)
    return folder


@pytest.mark.parametrize("kind", ["activations", "images", "frozen"])
def test_two_processes_learn_what_one_does(folder, kind):
    alone, first = learnt(folder, kind, "alone"), learnt(folder, kind, 0)
    assert len(alone["loss"]) > 6
    for name, values in alone.items():
        np.testing.assert_allclose(first[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("kind", ["activations", "images", "frozen", "random", "resumed"])
def test_both_end_with_the_same(folder, kind):
    first, second = learnt(folder, kind, 0), learnt(folder, kind, 1)
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values, err_msg=name)


def test_two_processes_go_on_from_a_checkpoint(folder):
    whole, resumed = learnt(folder, "activations", 0), learnt(folder, "resumed", 0)
    assert not (folder / "killed.0.npz").exists()
    for name, values in whole.items():
        np.testing.assert_array_equal(resumed[name], values, err_msg=name)


def test_an_image_that_one_cannot_read_is_an_error_in_both(folder):
    printed = (folder / "printed.txt").read_text()
    for rank in (0, 1):
        assert f"ImageError {rank}: Could not read image" in printed
    assert "(row 70)" in printed


def test_other_rows_in_each_process_are_refused(folder):
    printed = (folder / "printed.txt").read_text()
    for rank in (0, 1):
        assert f"ValueError {rank}: fit must get the same rows of X and y in each" in printed
