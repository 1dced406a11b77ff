"""Splitters, out-of-fold predictions and a search for annotation tables with gaps."""

from importlib import import_module
from typing import Any

from attrlearn.model_selection.cross_validation import cross_val_predict_proba
from attrlearn.model_selection.splitters import AttributeKFold, AttributeShuffleSplit

__all__ = [
    "AttributeKFold",
    "AttributeSearchCV",
    "AttributeShuffleSplit",
    "cross_val_predict_proba",
]


def __getattr__(name: str) -> Any:
    # It trains networks, and so stands above the estimator, which imports this package.
    if name != "AttributeSearchCV":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("attrlearn.search").AttributeSearchCV


def __dir__() -> list[str]:
    return sorted(__all__)
