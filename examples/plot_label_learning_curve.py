"""
Is more labelling worth it?
===========================

Labels cost more than images. Before the next thousand are bought: which attributes still get better
with more of them?
"""

# %%
# Drawn garments, a third of the cells missing, and as an attribute that no image can tell the toss
# of a coin. The backbone is frozen, so its features are computed once, and each of the fits that
# follow takes a fraction of a second.

from tempfile import mkdtemp

import numpy as np

from attrlearn import AttributeClassifier, make_attribute_images
from attrlearn.inspection import label_learning_curve
from attrlearn.plots import LabelLearningCurveDisplay

X, y = make_attribute_images(400, mkdtemp(), random_state=0)
coin = np.random.default_rng(0).integers(0, 2, len(y)).astype(float)
y["coin"] = np.where(y.iloc[:, 0].isna(), np.nan, coin)
clf = AttributeClassifier("resnet18", weights=None, image_size=48, max_epochs=8, random_state=0)

# %%
# Four folds; in each the classifier learns from an eighth of the labelled cells, a quarter, half
# and all of them. The test cells are always the same.

sizes = [1 / 8, 1 / 4, 1 / 2, 1]
curve = label_learning_curve(clf, X, y, train_sizes=sizes, cv=4, scoring="roc_auc")

# %%
# What the last doubling of the labels has brought, with an interval. ``still_rises`` is True where
# the whole interval is above 0, False where it is below a gain that would be worth it, here 0.01,
# and NA where these folds cannot tell.

curve.summary.round(3)

# %%
# Orange curves still rise. The band is a standard deviation over the folds.

_ = LabelLearningCurveDisplay(curve=curve).plot()
