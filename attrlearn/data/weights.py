"""How much the cells of each class count in the loss."""

from warnings import warn

import numpy as np

from attrlearn.data.targets import MISSING, Attributes

__all__ = ["class_weights"]


def class_weights(
    codes: np.ndarray, attributes: Attributes, class_weight: str | dict | None
) -> list[np.ndarray]:
    """Weight of each class of each attribute, from labelled cells only.

    Parameters
    ----------
    codes : ndarray of shape (N, A)
        As from `encode_targets`.
    attributes : Attributes
    class_weight : "balanced", dict or None
        "balanced": n / (k · count), n labelled cells and k classes among them.

    Returns
    -------
    list of A arrays of shape (classes,)
        1 for a class that no cell has, and for the classes of an attribute of which fewer than
        two are labelled: a warning names such attributes.

    Raises
    ------
    ValueError
        If a dict names an attribute or a class that is not there.

    Examples
    --------
    >>> attributes = Attributes(["hood"], [np.array([0, 1])], [True])
    >>> codes = np.array([[0], [0], [0], [1]])
    >>> [(negative, positive)] = class_weights(codes, attributes, "balanced")
    >>> float(positive / negative)
    3.0
    """
    weights, single = [], []
    for a, name in enumerate(attributes.names):
        k = attributes.n_classes[a]
        counts = np.bincount(codes[codes[:, a] != MISSING, a], minlength=k)
        seen = counts > 0
        weight = np.ones(k)
        if seen.sum() < 2:
            single.append(name)
        elif class_weight == "balanced":
            weight[seen] = counts.sum() / (seen.sum() * counts[seen])
        weights.append(weight)
    if single:
        warn(
            f"Fewer than two classes are labelled in {len(single)} attributes: {single}. They "
            "teach nothing, and their classes weigh 1 if balanced. Label cells of other classes, "
            "or leave the attributes out.",
            UserWarning,
            stacklevel=3,
        )
    if isinstance(class_weight, dict):
        _set_weights(weights, attributes, class_weight)
    return weights


def _set_weights(weights: list[np.ndarray], attributes: Attributes, given: dict) -> None:
    """Write the weights of a dict {attribute: {class: weight}} into `weights`."""
    for name, by_class in given.items():
        if name not in attributes.names:
            raise ValueError(
                f"class_weight must name attributes of y. Got {name!r}. "
                f"The attributes are {attributes.names}."
            )
        if not isinstance(by_class, dict):
            raise ValueError(
                f"class_weight must map each attribute to a dict. Got {by_class!r} for attribute "
                f"{name!r}. Pass {{{name!r}: {{class: weight}}}}."
            )
        a = attributes.names.index(name)
        classes = list(attributes.classes[a])
        for value, weight in by_class.items():
            if value not in classes:
                raise ValueError(
                    f"class_weight must name classes of its attribute. Got {value!r} for attribute "
                    f"{name!r}. Its classes are {classes}."
                )
            if not (isinstance(weight, int | float | np.number) and 0 <= weight < np.inf):
                raise ValueError(
                    f"class_weight must be 0 or more, and finite. Got {weight!r} for class "
                    f"{value!r} of attribute {name!r}. Pass 0 to ignore a class."
                )
            weights[a][classes.index(value)] = weight
