"""Scores of predictions against an annotation table with gaps.

All look at the labelled cells only, take binary and categorical attributes, and are on each
attribute what scikit-learn's function of the same name is. `SCORERS` holds them for `scoring`.

Examples
--------
>>> from attrlearn.metrics import SCORERS, f1_score
>>> f1_score([[1, 0], [0, 1], [None, 1]], [[1, 0], [0, 0], [0, 1]], average=None)
array([1.        , 0.66666667])
>>> SCORERS["f1"]
AttributeScorer(f1_score, response_method='predict')
"""

from attrlearn.metrics.calibration_error import expected_calibration_error
from attrlearn.metrics.confusion import confusion_matrices
from attrlearn.metrics.predictions import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    harmonic_f1_score,
)
from attrlearn.metrics.probabilities import average_precision_score, log_loss, roc_auc_score
from attrlearn.metrics.report import attribute_report
from attrlearn.metrics.report_text import format_report
from attrlearn.metrics.scorers import SCORERS

__all__ = [
    "SCORERS",
    "accuracy_score",
    "attribute_report",
    "average_precision_score",
    "balanced_accuracy_score",
    "confusion_matrices",
    "expected_calibration_error",
    "f1_score",
    "format_report",
    "harmonic_f1_score",
    "log_loss",
    "roc_auc_score",
]
