import ctypes
import platform
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = ctypes.CDLL(None) if platform.system() == "Linux" else None
SCRIPT = Path(__file__).parent / "scripts" / "freed_memory.py"


@pytest.mark.skipif(not hasattr(LIBRARY, "mallinfo2"), reason="needs glibc 2.33")
@pytest.mark.parametrize("case", ["used_again", "several", "another_library"])
def test_freed_memory_stays_with_the_process_while_asked_for(case):
    """What a process has freed before decides where malloc takes a block from: one per case."""
    done = subprocess.run([sys.executable, SCRIPT, case], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
