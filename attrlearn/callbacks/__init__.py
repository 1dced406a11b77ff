"""Callbacks of scikit-learn that show a training while it runs.

Set them on the outermost estimator, which hands them on to what it fits:
``search.set_callbacks(LiveLossCurve())``. They see each epoch of an `AttributeClassifier`, change
nothing of what is learnt, and where they cannot write they warn, and the training goes on.

Examples
--------
>>> import numpy as np
>>> from pathlib import Path
>>> from tempfile import mkdtemp
>>> from attrlearn import AttributeClassifier
>>> from attrlearn.callbacks import LiveLossCurve
>>> path = Path(mkdtemp(), "curve.png")
>>> X, y = np.eye(8, dtype=np.float32), np.eye(8)[:, :2]
>>> clf = AttributeClassifier(None, max_epochs=2, random_state=0)
>>> path.exists(), clf.set_callbacks(LiveLossCurve(path)).fit(X, y).n_epochs_, path.exists()
(False, 2, True)
"""

from attrlearn.callbacks.live_loss_curve import LiveLossCurve
from attrlearn.callbacks.mlflow_runs import MLflowCallback
from attrlearn.callbacks.tensorboard_runs import TensorBoardCallback

__all__ = ["LiveLossCurve", "MLflowCallback", "TensorBoardCallback"]
