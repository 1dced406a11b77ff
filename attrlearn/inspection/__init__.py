"""Look at the data before training, at a model after it, and at what to label next."""

from attrlearn.inspection.label_issues import find_label_issues
from attrlearn.inspection.suggestions import suggest_labels

__all__ = ["find_label_issues", "suggest_labels"]
