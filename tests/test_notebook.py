"""The notebook of examples runs from top to bottom, and keeps what it printed."""

import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent / "examples" / "quickstart.ipynb"


def printed(notebook) -> str:
    """All that cells of a notebook have written."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    return "".join(out.text for out in outputs if out.output_type == "stream")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_names_the_attributes_of_an_image():
    nbformat = pytest.importorskip("nbformat", reason="needs the extra dev")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra dev")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    line = r"Attributes present: \[('Attr[1-4]'(, )?)*\]"
    assert re.search(line, printed(notebook))
    figures = [out for cell in notebook.cells for out in cell.get("outputs", []) if "data" in out]
    assert sum("image/png" in out.data for out in figures) == 2
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    assert re.search(line, printed(notebook))
