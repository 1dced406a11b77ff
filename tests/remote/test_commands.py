import pandas as pd
import pytest

from attrlearn.cli import main


@pytest.mark.slow
def test_commands_take_urls(site, drawn, tmp_path, capsys):
    model, labels = str(tmp_path / "m.joblib"), f"{site.url}/labels.csv"
    common = ["--image-dir", site.url, "--category-column", "category"]
    quick = ["--backbone", "squeezenet1_1", "--weights", "none", "--image-size", "32"]
    quick += ["--max-epochs", "1", "--engine", "torch", "--random-state", "0"]
    assert main(["train", str(drawn / "labels.csv"), *common, "--out", model, *quick]) == 0
    assert main(["evaluate", model, labels, *common]) == 0
    tables = []
    for place in (site.url, drawn):
        out = tmp_path / "p.csv"
        images = [f"{place}/image_00000.png", f"{place}/labels.csv"]
        assert main(["predict", model, *images, "--out", str(out)]) == 0
        tables.append(pd.read_csv(out).drop(columns="image"))
    pd.testing.assert_frame_equal(*tables)
    capsys.readouterr()
    assert main(["predict", model, "http://me:pass@127.0.0.1:1/a.png"]) == 1
    assert (
        "could not read image 'http://me:***@127.0.0.1:1/a.png': Cannot" in capsys.readouterr().err
    )
