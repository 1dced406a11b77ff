"""From images to the features of a frozen backbone: extractor, inference backends, cache."""
