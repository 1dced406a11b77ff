import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.models import resnet18

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def labelled_folder(tmp_path, monkeypatch) -> None:
    """The folder that the README speaks of, as the current one; nothing is downloaded."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    lines = []
    for i in range(8):
        pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"image_{i}.jpg")
        lines.append(f"image_{i}.jpg {i % 2} NA 0 1\nimage_{i}b.jpg NA {i % 2} 1 0\n")
        Image.fromarray(pixels).save(tmp_path / "images" / f"image_{i}b.jpg")
    (tmp_path / "labels.txt").write_text("".join(lines))
    state = resnet18(weights=None).state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *a, **k: state)
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_python_of_the_readme_runs(labelled_folder):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert names["clf"].predict_proba(names["X"]).shape == (16, 4)
    assert names["proba"].shape == (16, 4)


def test_readme_has_one_command_to_run_and_one_to_test():
    commands = re.findall(r"^pip install .*", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands == [
        "pip install . && attrlearn demo",
        "pip install -e '.[test]' && pytest -n auto",
    ]


def test_images_of_the_readme_are_there():
    for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).is_file(), target
