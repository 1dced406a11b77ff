"""Fit, kill oneself in the middle of a step, and write what was learnt: KIND OUT [FOLDER STEP]."""

import os
import signal
import sys

import numpy as np
from torch.optim import Optimizer

from attrlearn import AttributeClassifier, make_attribute_images


def kill_in_step(number: int) -> None:
    """Let the process die when the step of this number, of the whole fit, is half made."""
    seen = []
    original = Optimizer.zero_grad

    def zero_grad(self, *args, **options):
        seen.append(len(self.state))
        steps = [int(of["step"]) for of in self.state.values() if "step" in of]
        if steps and max(steps) >= number:
            os.kill(os.getpid(), signal.SIGKILL)
        original(self, *args, **options)

    Optimizer.zero_grad = zero_grad


kind, out, *rest = sys.argv[1:]
options = {}
if rest:
    options = {"checkpoint_dir": rest[0], "checkpoint_every": 0}
    kill_in_step(int(rest[1]))
if kind == "features":
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 8))
    y = np.where(rng.random((100, 2)) < 0.3, np.nan, X[:, :2] > 0)
    clf = AttributeClassifier(None, max_epochs=8, early_stopping=True, n_iter_no_change=8)
else:
    X, y = make_attribute_images(48, os.path.join(os.path.dirname(out), "images"), random_state=0)
    clf = AttributeClassifier("mobilenet_v3_small", weights=None, trainable="all", image_size=32)
    clf.set_params(max_epochs=6, batch_size=12, augment="strong", ema_decay=0.9)
clf.set_params(random_state=0, **options).fit(X, y)
np.savez(
    out,
    loss=clf.loss_curve_,
    proba=np.concatenate([np.ravel(p) for p in clf.predict_proba(X)]),
    **{name: tensor.numpy() for name, tensor in clf.network_.state_dict().items()},
)
