"""Fit again and again, and print by how many bytes the process has grown: KIND FOLDER."""

import gc
import sys

import numpy as np
import torch

from attrlearn import AttributeClassifier, make_attribute_images


def resident() -> int:
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


torch.set_num_threads(1)
kind, folder = sys.argv[1:]
if kind == "features":
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 512)).astype(np.float32)
    y = rng.integers(0, 2, (200, 5))
    clf = AttributeClassifier(None, max_epochs=2, early_stopping=True, ema_decay=0.9)
else:
    X, y = make_attribute_images(24, folder, random_state=0)
    clf = AttributeClassifier("squeezenet1_1", weights=None, image_size=32, max_epochs=1)
    clf.set_params(cache_dir=None, trainable="last_block" if kind == "fine-tuned" else "head")
clf.set_params(time_limit=60, random_state=0)
n_fits = 200
for number in range(n_fits + 40):
    if number == 40:  # by then allocators have what they keep
        gc.collect()
        before = resident()
    clf.fit(X, y).predict(X)
gc.collect()
print(resident() - before)
