"""
Wrong labels, and the next ones
===============================

Some labels of every annotation table are wrong, and some are missing. A model that is trained and
asked in turns on different images finds the wrong ones, fills in what it is sure of, and says which
missing cells to ask for next.
"""

# %%
# A table with errors
# -------------------
# 800 drawn garments and four of their attributes, a fifth of the cells missing. One in twenty of
# the known cells is changed.

from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from attrlearn import AttributeClassifier, ImageEmbedder, make_attribute_images
from attrlearn.inspection import find_label_issues, suggest_labels
from attrlearn.model_selection import AttributeKFold, cross_val_predict_proba

X, y = make_attribute_images(800, mkdtemp(), random_state=0)
y = y[["long", "long_sleeves", "buttons", "border"]]
rng = np.random.default_rng(0)
changed = y.notna().to_numpy() & (rng.random(y.shape) < 0.05)
labels = y.mask(changed, 1 - y)
print(f"{changed.sum()} of {y.notna().to_numpy().sum()} labels are wrong")

# %%
# Probabilities out of fold
# -------------------------
# Each image is predicted by a model that was trained on others, so that no label speaks for itself.
# The features are computed once. The backbone has random weights, so that nothing has to be
# downloaded; on photos, use pretrained ones.

embedder = ImageEmbedder("resnet18", weights=None, image_size=64, random_state=0)
features = embedder.fit_transform(X[["image"]])
clf = AttributeClassifier(backbone=None, random_state=0)
cv = AttributeKFold(4, shuffle=True, random_state=0)
proba = cross_val_predict_proba(clf, features, labels, cv=cv, categories=X["category"])

# %%
# What is probably wrong
# ----------------------
# ``error_probability`` is a rate: of the labels with 0.9, nine of ten are wrong. It can be compared
# between common and rare attributes, and its sum says how many errors to expect.

issues = find_label_issues(X, labels, proba)
print(issues.drop(columns="image").head().round(3).to_string())
right = changed[issues["row"], y.columns.get_indexer(issues["attribute"])]
print(f"{len(issues)} listed, {right.sum()} of them are wrong indeed")

# %%
# The first of them, with the label as it is given:

figure, axes = plt.subplots(2, 6, figsize=(9, 4), layout="constrained")
for ax, issue in zip(axes.flat, issues.itertuples(), strict=False):
    ax.imshow(Image.open(issue.image))
    ax.set_title(f"{issue.attribute}: {issue.given:.0f}\nwrong: {issue.error_probability:.0%}")
    ax.title.set_fontsize(9)
    ax.set_axis_off()
plt.show()

# %%
# Of how many it lists, how many are wrong? The dashed line is what was said.

everything = find_label_issues(X, labels, proba, min_probability=0)
right = changed[everything["row"], y.columns.get_indexer(everything["attribute"])]
n = np.arange(1, 2 * changed.sum())
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(n, right[: len(n)].cumsum() / n, label="wrong indeed")
said = everything["error_probability"].to_numpy()[: len(n)].cumsum() / n
ax.plot(n, said, color="0.4", linestyle="--", label="mean error probability")
ax.axvline(changed.sum(), color="0.8", zorder=0)
ax.text(changed.sum() + 3, 0.05, "as many as there are", color="0.4")
ax.set(xlabel="labels listed", ylabel="share that is wrong", ylim=(0, 1.02))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# What to ask next, and what to fill in
# -------------------------------------
# The first rows are the cells from which the next model learns most: of each attribute in turn,
# uncertain, and unlike each other. ``confidence`` is a rate as well.

suggestions = suggest_labels(X, labels, proba, features, n=60)
print(suggestions.drop(columns="image").head(6).round(3).to_string())
sure = suggestions[suggestions["confidence"] > 0.98]
print(f"{len(sure)} of {len(suggestions)} missing cells have a confidence above 0.98")

# %%
# To correct and to fill in is one line each; better look at the images first, on the page of
# ``attrlearn label``.

corrected = labels.copy()
for cell in issues[issues["error_probability"] > 0.9].itertuples():
    corrected.loc[cell.row, cell.attribute] = cell.suggested
print(
    f"{(labels.notna() & (labels != y)).to_numpy().sum()} wrong labels before, "
    f"{(corrected.notna() & (corrected != y)).to_numpy().sum()} after"
)
