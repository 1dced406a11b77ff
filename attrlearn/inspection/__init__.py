"""Look at the data before training, at a model after it, and at what to label next."""

from attrlearn.inspection.comparison import compare
from attrlearn.inspection.label_issues import find_label_issues
from attrlearn.inspection.label_learning import LabelLearningCurve, label_learning_curve
from attrlearn.inspection.suggestions import suggest_labels

__all__ = [
    "LabelLearningCurve",
    "compare",
    "find_label_issues",
    "label_learning_curve",
    "suggest_labels",
]
