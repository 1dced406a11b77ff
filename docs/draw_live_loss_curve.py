"""Draw what `LiveLossCurve` shows at the end of a fit.

Run it alone with::

    python docs/draw_live_loss_curve.py live_loss_curve.png
"""

import sys
from pathlib import Path

import numpy as np

from attrlearn import AttributeClassifier
from attrlearn.callbacks import LiveLossCurve


def draw(target: Path) -> None:
    """Fit features of 600 rows, of which some noise is learnt by heart in the end."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 32)).astype(np.float32)
    y = (X[:, :4] + rng.normal(size=(600, 4)) > 0).astype(float)
    clf = AttributeClassifier(
        None, early_stopping=True, max_epochs=40, dropout=0.2, learning_rate=5e-3, random_state=0
    )
    clf.set_callbacks(LiveLossCurve(target)).fit(X, y)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
