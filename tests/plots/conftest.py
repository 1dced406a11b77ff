import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure


@pytest.fixture
def ax():
    """Axes of a figure that pyplot does not know."""
    return Figure(layout="constrained").subplots()


@pytest.fixture
def garments():
    """Labels with gaps of two binary attributes and one of three classes, and probabilities."""
    rng = np.random.default_rng(0)
    n_rows = 80
    hood, zips, sleeve = (rng.integers(0, k, n_rows) for k in (2, 2, 3))
    y = pd.DataFrame(
        {
            "hood": hood.astype(float),
            "sleeve": pd.Categorical.from_codes(sleeve, ["bare", "long", "short"]),
            "zip": zips.astype(float),
        }
    )
    p_hood, p_zip = (0.3 * known + 0.7 * rng.random(n_rows) for known in (hood, zips))
    p_sleeve = np.exp(rng.normal(size=(n_rows, 3)) + 1.5 * np.eye(3)[sleeve])
    proba = [
        np.column_stack([1 - p_hood, p_hood]),
        p_sleeve / p_sleeve.sum(axis=1, keepdims=True),
        np.column_stack([1 - p_zip, p_zip]).round(1),  # with ties
    ]
    return y.mask(rng.random(y.shape) < 0.3), proba
