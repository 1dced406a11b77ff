"""
From a labels file to a checked model
=====================================

A labels file with gaps, a classifier trained on it, and what it finds on images that it has not
seen. The images are drawn, so that nothing has to be downloaded.
"""

# %%
# The labels file
# ---------------
# ``make_attribute_images`` draws garments and writes a labels file beside them. Some cells are
# missing, and stay so in ``y``.

from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
from PIL import Image

from attrlearn import AttributeClassifier, LossCurveDisplay, make_attribute_images, read_labels
from attrlearn.metrics import attribute_report, format_report
from attrlearn.model_selection import AttributeShuffleSplit

folder = Path(mkdtemp())
make_attribute_images(800, folder, random_state=0)
X, y = read_labels(folder / "labels.csv", category_column="category")
y.head()

# %%
# Training
# --------
# A quarter of the images is held out, each class of each attribute in proportion. All of a small
# network is trained from random weights. For photos, ``weights="DEFAULT"`` starts from pretrained
# ones.

splitter = AttributeShuffleSplit(1, test_size=0.25, random_state=0)
((train, test),) = splitter.split(y, y)
clf = AttributeClassifier(
    "resnet18",
    weights=None,
    trainable="all",
    image_size=64,
    schedule="onecycle",
    learning_rate=2e-3,
    max_epochs=4,
    batch_size=16,
    random_state=0,
)
clf.fit(X.iloc[train], y.iloc[train])
LossCurveDisplay.from_estimator(clf, title="drawn garments")
plt.show()

# %%
# The report
# ----------
# Metrics look at labelled cells only. The permutation test says which attributes are found better
# than chance.

report = attribute_report(y.iloc[test], clf.predict_proba(X.iloc[test]), classes=clf.classes_)
print(format_report(report))

# %%
# A few of the held-out images, with the attributes found on them:

shown = X.iloc[test[:6]]
table = clf.predict_table(shown)
figure, axes = plt.subplots(2, 3, figsize=(8, 6), layout="constrained")
for ax, path, (_, row) in zip(axes.flat, shown["image"], table.iterrows(), strict=True):
    present = [name for name in y if name != "pattern" and row[name] == 1]
    ax.imshow(Image.open(path))
    ax.set_title("\n".join([row["pattern"], ", ".join(present) or "-"]), fontsize=10)
    ax.axis("off")
plt.show()
