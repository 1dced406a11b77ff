"""The attributes of a table: names, classes and kinds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Attributes", "class_probabilities"]


@dataclass(frozen=True)
class Attributes:
    """The columns of `y`.

    Attributes
    ----------
    names : list
        A names.
    classes : list of ndarray
        The classes of each attribute; of a binary one 0 and 1.
    is_binary : list of bool
        Whether the attribute is binary rather than categorical.
    """

    names: list[Any]
    classes: list[np.ndarray]
    is_binary: list[bool]

    @property
    def n_classes(self) -> list[int]:
        """Number of classes of each attribute."""
        return [len(classes) for classes in self.classes]

    @property
    def starts(self) -> np.ndarray:
        """(A,) first column of each attribute where the classes of all stand side by side."""
        return np.cumsum([0, *self.n_classes[:-1]])

    def describe(self) -> list[tuple[Any, list[Any], bool]]:
        """Return name, classes and kind of each attribute, to compare."""
        classes = [known.tolist() for known in self.classes]
        return list(zip(self.names, classes, self.is_binary, strict=True))

    def split(self, columns: np.ndarray) -> list[np.ndarray]:
        """Cut (..., C), the classes of all attributes side by side, into A arrays."""
        return np.split(columns, self.starts[1:], axis=-1)

    def by_attribute(self, probabilities: np.ndarray) -> np.ndarray | list[np.ndarray]:
        """(N, A) of class 1 if all attributes are binary, else A arrays (N, classes)."""
        if all(self.is_binary):
            return probabilities[:, 1::2]
        return self.split(probabilities)

    def check_known(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table, after a check that it speaks of these classes.

        A class that is not known may occur among others: no prediction will hit it.
        """
        for a, name in enumerate(self.names):
            column = table.iloc[:, a]
            labelled = column.notna().to_numpy()
            unknown = labelled & ~column.isin(list(self.classes[a])).to_numpy()
            if unknown.any() and (self.is_binary[a] or (unknown == labelled).all()):
                row = int(unknown.argmax())
                raise ValueError(
                    f"y must hold the classes of fit or missing. Got {column.iloc[row]} at row "
                    f"{row}, attribute {name!r}. Its classes are {self.classes[a].tolist()}: "
                    "correct the cell, or make it missing."
                )
        return table

    def most_probable(self, probabilities: np.ndarray) -> np.ndarray:
        """(N, A) classes of highest probability: int if all attributes are binary, else object."""
        out = np.empty((len(probabilities), len(self.names)), dtype=object)
        for a, p in enumerate(self.split(probabilities)):
            out[:, a] = self.classes[a][p.argmax(axis=1)]
        return out.astype(np.int64) if all(self.is_binary) else out


def class_probabilities(probabilities: np.ndarray | list[np.ndarray]) -> list[np.ndarray]:
    """Return A arrays (N, classes) of what `predict_proba` gave, also where all are binary.

    Examples
    --------
    >>> class_probabilities(np.array([[0.25], [1.0]]))
    [array([[0.75, 0.25],
           [0.  , 1.  ]])]
    """
    if isinstance(probabilities, list):
        return probabilities
    return [np.column_stack([1 - positive, positive]) for positive in probabilities.T]
