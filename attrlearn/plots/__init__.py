"""Figures of models and labels, as scikit-learn's display objects.

All but the loss curve, the learning-rate range test and co-occurrence are made of an estimator,
images and their annotation table, or of a table and probabilities, look at the labelled cells only,
and show all attributes at once.

Examples
--------
>>> from matplotlib.figure import Figure
>>> from attrlearn.plots import AttributeReportDisplay
>>> y_true, y_proba = [[1, 0], [0, 1], [None, 1]], [[0.9, 0.4], [0.6, 0.3], [0.8, 0.7]]
>>> display = AttributeReportDisplay.from_predictions(y_true, y_proba, ax=Figure().subplots())
>>> display.report["average_precision"].round(3).tolist()
[1.0, 0.833]
"""

from attrlearn.plots.cooccurrence import CooccurrenceDisplay
from attrlearn.plots.learning_rate import LearningRateDisplay
from attrlearn.plots.loss_curve import LossCurveDisplay
from attrlearn.plots.precision_recall import AttributePrecisionRecallDisplay
from attrlearn.plots.reliability import AttributeCalibrationDisplay
from attrlearn.plots.report_bars import AttributeReportDisplay
from attrlearn.plots.threshold_curves import AttributeThresholdDisplay

__all__ = [
    "AttributeCalibrationDisplay",
    "AttributePrecisionRecallDisplay",
    "AttributeReportDisplay",
    "AttributeThresholdDisplay",
    "CooccurrenceDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
]
