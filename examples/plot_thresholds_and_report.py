"""
Thresholds, calibration and a report
====================================

Rare attributes are learnt with balanced class weights, so that a probability of 0.5 says little
about how often they are there. Here rates and thresholds are tuned out of folds, and judged on
images that chose neither.
"""

from tempfile import mkdtemp

from sklearn.base import clone

from attrlearn import AttributeClassifier, make_attribute_images
from attrlearn.metrics import expected_calibration_error, f1_score
from attrlearn.model_selection import AttributeShuffleSplit
from attrlearn.plots import (
    AttributeCalibrationDisplay,
    AttributeReportDisplay,
    AttributeThresholdDisplay,
)

# %%
# 500 drawn garments, a third of the cells missing. A frozen backbone with random weights is a poor
# one, which leaves something to tune.
X, y = make_attribute_images(500, mkdtemp(), random_state=0)
y = y.select_dtypes("number")  # the binary attributes
((train, test),) = AttributeShuffleSplit(1, test_size=0.4, random_state=0).split(X, y)
clf = AttributeClassifier("resnet18", weights=None, image_size=64, max_epochs=30, random_state=0)
clf.fit(X.iloc[train], y.iloc[train])


def judge(clf):
    """F1 and calibration error on the test images."""
    proba, predicted = clf.predict_proba(X.iloc[test]), clf.predict(X.iloc[test])
    f1 = f1_score(y.iloc[test], predicted)
    error = expected_calibration_error(y.iloc[test], proba)
    return f"F1 {f1:.3f}, calibration error {error:.3f}"


print(judge(clf))

# %%
# With balanced weights the stated probabilities of rare attributes are far above the rates.
AttributeCalibrationDisplay.from_estimator(clf, X.iloc[test], y.iloc[test])

# %%
# ``calibrate=True`` makes rates of them, and ``thresholds="f1"`` chooses where each attribute
# begins. The network is the same.
tuned = clone(clf).set_params(calibrate=True, thresholds="f1")
tuned.fit(X.iloc[train], y.iloc[train])
print(judge(tuned))
print({name: round(threshold, 2) for name, threshold in tuned.thresholds_.items()})

# %%
AttributeCalibrationDisplay.from_estimator(tuned, X.iloc[test], y.iloc[test])

# %%
# Precision, recall and F1 over the threshold, on the test images. The dotted lines were chosen on
# others.
AttributeThresholdDisplay.from_estimator(tuned, X.iloc[test], y.iloc[test])

# %%
# The report: what is found better than by chance, and by how much.
AttributeReportDisplay.from_estimator(tuned, X.iloc[test], y.iloc[test])
