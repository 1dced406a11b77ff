import pandas as pd
import pytest

from attrlearn import AttributeClassifier


@pytest.fixture(scope="session")
def clf(images) -> AttributeClassifier:
    """A model of two categories, two binary attributes and a categorical one."""
    y = {
        "hood": [0, 1] * 12,
        "_zip_ *up*": [1, None, 0] * 8,
        "length": ["long", "short", None, "midi"] * 6,
    }
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, engine="torch", random_state=0
    )
    return clf.fit(images, pd.DataFrame(y)).set_params(on_bad_image="drop")
