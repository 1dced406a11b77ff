"""Tables of labelled images: read from a labels file, or drawn."""

from attrlearn.datasets.labels_file import read_labels
from attrlearn.datasets.synthetic import make_attribute_images

__all__ = ["make_attribute_images", "read_labels"]
