"""Fit, started by torchrun or alone, and write what was learnt: KIND IMAGES OUT."""

import os
import sys

import numpy as np
import torch

from attrlearn import AttributeClassifier, make_attribute_images

kind, folder, out = sys.argv[1:]
torch.set_num_threads(1)  # as torchrun has it
X, y = make_attribute_images(90, folder, random_state=0)
if kind == "other rows":
    y = y.iloc[: 80 + int(os.environ["RANK"])]
if kind == "bad":
    X.loc[70, "image"] = __file__
X = X.iloc[: len(y)]
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
if kind in ("activations", "images", "checkpoints"):
    # Nothing that is drawn at random, and no batch-norm that is trained.
    clf.set_params(dropout=0, augment=None, hidden_dim=16)
    X = X[["image"]]
    clf.set_params(trainable=["layer4.1.conv1", "layer4.1.conv2"], freeze_epochs=1)
if kind == "images":
    clf.set_params(trainable=["conv1", "layer4.1.conv2"], accumulate_steps=2, ema_decay=0.5)
    clf.set_params(early_stopping=True, scoring="average_precision", freeze_epochs=0)
if kind == "frozen":
    clf.set_params(thresholds="f1", on_bad_image="drop")
if kind == "random":
    clf.set_params(trainable="last_block", augment="light", random_state=None)
rank = os.environ.get("RANK", "alone")
if kind == "checkpoints":
    clf.set_params(checkpoint_dir=out, checkpoint_every=0)
    if rank == "1" and not os.path.exists(f"{out}.ended"):
        from attrlearn.training.session import Session

        seen = []
        original = Session.ends_after_step

        def ends_after_step(self, training):
            seen.append(1)
            if len(seen) == 12:
                open(f"{out}.ended", "w").close()
                os._exit(9)
            return original(self, training)

        Session.ends_after_step = ends_after_step
try:
    clf.fit(X, y)
except (ValueError, OSError) as error:
    print(f"{type(error).__name__} {rank}: {error}", flush=True)
    sys.exit(3)
names = clf.network_.state_dict()
np.savez(
    f"{out}.{rank}",
    loss=clf.loss_curve_,
    scores=clf.validation_scores_,
    **{name: tensor.numpy() for name, tensor in names.items()},
)
