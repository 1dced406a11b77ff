"""A forked process learns, predicts and ends as its parent does.

Each test forks in a process of its own: that of pytest has threads which the fork would copy.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

SCRIPT = Path(__file__).parent / "scripts" / "forks.py"
ENGINES = ["torch", pytest.param("openvino", marks=pytest.mark.openvino)]


def assert_shown(expected, *case):
    """The script, in a new process, shows these lines and nothing else."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", SCRIPT, *case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (expected, "", 0)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_forked_process_predicts_and_fits_as_its_parent(engine):
    expected = [
        "predict: 0",
        "predict in a child of the child: 0",
        "fit head: 0",
        "fit last_block: 0",
        "fit all: 0",
        "predict in a pool: 0",
    ]
    assert_shown(expected, "models", engine)


@pytest.mark.parametrize(
    "case", ["locks", pytest.param("locks_and_threads", marks=pytest.mark.slow)]
)
def test_locks_that_are_held_at_the_fork_are_free_in_the_child(case):
    assert_shown(["locks: 0"], case)


def test_a_store_is_opened_anew_in_a_forked_process(tmp_path):
    assert_shown(["store: 0"], "store", tmp_path / "a.sqlite")
