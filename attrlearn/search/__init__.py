"""A search over hyperparameters in which candidates learn side by side."""

from attrlearn.search.attribute_search import AttributeSearchCV

__all__ = ["AttributeSearchCV"]
