"""Learn the attributes of images from image files and an annotation table with gaps."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrlearn._version import __version__

if TYPE_CHECKING:
    from attrlearn.classifier import AttributeClassifier
    from attrlearn.datasets import make_attribute_images, read_labels
    from attrlearn.embedder import ImageEmbedder
    from attrlearn.exceptions import ImageError
    from attrlearn.plots import LossCurveDisplay

__all__ = [
    "AttributeClassifier",
    "ImageEmbedder",
    "ImageError",
    "LossCurveDisplay",
    "__version__",
    "make_attribute_images",
    "read_labels",
]

# Imported on first use, so that `import attrlearn` and the command line's --help stay quick.
_HOMES = {
    "AttributeClassifier": "classifier",
    "ImageEmbedder": "embedder",
    "ImageError": "exceptions",
    "LossCurveDisplay": "plots",
    "make_attribute_images": "datasets",
    "read_labels": "datasets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'attrlearn' has no attribute {name!r}")
    return getattr(import_module(f"attrlearn.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
