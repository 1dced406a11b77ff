"""Features that an estimator learns from in a moment."""

import numpy as np
import pytest

from attrlearn import AttributeClassifier


@pytest.fixture(scope="session")
def features():
    """(36, 4)."""
    return np.random.default_rng(0).normal(size=(36, 4)).astype(np.float32)


@pytest.fixture(scope="session")
def gaps(features):
    """(36, 2), a fifth of it missing."""
    y = (features[:, :2] > 0).astype(float)
    return np.where(np.random.default_rng(2).random(y.shape) < 0.2, np.nan, y)


@pytest.fixture
def clf():
    """Two steps an epoch, three epochs, each validated."""
    return AttributeClassifier(
        None, max_epochs=3, batch_size=16, early_stopping=True, random_state=0
    )
