"""
Audit images and labels before training
=======================================

Images are drawn and some of them spoilt: one is copied under another name with a changed label, one
is a PNG named .jpg, one is cut off, and one is saved again, smaller. The audit finds each.
"""

import shutil
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

from attrlearn import make_attribute_images
from attrlearn.inspection import audit
from attrlearn.plots import CooccurrenceDisplay

# %%
# 300 garments, of which a third of the cells are missing.
X, y = make_attribute_images(300, mkdtemp(), random_state=0)
folder = Path(X["image"][0]).parent
name = y.select_dtypes("number").columns[0]
y.loc[0, name] = 1

copied = str(folder / "copy.png")
shutil.copy(X["image"][0], copied)
smaller = str(folder / "smaller.jpg")
with Image.open(X["image"][1]) as image:
    image.convert("RGB").resize([side * 3 // 4 for side in image.size]).save(smaller)
misnamed = str(folder / "misnamed.jpg")
shutil.copy(X["image"][2], misnamed)
cut = Path(X["image"][3])
cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])

again = X.iloc[[0, 1, 2]].assign(image=[copied, smaller, misnamed])
X = pd.concat([X, again], ignore_index=True)
y = pd.concat([y, y.iloc[[0, 1, 2]].assign(**{name: [0, None, None]})], ignore_index=True)

# %%
# The report as text; ``report.to_html("audit.html")`` writes it as a page with the images.
report = audit(X, y)
print(report)

# %%
# Each finding is a table, here the cell in which two identical images disagree, ...
print(report.conflicts[["row", "other_row", "attribute", "value", "other_value"]])

# %%
# ... and the pairs of identical and nearly identical images.
pairs = [*report.conflicts[["row", "other_row"]].to_numpy()]
pairs += [*report.near_duplicates[["row", "other_row"]].to_numpy()[:3]]
figure, axes = plt.subplots(2, len(pairs), figsize=(2 * len(pairs), 4), layout="constrained")
for column, pair in zip(axes.reshape(2, -1).T, pairs, strict=True):
    for ax, row in zip(column, pair, strict=True):
        ax.imshow(Image.open(X["image"][row]))
        ax.set_title(f"row {row}", fontsize=9)
        ax.set_axis_off()

# %%
# The groups keep them on one side of every split.
X["group"] = report.groups
X["group"].value_counts().head(4)

# %%
# Which attributes and classes go together, among the rows that have both labelled.
CooccurrenceDisplay.from_labels(y)
plt.show()
