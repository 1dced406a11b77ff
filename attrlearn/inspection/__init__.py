"""Look at the data before training, at a model after it, and at what to label next."""

from importlib import import_module
from typing import Any

from attrlearn.inspection.audit_report import AuditReport
from attrlearn.inspection.comparison import compare
from attrlearn.inspection.label_issues import find_label_issues
from attrlearn.inspection.label_learning import LabelLearningCurve, label_learning_curve
from attrlearn.inspection.suggestions import suggest_labels

__all__ = [
    "AttributeMaps",
    "AuditReport",
    "LabelLearningCurve",
    "audit",
    "compare",
    "explain",
    "find_label_issues",
    "label_learning_curve",
    "suggest_labels",
]

# Imported on first use: they need torch.
_HOMES = {"AttributeMaps": "heat_maps", "audit": "data_audit", "explain": "heat_maps"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
