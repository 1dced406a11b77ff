"""Figures of models and labels, as scikit-learn's display objects.

Loss curve and learning-rate range test are of a training, co-occurrence is of an annotation table.
Heat maps and galleries show images. All others are made of an estimator, images and their
annotation table, or of a table and probabilities, look at the labelled cells only, and show all
attributes at once.

Examples
--------
>>> from matplotlib.figure import Figure
>>> from attrlearn.plots import AttributeReportDisplay
>>> y_true, y_proba = [[1, 0], [0, 1], [None, 1]], [[0.9, 0.4], [0.6, 0.3], [0.8, 0.7]]
>>> display = AttributeReportDisplay.from_predictions(y_true, y_proba, ax=Figure().subplots())
>>> display.report["average_precision"].round(3).tolist()
[1.0, 0.833]
"""

from typing import Any

from attrlearn.plots.cooccurrence import CooccurrenceDisplay
from attrlearn.plots.gallery import GalleryDisplay
from attrlearn.plots.label_learning_curve import LabelLearningCurveDisplay
from attrlearn.plots.learning_rate import LearningRateDisplay
from attrlearn.plots.loss_curve import LossCurveDisplay
from attrlearn.plots.precision_recall import AttributePrecisionRecallDisplay
from attrlearn.plots.reliability import AttributeCalibrationDisplay
from attrlearn.plots.report_bars import AttributeReportDisplay
from attrlearn.plots.threshold_curves import AttributeThresholdDisplay

__all__ = [
    "AttributeCalibrationDisplay",
    "AttributeMapDisplay",
    "AttributePrecisionRecallDisplay",
    "AttributeReportDisplay",
    "AttributeThresholdDisplay",
    "CooccurrenceDisplay",
    "GalleryDisplay",
    "LabelLearningCurveDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
]


def __getattr__(name: str) -> Any:
    # It needs torch.
    if name != "AttributeMapDisplay":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from attrlearn.plots.attribute_maps import AttributeMapDisplay

    return AttributeMapDisplay


def __dir__() -> list[str]:
    return sorted(__all__)
