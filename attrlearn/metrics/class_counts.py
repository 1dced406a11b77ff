"""Counts of labelled, predicted and correct cells by class, and the metrics that follow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attrlearn.metrics.alignment import Cells

__all__ = ["ClassCounts", "count_classes", "micro_accuracy", "micro_f1"]


@dataclass(frozen=True)
class ClassCounts:
    """Sums of weights over the labelled cells of one attribute, each of shape (classes,).

    Attributes
    ----------
    is_binary : bool
    labelled, predicted, right : ndarray of shape (classes,)
        Cells of the class, cells predicted as it, and cells that are both.
    """

    is_binary: bool
    labelled: np.ndarray
    predicted: np.ndarray
    right: np.ndarray

    def accuracy(self) -> float:
        """Share of cells that are right; NaN without any."""
        return float(self.right.sum() / (self.labelled.sum() or np.nan))

    def balanced_accuracy(self) -> float:
        """Mean recall of the labelled classes; NaN if there are fewer than two."""
        seen = self.labelled > 0
        return float((self.right[seen] / self.labelled[seen]).mean()) if seen.sum() > 1 else np.nan

    def f1(self) -> float:
        """F1 of class 1, or the mean over the classes; NaN if fewer than two are labelled."""
        if np.count_nonzero(self.labelled) < 2:
            return np.nan
        hits, marks = self.f1_terms()
        return float((hits / marks).mean())

    def f1_terms(self) -> tuple[np.ndarray, np.ndarray]:
        """Numerator and denominator of the F1 of class 1, or of each class that occurs."""
        marks = self.labelled + self.predicted
        counted = [1] if self.is_binary else np.flatnonzero(marks)
        return 2 * self.right[counted], marks[counted]


def count_classes(cells: Cells) -> ClassCounts:
    """Count the cells of an attribute by class.

    Examples
    --------
    >>> known, predicted = np.array([0, 0, 1]), np.array([0, 1, 1])
    >>> count_classes(Cells(True, 2, known, predicted, np.ones(3))).balanced_accuracy()
    0.75
    """
    sums = []
    for codes, counted in (
        (cells.known, cells.known >= 0),
        (cells.predicted, cells.predicted >= 0),
        (cells.known, cells.known == cells.predicted),
    ):
        sums.append(np.bincount(codes[counted], cells.weight[counted], cells.n_classes))
    return ClassCounts(cells.is_binary, *sums)


def micro_accuracy(counts: Sequence[ClassCounts]) -> float:
    """Share of the cells of all attributes that are right; NaN without any."""
    labelled = sum(t.labelled.sum() for t in counts)
    return float(sum(t.right.sum() for t in counts) / (labelled or np.nan))


def micro_f1(counts: Sequence[ClassCounts]) -> float:
    """F1 of the cells of all attributes together; NaN if none is or is predicted to be positive."""
    hits, marks = np.sum([[term.sum() for term in t.f1_terms()] for t in counts], axis=0)
    return float(hits / (marks or np.nan))
