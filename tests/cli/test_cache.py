import os
import subprocess
import sys

import numpy as np
import pytest

from attrlearn.cli import main
from attrlearn.features.cache import FeatureCache
from attrlearn.features.model_folder import ModelFolder


@pytest.fixture
def folder(tmp_path):
    """A cache that holds two features."""
    with FeatureCache(tmp_path) as cache:
        content_hashes = cache.content_hashes(
            [np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8)]
        )
        cache.put("setting", content_hashes, np.zeros((2, 5), np.float32))
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


def test_converted_models_are_counted_and_removed(folder, capsys):
    ModelFolder(folder).put("name", b"1" * 2_000_000)
    assert main(["cache", "--cache-dir", str(folder)]) == 0
    _, shown = capsys.readouterr().out.splitlines()
    assert shown == f"{folder / 'attrlearn_models'}: 1 converted models, 2.0 MB of at most 2,000 MB"
    assert main(["cache", "--clear", "--cache-dir", str(folder)]) == 0
    assert ": removed 1 converted models, 2.0 MB\n" in capsys.readouterr().out
    assert list(folder.iterdir()) == []


def test_the_folder_is_that_of_the_library(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ATTRLEARN_CACHE", str(tmp_path / "elsewhere"))
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.startswith(str(tmp_path / "elsewhere"))


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_the_folder_is_printed_whatever_the_standard_output_of_a_process_encodes(
    tmp_path, encoding
):
    code = "import sys; from attrlearn.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "cache", "--cache-dir", tmp_path / "\u732b"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    shown = "\u732b".encode(encoding, "backslashreplace")
    assert done.stdout.startswith(os.fsencode(tmp_path) + b"/" + shown + b"/")


@pytest.mark.parametrize("byte", [0, 20, 60, 5_000])
def test_a_damaged_file_is_an_error_until_it_is_cleared(folder, byte, capsys):
    path = folder / "attrlearn_features.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:byte] + b"\xff" * 40_000)
    assert main(["cache", "--cache-dir", str(folder)]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert f"Got the file '{path}', which is damaged or" in error
    assert error.endswith("Remove it with attrlearn cache --clear.")
    assert main(["cache", "--clear", "--cache-dir", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert (out.count("removed"), err) == (1, "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("option", ["--clear", "--info"])
def test_a_file_where_a_folder_is_expected_is_an_error_and_stays(tmp_path, option, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["cache", option, "--cache-dir", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == (
        "attrlearn cache: error: The cache must be a folder. Got the file "
        f"'{tmp_path / 'file'}'. Pass --cache-dir DIR.\n"
    )
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows names the home folder in other ways")
def test_without_a_home_folder_the_option_is_named(monkeypatch, capsys):
    def unknown(uid):
        raise KeyError(uid)

    for name in ("ATTRLEARN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert main(["cache", "--clear"]) == 2
    assert capsys.readouterr().err == (
        "attrlearn cache: error: The cache must be a folder. Got no home folder of this user. "
        "Pass --cache-dir DIR.\n"
    )
