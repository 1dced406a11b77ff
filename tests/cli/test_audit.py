import subprocess
import sys

import pandas as pd
import pytest

from attrlearn.cli import main


@pytest.fixture
def spoilt(labels, tmp_path):
    """The labels file with a row twice and an image that is not there."""
    table = pd.read_csv(labels)
    again = table.iloc[[0]].assign(blue=1)
    gone = table.iloc[[1]].assign(image="gone.png")
    pd.concat([table, again, gone]).to_csv(tmp_path / "spoilt.csv", index=False)
    return tmp_path / "spoilt.csv"


def test_a_file_is_audited_as_it_is_and_findings_are_no_error(spoilt, shots, tmp_path, capsys):
    page, tables = tmp_path / "page.html", tmp_path / "tables"
    options = ["--category-column", "kind", "--html", str(page), "--csv", str(tables)]
    assert main(["audit", str(spoilt), "--image-dir", str(shots), *options]) == 0
    shown = capsys.readouterr().out
    assert "14 rows, 3 attributes" in shown
    assert "row 0 p00.png, row 12: blue 0 or 1" in shown
    assert "gone.png" in shown
    assert "<title>spoilt.csv</title>" in page.read_text(encoding="utf-8")
    groups = pd.read_csv(tables / "groups.csv")
    assert groups["group"].tolist() == [*range(12), 0, 12]
    assert pd.read_csv(tables / "missing.csv")["row"].tolist() == [13]


def test_options_are_checked_before_images_are_read(spoilt, shots, tmp_path, capsys):
    command = ["audit", str(spoilt), "--image-dir", str(shots)]
    assert main([*command, "--html", str(tmp_path)]) == 2
    assert "must be a file" in capsys.readouterr().err
    assert main([*command, "--html", str(spoilt)]) == 2
    assert "--html must not be a file that is read" in capsys.readouterr().err
    assert main([*command, "--weights", "none"]) == 2
    assert "--weights needs a backbone" in capsys.readouterr().err
    assert main([*command, "--max-distance", "-1"]) == 2
    assert "--max-distance must be at least 0" in capsys.readouterr().err


@pytest.mark.slow
def test_a_backbone_finds_near_duplicates_by_its_features(spoilt, shots, quick, capsys):
    command = ["audit", str(spoilt), "--image-dir", str(shots), *quick, "--max-distance", "0.001"]
    assert main(command) == 0
    assert " 0  pairs of near-duplicates" in capsys.readouterr().out


@pytest.mark.slow
def test_thumbnails_need_no_torch(spoilt, shots):
    code = (
        "import sys; from attrlearn.cli import main; "
        "assert main(sys.argv[1:]) == 0; assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", code, "audit", str(spoilt), "--image-dir", str(shots)]
    assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
