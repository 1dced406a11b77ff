"""Memory does not grow over the fits of a process."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "scripts" / "many_fits.py"


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["features", "fine-tuned"])
def test_200_fits_take_no_more_memory_than_40(tmp_path, kind):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), kind, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    # A network of squeezenet1_1 alone is 3 MB, the features and labels are 0.4 MB.
    assert int(done.stdout) < 15_000_000, done.stdout
