"""Features and attributes that several tests share; none of them is changed."""

import numpy as np
import pandas as pd
import pytest


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@pytest.fixture(scope="session")
def features() -> np.ndarray:
    """(80, 12)."""
    return _read_only(np.random.default_rng(0).normal(size=(80, 12)).astype(np.float32))


@pytest.fixture(scope="session")
def binary(features) -> np.ndarray:
    """(80, 3): the signs of the first features, three of ten cells missing."""
    missing = np.random.default_rng(1).random((80, 3)) < 0.3
    return _read_only(np.where(missing, np.nan, features[:, :3] > 0))


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    """(300, 30): features that tell nothing, so that training soon gets worse."""
    return _read_only(np.random.default_rng(2).normal(size=(300, 30)).astype(np.float32))


@pytest.fixture(scope="session")
def noisy() -> np.ndarray:
    """(300, 3): attributes by chance, three of ten cells missing."""
    rng = np.random.default_rng(3)
    return _read_only(np.where(rng.random((300, 3)) < 0.3, np.nan, rng.random((300, 3)) < 0.5))


@pytest.fixture
def damaged(images, tmp_path) -> pd.DataFrame:
    """The images, of which row 5 is not one."""
    (tmp_path / "bad.jpg").write_bytes(b"not an image")
    X = images.copy()
    X.loc[5, "image"] = str(tmp_path / "bad.jpg")
    return X
