"""
Search and cross-validation with gaps
=====================================

Hyperparameters are searched and probabilities are predicted out of fold, on a table in which a
third of the cells is missing.
"""

# %%
# Features and a table with gaps
# ------------------------------
# With ``backbone=None`` X holds features, such as those of an ``ImageEmbedder``. Here they are
# drawn, and tell something about two of the attributes.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, KFold

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS, attribute_report, format_report
from attrlearn.model_selection import AttributeKFold, cross_val_predict_proba

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 20))
noise = rng.normal(size=(400, 3))
y = pd.DataFrame(
    {
        "striped": X[:, 0] + X[:, 1] + noise[:, 0] > 0.5,
        "hood": 3 * X[:, 2] + noise[:, 1] > 5.2,  # rare
        "zip": noise[:, 2] > 0,  # nothing in X tells of it
    }
).astype(float)
y = y.mask(rng.random(y.shape) < 1 / 3)
y.describe().loc[["count", "mean"]]

# %%
# Folds
# -----
# Of eight plain folds, some have none of the eight labelled positives of a rare attribute, so that
# nothing can be scored there. ``AttributeKFold`` distributes them evenly.

figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
for ax, cv in zip(axes, (KFold(8), AttributeKFold(8)), strict=True):
    positives = [y["hood"].iloc[test].sum() for _, test in cv.split(X, y)]
    ax.bar(range(1, 9), positives)
    ax.set(title=type(cv).__name__, xlabel="fold", ylabel="labelled positives of hood")
    ax.label_outer()
plt.show()

# %%
# A search
# --------
# ``SCORERS`` know of gaps, and go wherever scikit-learn takes ``scoring``. The default dropout is
# for the many features of a backbone, which say much of the same. These 20 say different things,
# and less of it suits them.

clf = AttributeClassifier(backbone=None, max_epochs=20, random_state=0)
grid = {"learning_rate": [1e-3, 1e-2], "dropout": [0.2, 0.8]}
search = GridSearchCV(clf, grid, scoring=SCORERS["average_precision"], cv=AttributeKFold(3))
search.fit(X, y)
print(search.best_params_, round(search.best_score_, 3))

# %%
# Out-of-fold probabilities
# -------------------------
# Each row is predicted by a model that has not seen it. The report finds two attributes better than
# chance, and says of the third that it is not.

proba = cross_val_predict_proba(search.best_estimator_, X, y, cv=5)
print(format_report(attribute_report(y, proba)))
