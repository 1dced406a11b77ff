"""Fit, started by torchrun or alone, and write what was learnt: FOLDER KIND..."""

import os
import sys

import numpy as np
import torch

from attrlearn import AttributeClassifier, make_attribute_images
from attrlearn.training.session import Session

ALIKE = {"dropout": 0, "augment": None, "hidden_dim": 16}  # nothing is drawn, no batch-norm learns
KINDS = {
    "activations": {
        **ALIKE,
        "trainable": ["layer4.1.conv1", "layer4.1.conv2"],
        "freeze_epochs": 1,
    },
    "images": {
        **ALIKE,
        "trainable": ["conv1", "layer4.1.conv2"],
        "accumulate_steps": 2,
        "ema_decay": 0.5,
        "early_stopping": True,
        "scoring": "average_precision",
    },
    "frozen": {"thresholds": "f1", "on_bad_image": "drop"},
    "random": {"trainable": "last_block", "augment": "light", "random_state": None},
    "bad": {},
    "other rows": {},
}
KINDS["killed"] = KINDS["resumed"] = KINDS["activations"]


def die_after(n_steps: int) -> None:
    """Let the process die after so many steps."""
    seen = []
    original = Session.ends_after_step

    def ends_after_step(self, training):
        seen.append(1)
        if len(seen) == n_steps:
            os._exit(9)
        return original(self, training)

    Session.ends_after_step = ends_after_step


folder, *kinds = sys.argv[1:]
torch.set_num_threads(1)  # as torchrun has it
rank = os.environ.get("RANK", "alone")
X, y = make_attribute_images(90, os.path.join(folder, "images"), random_state=0)
for kind in kinds:
    clf = AttributeClassifier(
        "resnet18",
        weights=None,
        image_size=32,
        dtype="float32",
        engine="torch",
        device="cpu",
        optimizer="sgd",  # Adam makes whole steps out of gradients that are rounding alone
        learning_rate=0.002,
        max_epochs=3,
        batch_size=13,
        cache_dir=None,
        random_state=0,
    )
    clf.set_params(**KINDS[kind])
    rows, table = X, y
    if clf.hidden_dim == 16:
        rows = X[["image"]]  # categories are dropped at random
    if kind == "other rows":
        table = y.iloc[: 80 + int(rank)]
        rows = X.iloc[: len(table)]
    if kind == "bad":
        rows = X.assign(image=X["image"].where(X.index != 70, __file__))
    if kind in ("killed", "resumed"):
        clf.set_params(checkpoint_dir=os.path.join(folder, "kept"), checkpoint_every=0)
    if kind == "killed" and rank == "1":
        die_after(12)
    try:
        clf.fit(rows, table)
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__} {rank}: {error}", flush=True)
        continue
    np.savez(
        os.path.join(folder, f"{kind}.{rank}"),
        loss=clf.loss_curve_,
        scores=clf.validation_scores_,
        **{name: tensor.numpy() for name, tensor in clf.network_.state_dict().items()},
    )
