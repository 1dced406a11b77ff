"""Look at the data before training, at a model after it, and at what to label next."""

from attrlearn.inspection.comparison import compare

__all__ = ["compare"]
