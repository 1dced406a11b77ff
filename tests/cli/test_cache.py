import numpy as np
import pytest

from attrlearn.cli import main
from attrlearn.data.cache import FeatureCache


@pytest.fixture
def folder(tmp_path):
    """A cache that holds two features."""
    with FeatureCache(tmp_path) as cache:
        digests = cache.digests([np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8)])
        cache.put("setting", digests, np.zeros((1, 2, 5), np.float32))
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--info"]])
def test_info_says_where_and_how_much(folder, options, capsys):
    assert main(["cache", "--cache-dir", str(folder), *options]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(str(folder))
    assert ": 2 features, " in shown
    assert shown.endswith(" of at most 10,000 MB\n")


def test_clear_leaves_nothing(folder, capsys):
    assert main(["cache", "--clear", "--cache-dir", str(folder)]) == 0
    assert ": removed 2 features, " in capsys.readouterr().out
    with FeatureCache(folder) as cache:
        assert cache.info().n_entries == 0


def test_the_folder_is_that_of_the_library(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ATTRLEARN_CACHE", str(tmp_path / "elsewhere"))
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.startswith(str(tmp_path / "elsewhere"))
