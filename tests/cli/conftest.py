from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from attrlearn import AttributeClassifier, read_labels

N = 12


@pytest.fixture(scope="session")
def shots(tmp_path_factory) -> Path:
    """A folder of tiny images, noise on red or blue."""
    folder = tmp_path_factory.mktemp("cli") / "shots"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(N):
        pixels = rng.integers(0, 120, (30, 24, 3), dtype=np.uint8)
        pixels[:, :, 2 * (i % 2)] += 120
        Image.fromarray(pixels).save(folder / f"p{i:02}.png")
    return folder


@pytest.fixture(scope="session")
def labels(shots) -> Path:
    """Their labels file, in the folder above: two binary attributes, a categorical one, gaps."""
    table = pd.DataFrame(
        {
            "image": sorted(path.name for path in shots.iterdir()),
            "kind": ["shirt", "dress", None] * (N // 3),
            "blue": [0, 1] * (N // 2),
            "new": [1, None, 0] * (N // 3),
            "sleeve": ["long", "short", "short", None] * (N // 4),
        }
    )
    path = shots.parent / "labels.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def quick() -> list[str]:
    """Options that make `attrlearn train` quick."""
    return [
        *("--backbone", "squeezenet1_1", "--weights", "none"),
        *("--image-size", "32", "--random-state", "0", "--engine", "torch"),
    ]


@pytest.fixture(scope="session")
def clf(shots, labels) -> AttributeClassifier:
    """A model of all columns, with categories."""
    X, y = read_labels(labels, shots, category_column="kind")
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, engine="torch", random_state=0
    )
    return clf.fit(X, y)


@pytest.fixture(scope="session")
def model(clf, shots) -> str:
    """The file of that model."""
    return joblib.dump(clf, shots.parent / "model.joblib")[0]
