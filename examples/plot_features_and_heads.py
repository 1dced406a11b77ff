"""
Stages, and a committee of heads
================================

What an image becomes before anything is learnt, and what learns from it: features of the last layer
or of all stages, one linear head or a committee. All four are compared out of fold, and then each
stage is asked what it knows on its own.
"""

# %%
# Garments and a backbone
# -----------------------
# 500 drawn garments, a fifth of the cells missing. The backbone has random weights, so that nothing
# has to be downloaded; on photos, use pretrained ones. The category is left out, so that what is
# compared is what can be seen.

from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from attrlearn import AttributeClassifier, ImageEmbedder, make_attribute_images
from attrlearn.metrics import attribute_report
from attrlearn.model_selection import AttributeKFold, cross_val_predict_proba

X, y = make_attribute_images(500, mkdtemp(), random_state=0)
X = X[["image"]]


def judge(clf, X):
    """ROC AUC of each attribute, of probabilities that are predicted out of fold."""
    proba = cross_val_predict_proba(clf, X, y, cv=AttributeKFold(3))
    return attribute_report(y, proba, n_permutations=0)["roc_auc"]


# %%
# Features and heads, two by two
# ------------------------------
# The features of each kind are computed once, when the first fold asks for them, and are then found
# in the cache. The last of the four is the default. ``augment=None`` spares a second pass, that of
# the mirror images.

settings = {
    "last layer, one linear head": {"features": "last", "hidden_dim": None},
    "last layer, committee": {"features": "last"},
    "all stages, one linear head": {"hidden_dim": None},
    "all stages, committee": {},
}
scores = {}
for name, parameters in settings.items():
    clf = AttributeClassifier(
        "resnet18", weights=None, image_size=64, augment=None, random_state=0, **parameters
    )
    scores[name] = judge(clf, X)
scores = pd.DataFrame(scores)
print(scores.mean().round(3).to_string())

# %%
# Bars begin at 0.5, which is chance. Here the features matter more than the heads.

scores.loc["mean"] = scores.mean()
colours = ["#a9c8e6", "#2f6ea5", "#f5c79b", "#c8641b"]
height = 0.2
figure, ax = plt.subplots(figsize=(8, 6), layout="constrained")
for i, (name, colour) in enumerate(zip(scores, colours, strict=True)):
    places = np.arange(len(scores)) + height * (i - 1.5)
    ax.barh(places, scores[name] - 0.5, height, left=0.5, color=colour, label=name)
ax.axhline(len(scores) - 1.5, color="0.6", linewidth=0.8)
ax.set(xlim=(0.5, 1), xlabel="ROC AUC out of fold", yticks=range(len(scores)))
ax.set_yticklabels(scores.index)
ax.invert_yaxis()
ax.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside upper center", ncols=2, frameon=False)
plt.show()

# %%
# What each stage knows
# ---------------------
# An ``ImageEmbedder`` gives the same features as a matrix, and names them by the module that ends
# the stage.

embedder = ImageEmbedder("resnet18", weights=None, image_size=64, random_state=0)
features = embedder.fit_transform(X)
names = embedder.get_feature_names_out()
print(features.shape, names[0], names[-1])

# %%
# So the columns of one stage can be learnt from alone. ``backbone=None`` takes a matrix.

stage_of = np.array([name.rsplit("_", 1)[0] for name in names])
linear = AttributeClassifier(backbone=None, hidden_dim=None, random_state=0)
alone = {stage: judge(linear, features[:, stage_of == stage]) for stage in pd.unique(stage_of)}
alone["all"] = judge(linear, features)
alone = pd.DataFrame(alone)

# %%
# In bold the stage that does best on its own. A later stage sees more of the garment at once, which
# the shape needs: a long hem, sleeves. Of the pattern the first stages know much already. A logo is
# too rare to rank stages by it. Which stage is best for an attribute is not known beforehand, and
# all stages together do better than any one for most.

figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
shown = ax.imshow(alone, cmap="Blues", vmin=0.5, vmax=1, aspect="auto")
for row, attribute in enumerate(alone.index):
    best = alone.drop(columns="all").loc[attribute].idxmax()
    for column, stage in enumerate(alone):
        score = alone.loc[attribute, stage]
        weight = "bold" if stage == best else "normal"
        colour = "white" if score > 0.8 else "black"
        ax.text(column, row, f"{score:.2f}", ha="center", va="center", color=colour, weight=weight)
widths = [(stage_of == stage).sum() for stage in alone.columns[:-1]] + [len(names)]
labels = [f"{stage}\n{n} features" for stage, n in zip(alone, widths, strict=True)]
ax.set_xticks(range(len(labels)), labels)
ax.set_yticks(range(len(alone)), alone.index)
ax.axvline(len(labels) - 1.5, color="white", linewidth=4)
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
figure.colorbar(shown, label="ROC AUC out of fold")
plt.show()
