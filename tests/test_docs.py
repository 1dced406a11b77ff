"""The documentation names what there is, and its code runs. The site itself is not built here."""

import ast
import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.rst"))
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
PUBLIC_MODULES = [
    "attrlearn",
    "attrlearn.callbacks",
    "attrlearn.datasets",
    "attrlearn.exceptions",
    "attrlearn.inspection",
    "attrlearn.metrics",
    "attrlearn.model_selection",
    "attrlearn.plots",
]


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_every_public_name_is_on_the_api_page(module):
    listed = set(re.findall(r"[\w.]*\w", (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")))
    listed |= {name.split(".")[-1] for name in listed}
    names = import_module(module).__all__
    if module == "attrlearn.exceptions":  # beside them are helpers of the package
        names = [name for name in names if name[0].isupper()]
    assert set(names) <= listed


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_compile_and_begin_with_a_title(path):
    source = path.read_text(encoding="utf-8")
    compile(source, str(path), "exec")
    title, underline, *_ = (ast.get_docstring(ast.parse(source)) or "\n").splitlines()
    assert title
    assert underline == "=" * len(title)


def test_there_are_examples():
    assert len(EXAMPLES) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_code_of_the_pages_runs(path, tmp_path, monkeypatch):
    if path.name == "remote_images.rst":
        pytest.importorskip("aiohttp", reason="needs the extra remote")
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    n_failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=flags)
    assert n_failed == 0


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)[^)]*\)", text):
        assert (ROOT / target).exists(), target
