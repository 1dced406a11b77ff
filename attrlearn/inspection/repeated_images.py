"""Rows that hold one image, and the cells in which they disagree."""

from typing import Any

import numpy as np
import pandas as pd

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.targets import MISSING

__all__ = ["count_disagreements", "find_conflicts", "find_identical", "image_numbers"]


def image_numbers(table: pd.DataFrame) -> np.ndarray:
    """Number images by content (N,): those that can be read by their hash, others by their name.

    Parameters
    ----------
    table : DataFrame
        That of `attrlearn.inspection.image_facts.ImageFacts`.

    Examples
    --------
    >>> table = pd.DataFrame({"image": [*"abb"], "hash": ["x", "x", None], "reason": [None] * 3})
    >>> image_numbers(table)
    array([0, 0, 1])
    """
    known = table["hash"].notna() & table["reason"].isna()
    keys = [
        ("content", content) if by_content else ("name", name)
        for content, name, by_content in zip(table["hash"], _names(table), known, strict=True)
    ]
    return pd.factorize(pd.Series(keys, dtype=object))[0]


def find_identical(table: pd.DataFrame, numbers: np.ndarray) -> pd.DataFrame:
    """List the rows whose image is also that of another row.

    Parameters
    ----------
    table : DataFrame
    numbers : ndarray of shape (N,), int
        As from `image_numbers`.

    Returns
    -------
    DataFrame
        `row`, `image`, the number of the `set` of identical images, and `same_path`: whether
        another row names the same file; else the content of two files is the same.

    Examples
    --------
    >>> find_identical(pd.DataFrame({"image": [*"abcb"]}), np.array([0, 1, 0, 1]))
       row image  set  same_path
    0    0     a    0      False
    1    2     c    0      False
    2    1     b    1       True
    3    3     b    1       True
    """
    rows = np.flatnonzero(np.bincount(numbers)[numbers] > 1)
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    names = table["image"].iloc[rows]
    found = {"row": rows, "image": names.to_numpy(), "set": pd.factorize(numbers[rows])[0]}
    return pd.DataFrame(found).assign(
        same_path=lambda t: t.duplicated(["set", "image"], keep=False)
    )


def find_conflicts(
    identical: pd.DataFrame, codes: np.ndarray, attributes: Attributes
) -> pd.DataFrame:
    """List the cells in which rows of one image hold different classes.

    Parameters
    ----------
    identical : DataFrame
        As from `find_identical`.
    codes : ndarray of shape (N, A)
        As from `attrlearn.checks.targets.encode_targets`.
    attributes : Attributes

    Returns
    -------
    DataFrame
        `row`, `other_row`, `image`, `other_image`, `attribute`, `value`, `other_value`: each row
        that differs from the first labelled row of its set.

    Examples
    --------
    >>> from attrlearn.checks.targets import check_attributes, encode_targets
    >>> table, attributes = check_attributes([[1, 0], [None, 1]], 2)
    >>> identical = pd.DataFrame({"row": [0, 1], "image": ["a", "b"], "set": [0, 0]})
    >>> find_conflicts(identical, encode_targets(table, attributes), attributes)
       row  other_row image other_image attribute value other_value
    0    0          1     a           b     Attr2     0           1
    """
    found: list[tuple[Any, ...]] = []
    for _, part in identical.groupby("set", sort=True):
        rows, names = part["row"].to_numpy(), part["image"].tolist()
        cells = codes[rows]
        for a in np.flatnonzero(_differ(cells)):
            labelled = np.flatnonzero(cells[:, a] != MISSING)
            first, classes = labelled[0], attributes.classes[a]
            for other in labelled[cells[labelled, a] != cells[first, a]]:
                values = (classes[cells[place, a]] for place in (first, other))
                places = (int(rows[first]), int(rows[other]), names[first], names[other])
                found.append((*places, attributes.names[a], *values))
    columns = ["row", "other_row", "image", "other_image", "attribute", "value", "other_value"]
    table = pd.DataFrame(found, columns=columns)
    return table.astype({"value": object, "other_value": object})


def _differ(cells: np.ndarray) -> np.ndarray:
    """(A,) bool: whether labelled cells of some rows (R, A) differ."""
    most = cells.max(0)
    return (most != MISSING) & (np.where(cells == MISSING, most, cells).min(0) < most)


def count_disagreements(codes: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Count the attributes (P,) that both rows of a pair have labelled, and differently.

    Examples
    --------
    >>> count_disagreements(np.array([[0, 1, -1], [1, 1, 0]]), np.array([0]), np.array([1]))
    array([1])
    """
    a, b = codes[first], codes[second]
    return ((a != b) & (a != MISSING) & (b != MISSING)).sum(1)


def _names(table: pd.DataFrame) -> list[str]:
    """The names of images; of those that have none their row, so that no two are alike."""
    named = ~table["image"].str.startswith("of type ") & ~table["image"].isin(["nan", "None"])
    return [
        name if known else str(row)
        for row, (name, known) in enumerate(zip(table["image"], named, strict=True))
    ]
