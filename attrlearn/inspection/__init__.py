"""Look at the data before training, at a model after it, and at what to label next."""

__all__: list[str] = []
