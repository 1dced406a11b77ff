"""What an annotation table holds: labelled cells, classes, what is too rare to learn, and holes."""

import numpy as np
import pandas as pd

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.inputs import encode_categories, known_categories
from attrlearn.checks.targets import MISSING, applicable_attributes

__all__ = ["TOO_FEW", "count_attributes", "count_categories", "count_classes", "find_holes"]

TOO_FEW = 10  # labelled cells of a class below which it is hardly learnt
IMPOSSIBLE = 2  # below which it cannot be both learnt and tested


def count_classes(codes: np.ndarray, attributes: Attributes) -> pd.DataFrame:
    """Count the labelled cells of every class.

    Parameters
    ----------
    codes : ndarray of shape (N, A)
        As from `attrlearn.checks.targets.encode_targets`.
    attributes : Attributes

    Returns
    -------
    DataFrame
        One row per class: `attribute`, `class`, `labelled` cells of it, their `share` of the
        labelled cells of the attribute, and the `verdict`: "ok"; "too few" with fewer than 10, of
        which a fold of five tests no more than one; "impossible" with fewer than 2, which cannot
        be both learnt and tested.

    Examples
    --------
    >>> from attrlearn.checks.targets import check_attributes, encode_targets
    >>> table, attributes = check_attributes([[1]] * 12 + [[0]] * 3 + [[None]], 16)
    >>> count_classes(encode_targets(table, attributes), attributes)
      attribute class  labelled  share  verdict
    0     Attr1     0         3    0.2  too few
    1     Attr1     1        12    0.8       ok
    """
    parts = []
    for a, (name, classes) in enumerate(zip(attributes.names, attributes.classes, strict=True)):
        column = codes[:, a]
        counts = np.bincount(column[column != MISSING], minlength=len(classes))
        parts.append(
            pd.DataFrame(
                {
                    "attribute": [name] * len(classes),
                    "class": pd.Series(list(classes), dtype=object),
                    "labelled": counts,
                    "share": counts / max(counts.sum(), 1),
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table["verdict"] = [_verdict(count) for count in table["labelled"]]
    return table


def _verdict(count: int) -> str:
    """What can be learnt of a class with so many labelled cells."""
    return "impossible" if count < IMPOSSIBLE else "too few" if count < TOO_FEW else "ok"


def count_attributes(codes: np.ndarray, attributes: Attributes) -> pd.DataFrame:
    """Summarise the cells of every attribute.

    Parameters
    ----------
    codes, attributes
        See `count_classes`.

    Returns
    -------
    DataFrame
        Indexed by attribute: its `kind`, `labelled` cells, the share that is `missing`,
        `n_classes`, the `prevalence` of 1 in a binary one, its `rarest` class with its count
        `rarest_labelled`, how many classes are `rare`, with fewer than 10 cells, and the `verdict`:
        "no labels"; "one class", where nothing can be learnt; else that of the rarest class of a
        binary attribute, and of the second most frequent of a categorical one, which may do
        without its rare classes.

    Examples
    --------
    >>> from attrlearn.checks.targets import check_attributes, encode_targets
    >>> table, attributes = check_attributes([[1]] * 12 + [[0]] * 3 + [[None]], 16)
    >>> counted = count_attributes(encode_targets(table, attributes), attributes)
    >>> counted.loc["Attr1", ["prevalence", "rarest_labelled", "verdict"]].map(str).tolist()
    ['0.8', '3', 'too few']
    """
    classes = count_classes(codes, attributes)
    rows = []
    for a, name in enumerate(attributes.names):
        part = classes[classes["attribute"] == name]
        counts = part["labelled"].to_numpy()
        rarest, binary = int(counts.argmin()), bool(attributes.is_binary[a])
        rows.append(
            {
                "kind": "binary" if binary else "categorical",
                "labelled": int(counts.sum()),
                "missing": 1 - counts.sum() / len(codes),
                "n_classes": len(part),
                "prevalence": part["share"].iloc[1] if binary and counts.sum() else np.nan,
                "rarest": part["class"].iloc[rarest],
                "rarest_labelled": int(counts[rarest]),
                "rare": int((counts < TOO_FEW).sum()),
                "verdict": _attribute_verdict(counts),
            }
        )
    index = pd.Index(attributes.names, name="attribute", dtype=object)
    return pd.DataFrame(rows, index=index)


def _attribute_verdict(counts: np.ndarray) -> str:
    """What can be learnt of an attribute with so many labelled cells of its classes."""
    if not counts.any():
        return "no labels"
    if (counts > 0).sum() < 2:
        return "one class"
    return _verdict(int(np.sort(counts)[-2]))


def count_categories(codes: np.ndarray, categories: np.ndarray | None) -> pd.DataFrame:
    """Count the rows of every category.

    Parameters
    ----------
    codes : ndarray of shape (N, A)
    categories : ndarray of shape (N,), object, or None
        None in it stands for an unknown category.

    Returns
    -------
    DataFrame
        Indexed by category, the most frequent first: `rows`, and the share of their cells that is
        `labelled`. Rows without a category are not counted.

    Examples
    --------
    >>> count_categories(np.array([[0], [-1], [1]]), np.array(["hat", "hat", None], object))
              rows  labelled
    category
    hat          2       0.5
    """
    known = known_categories(categories)
    numbers = encode_categories(categories, known, len(codes))
    labelled = (codes != MISSING).mean(1)
    counts = [int((numbers == i).sum()) for i in range(1, len(known) + 1)]
    shares = [float(labelled[numbers == i].mean()) for i in range(1, len(known) + 1)]
    index = pd.Index(known, name="category", dtype=object)
    table = pd.DataFrame({"rows": counts, "labelled": shares}, index=index)
    return table.sort_values("rows", ascending=False, kind="stable")


def find_holes(
    codes: np.ndarray, attributes: Attributes, categories: np.ndarray | None
) -> pd.DataFrame:
    """Find the attributes of which a category has no labelled cell.

    Parameters
    ----------
    codes, attributes, categories
        See `count_classes` and `count_categories`.

    Returns
    -------
    DataFrame
        `category`, `attribute`, the `rows` of the category, and `ruled_out`: whether a fitted
        classifier takes the attribute for one that items of the category cannot have, which it
        does from 20 rows on (its attribute `applicable_`). The most rows come first.

    Examples
    --------
    >>> from attrlearn.checks.targets import check_attributes, encode_targets
    >>> table, attributes = check_attributes([[1], [0], [None]], 3)
    >>> codes = encode_targets(table, attributes)
    >>> find_holes(codes, attributes, np.array(["shirt", "shirt", "hat"], object))
      category attribute  rows  ruled_out
    0      hat     Attr1     1      False
    """
    known = known_categories(categories)
    numbers = encode_categories(categories, known, len(codes))
    applicable = applicable_attributes(codes, numbers, len(known))
    found = []
    for i, category in enumerate(known):
        rows = codes[numbers == i + 1]
        for a in np.flatnonzero((rows == MISSING).all(axis=0)):
            found.append((category, attributes.names[a], len(rows), not applicable[i, a]))
    table = pd.DataFrame(found, columns=["category", "attribute", "rows", "ruled_out"])
    return table.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
