"""What a fitted classifier is: how it was built and trained, and what it tells apart."""

from pathlib import Path
from typing import Any

import pandas as pd

from attrlearn._version import __version__
from attrlearn.decisions.prediction_table import binary_attributes

__all__ = ["attribute_table", "model_facts", "model_thresholds"]


def model_facts(clf: Any) -> dict[str, str]:
    """Return what there is to know of a fitted classifier of images, by what it is.

    Examples
    --------
    >>> from attrlearn import AttributeClassifier
    >>> clf = AttributeClassifier(None, max_epochs=2).fit([[0.0], [1.0]], [[0, 1], [1, 0]])
    >>> facts = model_facts(clf)
    >>> facts["Attributes"], facts["Epochs"], facts["Categories"]
    ('2', '2', 'none')
    """
    weights = {None: "random", "DEFAULT": "pretrained, of torchvision"}
    epochs = f"{clf.n_epochs_}"
    if clf.best_epoch_ != clf.n_epochs_:
        epochs += f", of which number {clf.best_epoch_} is kept"
    by_hand = isinstance(clf.class_weight, dict)
    return {
        "Backbone": str(clf.backbone),
        "Weights": weights.get(clf.weights) or f"file {Path(clf.weights).name}",
        "Fine-tuned": str(clf.trainable),
        "Image size": f"{clf.image_size} pixels a side, {clf.resize}",
        "Attributes": str(clf.n_attributes_),
        "Categories": ", ".join(map(str, clf.categories_)) or "none",
        "Epochs": epochs,
        "Class weights": "by hand" if by_hand else str(clf.class_weight).lower(),
        "attrlearn": __version__,
    }


def attribute_table(clf: Any) -> pd.DataFrame:
    """Return the classes of each attribute and their weights in training, one row per attribute.

    Examples
    --------
    >>> from attrlearn import AttributeClassifier
    >>> clf = AttributeClassifier(None, max_epochs=2)
    >>> attribute_table(clf.fit([[0.0], [1.0], [2.0]], [[0], [1], [1]])).iloc[0].tolist()
    ['Attr1', '0, 1', '1.50, 0.75']
    """
    rows = [
        {
            "attribute": str(name),
            "classes": ", ".join(map(str, weights)),
            "class weights": ", ".join(f"{weight:.2f}" for weight in weights.values()),
        }
        for name, weights in clf.class_weight_.items()
    ]
    return pd.DataFrame(rows)


def model_thresholds(clf: Any) -> dict[Any, float]:
    """Return the threshold of each attribute whose classes are 0 and 1, NaN where it abstains.

    0.5 for one that was declared categorical.
    """
    return {name: float(clf.thresholds_.get(name, 0.5)) for name in binary_attributes(clf)}
