"""
Heat maps: where the evidence is
================================

Three drawn marks define three attributes, and a small network learns them. The heat maps show where
it finds each of them, and a head with shuffled weights shows what to compare them with.
"""

from copy import deepcopy

import numpy as np
import pandas as pd
import torch

from attrlearn import AttributeClassifier
from attrlearn.inspection import explain
from attrlearn.plots import AttributeMapDisplay

# %%
# On gray noise a square of each colour, at a random place, on half of the images.
COLOURS = {"red": (230, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 230)}
rng = np.random.default_rng(0)
images = rng.integers(90, 140, (170, 64, 64, 3)).astype(np.uint8)
y = pd.DataFrame(rng.integers(0, 2, (170, 3)).astype(float), columns=list(COLOURS))
where = np.zeros((170, 3, 64, 64), dtype=bool)
for i in range(170):
    for a, colour in enumerate(COLOURS.values()):
        if y.iloc[i, a]:
            top, left = rng.integers(0, 52, 2)
            images[i, top : top + 12, left : left + 12] = colour
            where[i, a, top : top + 12, left : left + 12] = True

# %%
# The backbone is frozen and has random weights, so that nothing has to be downloaded.
clf = AttributeClassifier("resnet18", weights=None, image_size=64, augment=None, random_state=0)
clf.fit(images[:150], y[:150])
AttributeMapDisplay.from_estimator(clf, images[150:155])

# %%
# Where an attribute is improbable, its map shows what comes closest to it. How much of a map lies
# on its own mark, where that is there, over the share of the mark in the area:
shown = y[150:].to_numpy() == 1


def concentration(clf):
    """Mass on the mark over its share of the area, on average."""
    maps, marks = explain(clf, images[150:]).maps, where[150:]
    mass = (maps * marks).sum(axis=(2, 3)) / maps.sum(axis=(2, 3))
    return (mass[shown] / marks.mean(axis=(2, 3))[shown]).mean()


print(f"{concentration(clf):.1f} times its share")

# %%
# A sanity check: the same head with its weights shuffled. What stands out in an image still draws
# some evidence, but no longer that of the attribute.
shuffled = deepcopy(clf)
generator = torch.Generator().manual_seed(0)
for p in shuffled.network_.head.parameters():
    p.data = p.data.flatten()[torch.randperm(p.numel(), generator=generator)].view(p.shape)
print(f"{concentration(shuffled):.1f} times its share")
AttributeMapDisplay.from_estimator(shuffled, images[150:155])
