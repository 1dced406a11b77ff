"""
Is one model better than another?
=================================

Two models score 0.90 and 0.91. Would that hold on other images? A paired bootstrap answers for each
attribute and for their mean, and takes photos of one product for what they are: not independent.
"""

# %%
# Features of 300 products with three photos each, and three attributes with gaps. One of two models
# sees all features, the other one only half of them.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from attrlearn import AttributeClassifier
from attrlearn.inspection import compare
from attrlearn.model_selection import AttributeKFold, cross_val_predict_proba

rng = np.random.default_rng(0)
product = np.repeat(np.arange(300), 3)
of_product = rng.normal(size=(300, 12))
X = (of_product[product] + 0.5 * rng.normal(size=(900, 12))).astype("float32")
signal = of_product @ rng.normal(size=(12, 3)) * [1, 1, 0.5] + rng.normal(size=(300, 3))
y = pd.DataFrame((signal > [0, 1, 2]).astype(float)[product], columns=["hood", "zip", "print"])
y = y.mask(rng.random(y.shape) < 0.3)

# %%
# Both predict each photo out of fold, in the same folds, which keep the photos of a product
# together.

clf = AttributeClassifier(None, learning_rate=0.01, max_epochs=10, random_state=0)
folds = list(AttributeKFold(5).split(X, y, groups=product))
proba_a = cross_val_predict_proba(clf, X, y, cv=folds)
proba_b = cross_val_predict_proba(clf, X[:, :6], y, cv=folds)

# %%
# ``better`` names the model if 0 is not in the interval. The last row is the mean.

by_product = compare(y, proba_a, proba_b, groups=product)
by_product.drop(columns="reason").round(3)

# %%
# Taken as independent, photos promise more than they know: the intervals get too narrow.

by_photo = compare(y, proba_a, proba_b)
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for shift, found, label in ((-0.1, by_product, "products drawn"), (0.1, by_photo, "photos drawn")):
    around = (found["difference"] - found["low"], found["high"] - found["difference"])
    place = np.arange(len(found)) + shift
    ax.errorbar(found["difference"], place, xerr=around, fmt="o", capsize=3, label=label)
ax.axvline(0, color="0.4", linewidth=1, linestyle="--")
ax.set_yticks(range(len(by_product)), by_product.index)
ax.set_ylim(len(by_product) - 0.5, -0.5)
ax.set_xlabel("difference of balanced accuracy, with 95% interval")
_ = ax.legend()
