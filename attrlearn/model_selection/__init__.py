"""Splitters and out-of-fold predictions for annotation tables with gaps."""

from attrlearn.model_selection.cross_validation import cross_val_predict_proba
from attrlearn.model_selection.splitters import AttributeKFold, AttributeShuffleSplit

__all__ = ["AttributeKFold", "AttributeShuffleSplit", "cross_val_predict_proba"]
