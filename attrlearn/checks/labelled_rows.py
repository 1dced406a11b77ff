"""Rows to learn from or to judge by: categories, classes and weights that belong together."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.inputs import encode_categories, known_categories
from attrlearn.checks.targets import MISSING, applicable_attributes, target_columns

__all__ = ["LabelledRows", "select_rows"]


@dataclass(frozen=True)
class LabelledRows:
    """N rows, checked.

    Attributes
    ----------
    categories : ndarray of shape (N,), object, or None
        As in `attrlearn.checks.inputs.Inputs`.
    table : DataFrame of shape (N, A)
        As from `attrlearn.checks.targets.check_table`.
    targets : ndarray of shape (N, A), int64
        As from `attrlearn.checks.targets.target_columns`.
    weights : ndarray of shape (N, A), float
        Of each cell in the loss, 0 where missing.
    """

    categories: np.ndarray | None
    table: pd.DataFrame
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(
        cls,
        categories: np.ndarray | None,
        table: pd.DataFrame,
        attributes: Attributes,
        weights: np.ndarray,
    ) -> Self:
        """Return the rows of a table, `weights` as from `check_sample_weight`."""
        targets = target_columns(table, attributes)
        return cls(categories, table, targets, np.where(targets == MISSING, 0, weights))

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the rows."""
        categories = None if self.categories is None else self.categories[rows]
        table = self.table.iloc[rows]
        return replace(
            self,
            categories=categories,
            table=table,
            targets=self.targets[rows],
            weights=self.weights[rows],
        )

    def weigh(self, class_weight: list[np.ndarray]) -> Self:
        """Return the rows, the weight of each cell times that of its class."""
        factors = np.concatenate(class_weight)[np.maximum(self.targets, 0)]
        return replace(self, weights=self.weights * factors)

    def count(self, attributes: Attributes) -> list[np.ndarray]:
        """Return the sum of the weights of the cells of each class, an array per attribute."""
        labelled = self.targets != MISSING
        n_columns = sum(attributes.n_classes)
        counts = np.bincount(self.targets[labelled], self.weights[labelled], n_columns)
        return attributes.split(counts)

    def count_by_category(self, known: np.ndarray, attributes: Attributes) -> np.ndarray:
        """Return the number of cells that count, (categories, C), of known categories by class."""
        codes = encode_categories(self.categories, known, len(self))
        rows, columns = np.nonzero(self.weights)
        counts = np.zeros((len(known) + 1, sum(attributes.n_classes)), dtype=np.int64)
        np.add.at(counts, (codes[rows], self.targets[rows, columns]), 1)
        return counts[1:]

    def counted(self) -> pd.DataFrame:
        """Return the table (N, A), NaN where a cell has no weight."""
        return self.table.mask(self.weights == 0)

    def learnt_categories(self) -> np.ndarray:
        """Return the categories of which a labelled cell counts, sorted."""
        if self.categories is None:
            return known_categories(None)
        return known_categories(self.categories[self.weights.any(axis=1)])

    def applicable(self, names: list[Any]) -> pd.DataFrame:
        """Return whether an attribute can be there, (categories, A); see `applicable_attributes`.

        Of all categories that the rows have.
        """
        seen = known_categories(self.categories)
        codes = np.zeros(len(self), np.int64)
        if self.categories is not None:
            codes = pd.Index(seen, dtype=object).get_indexer(self.categories) + 1
        return pd.DataFrame(applicable_attributes(self.targets, codes, len(seen)), seen, names)


def select_rows(values: Any, rows: np.ndarray) -> Any:
    """Return some rows of what the user gave, or itself if that is all of them; None stays None.

    Examples
    --------
    >>> select_rows(["a.jpg", "b.jpg"], np.array([1]))
    ['b.jpg']
    """
    if values is None or len(rows) == _num_samples(values):
        return values
    return _safe_indexing(values, rows)
