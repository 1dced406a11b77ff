"""Features and attributes that the tests of scikit-learn's tools share; none of them is changed."""

import numpy as np
import pandas as pd
import pytest
import sklearn

from attrlearn import AttributeClassifier, ImageEmbedder

N = 36


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@pytest.fixture(scope="session")
def features() -> np.ndarray:
    """(36, 4)."""
    return _read_only(np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32))


@pytest.fixture(scope="session")
def complete(features) -> np.ndarray:
    """(36, 2), binary and without a gap; the features tell most of it."""
    noise = np.random.default_rng(1).normal(size=(N, 2))
    return _read_only((features[:, :2] + noise > 0).astype(float))


@pytest.fixture(scope="session")
def gaps(complete) -> np.ndarray:
    """The same, a fifth of it missing."""
    return _read_only(np.where(np.random.default_rng(2).random((N, 2)) < 0.2, np.nan, complete))


@pytest.fixture(scope="session")
def mixed(complete) -> pd.DataFrame:
    """A column of every dtype that users have, each with gaps."""
    rng = np.random.default_rng(3)
    shape = rng.choice(["A", "H", "X"], N)
    return pd.DataFrame(
        {
            "integer": pd.array(complete[:, 0].astype(int), "Int64"),
            "boolean": pd.array(complete[:, 1].astype(bool), "boolean"),
            "category": pd.Categorical(shape),
            "string": pd.array(shape[::-1], "string"),
            "float": complete[:, 0],
        }
    ).mask(rng.random((N, 5)) < 0.2)


@pytest.fixture(scope="session")
def with_category(features) -> pd.DataFrame:
    """The features, and a category that some rows lack."""
    table = pd.DataFrame(features, columns=list("abcd"))
    return table.assign(category=["shirt", "dress", None] * (N // 3))


@pytest.fixture
def clf() -> AttributeClassifier:
    """One of features that fits in a moment."""
    return AttributeClassifier(None, max_epochs=2, random_state=0)


@pytest.fixture
def embedder() -> ImageEmbedder:
    """One that embeds in a moment; set_output of what holds it would change a shared one."""
    return ImageEmbedder("squeezenet1_1", weights=None, image_size=32, random_state=0)


@pytest.fixture
def routing():
    """Metadata routing, for the test that uses it."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield
