import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import attrlearn


def test_every_public_name_is_there_and_listed_in_order():
    assert attrlearn.__all__ == sorted(attrlearn.__all__)
    for name in attrlearn.__all__:
        assert hasattr(attrlearn, name), name


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, attrlearn; print({'torch', 'sklearn', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_version_is_that_of_the_distribution():
    assert attrlearn.__version__ == version("attrlearn")


def test_package_says_that_it_is_typed():
    assert (Path(attrlearn.__file__).parent / "py.typed").exists()
