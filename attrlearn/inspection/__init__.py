"""Look at the data before training, at a model after it, and at what to label next."""

from attrlearn.inspection.comparison import compare
from attrlearn.inspection.label_learning import LabelLearningCurve, label_learning_curve

__all__ = ["LabelLearningCurve", "compare", "label_learning_curve"]
