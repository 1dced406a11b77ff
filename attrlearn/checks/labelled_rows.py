"""Rows to learn from or to judge by: categories, classes and weights that belong together."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.inputs import Inputs, encode_categories, known_categories
from attrlearn.checks.targets import MISSING, applicable_attributes, target_columns
from attrlearn.checks.weights import check_sample_weight

__all__ = ["LabelledRows", "select_rows"]


@dataclass(frozen=True)
class LabelledRows:
    """N rows, checked.

    Attributes
    ----------
    categories, groups : ndarray of shape (N,), or None
        As in `attrlearn.checks.inputs.Inputs`.
    table : DataFrame of shape (N, A)
        As from `attrlearn.checks.targets.check_table`.
    targets : ndarray of shape (N, A), int64
        As from `attrlearn.checks.targets.target_columns`; that of 0 where a cell is assumed to be.
    weights : ndarray of shape (N, A), float
        Of each cell, 0 where missing.
    class_weight : ndarray of shape (C,), or None
        Of the classes of all attributes side by side, by which the loss multiplies these.
    """

    categories: np.ndarray | None
    groups: np.ndarray | None
    table: pd.DataFrame
    targets: np.ndarray
    weights: np.ndarray
    class_weight: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        table: pd.DataFrame,
        attributes: Attributes,
        sample_weight: Any = None,
        *,
        missing: str = "ignore",
    ) -> Self:
        """Return the rows of a table.

        Parameters
        ----------
        inputs, table, attributes
            Checked, of N rows and A attributes.
        sample_weight : array-like of shape (N,) or (N, A), optional
            As the user gave it.
        missing : {"ignore", "negative"}
            "negative" assumes that missing cells of binary attributes are 0.
        """
        assumed = table
        if missing == "negative":
            assumed = table.where(table.notna() | ~np.array(attributes.is_binary), 0)
        weights = check_sample_weight(sample_weight, assumed)
        targets = target_columns(assumed, attributes)
        weights = np.where(targets == MISSING, 0, weights)
        return cls(inputs.categories, inputs.groups, table, targets, weights)

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: np.ndarray) -> Self:
        """Return some of the rows."""
        return replace(
            self,
            categories=None if self.categories is None else self.categories[rows],
            groups=None if self.groups is None else self.groups[rows],
            table=self.table.iloc[rows],
            targets=self.targets[rows],
            weights=self.weights[rows],
        )

    def labelled(self) -> Self:
        """Return the rows without the cells that were assumed to be 0."""
        known = self.table.notna().to_numpy()
        return replace(
            self,
            targets=np.where(known, self.targets, MISSING),
            weights=np.where(known, self.weights, 0),
        )

    def weigh(self, class_weight: list[np.ndarray]) -> Self:
        """Return the rows, their classes weighed in the loss."""
        return replace(self, class_weight=np.concatenate(class_weight))

    @property
    def loss_weights(self) -> np.ndarray:
        """(N, A) weight of each cell times that of its class."""
        if self.class_weight is None:
            return self.weights
        return self.weights * self.class_weight[np.maximum(self.targets, 0)]

    def count(self, attributes: Attributes) -> list[np.ndarray]:
        """Return the sum of the weights of the cells of each class, an array per attribute."""
        labelled = self.targets != MISSING
        n_columns = sum(attributes.n_classes)
        counts = np.bincount(self.targets[labelled], self.weights[labelled], n_columns)
        return attributes.split(counts)

    def count_by_category(self, known: np.ndarray, attributes: Attributes) -> np.ndarray:
        """Return the number of labelled cells, (categories, C), of known categories by class.

        Those of weight 0 and those that were assumed to be 0 are not counted.
        """
        codes = encode_categories(self.categories, known, len(self))
        rows, columns = np.nonzero(self.labelled().weights)
        counts = np.zeros((len(known) + 1, sum(attributes.n_classes)), dtype=np.int64)
        np.add.at(counts, (codes[rows], self.targets[rows, columns]), 1)
        return counts[1:]

    def counted(self) -> pd.DataFrame:
        """Return the table (N, A), NaN where a cell has no weight in the loss."""
        return self.table.mask(self.loss_weights == 0)

    def learnt_categories(self) -> np.ndarray:
        """Return the categories of which a labelled cell counts, sorted."""
        if self.categories is None:
            return known_categories(None)
        return known_categories(self.categories[self.loss_weights.any(axis=1)])

    def applicable(self, names: list[Any]) -> pd.DataFrame:
        """Return whether an attribute can be there, (categories, A); see `applicable_attributes`.

        Of all categories that the rows have.
        """
        seen = known_categories(self.categories)
        codes = np.zeros(len(self), np.int64)
        if self.categories is not None:
            codes = pd.Index(seen, dtype=object).get_indexer(self.categories) + 1
        targets = self.labelled().targets
        return pd.DataFrame(applicable_attributes(targets, codes, len(seen)), seen, names)


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
