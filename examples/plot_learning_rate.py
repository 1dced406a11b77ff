"""
The learning rate, and an average of the weights
================================================

Before a long training: which learning rate? A range test answers in a hundred steps. And while the
learning rate is high: what a moving average of the weights is worth.
"""

# %%
# Garments with wrong labels
# --------------------------
# 600 drawn garments. One label in ten is wrong, as in tables that people fill in. The backbone has
# random weights, so that nothing has to be downloaded.

from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np

from attrlearn import AttributeClassifier, make_attribute_images
from attrlearn.plots import LearningRateDisplay

X, y = make_attribute_images(600, mkdtemp(), random_state=0)
y = y.select_dtypes("number")
wrong = np.random.default_rng(0).random(y.shape) < 0.1
y = y.where(~wrong, 1 - y)
train, test = slice(0, 400), slice(400, 600)

# %%
# The range test
# --------------
# A clone learns for a hundred steps, each with a higher learning rate than the one before. Below
# 1e-4 nothing moves, above 1e-2 the loss rises again. Where it falls most steeply is a good rate.

clf = AttributeClassifier("resnet18", weights=None, image_size=64, random_state=0)
display = LearningRateDisplay.from_estimator(clf, X[train], y[train])

# %%
# The suggestion as a number, for `set_params` or as the middle of a grid:

print(f"{display.suggestion:.1e}")

# %%
# An average of the weights
# -------------------------
# With a constant schedule, here at five times the suggestion, the last steps are as large as the
# first ones, and each batch with its wrong labels pulls the weights to and fro. With ``ema_decay``
# what is scored after each epoch, and kept, is the moving average of the weights.

clf.set_params(
    learning_rate=5 * display.suggestion,
    schedule="constant",
    max_epochs=20,
    early_stopping=True,
    n_iter_no_change=20,
    scoring="roc_auc",
)
figure, ax = plt.subplots()
for ema_decay in (None, 0.99):
    clf.set_params(ema_decay=ema_decay)
    clf.fit(X[train], y[train], X_val=X[test], y_val=y[test])
    ax.plot(clf.history_["validation_score"], marker="o", label=f"ema_decay={ema_decay}")
ax.set(xlabel="epoch", ylabel="ROC AUC on 200 other garments")
_ = ax.legend()
