"""Units swapped between parts, and what each swap would gain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array

__all__ = ["Exchange", "pick_disjoint", "stored", "tiles"]

TILE = 1024  # units on each side of the pairs that are compared at a time


@dataclass
class Exchange:
    """Units that are swapped between F parts.

    Attributes
    ----------
    n_rows : ndarray of shape (U,)
        Rows of each unit.
    cells : csr_array of shape (U, C)
        Labelled cells of each unit in each class.
    weights : ndarray of shape (C,), int
        What it counts if a part lacks the class.
    part : ndarray of shape (U,)
        The part of each unit.
    held : ndarray of shape (F, C)
        Units of each part that hold a cell of each class.

    Examples
    --------
    >>> cells = csr_array([[1, 0], [1, 0], [0, 1], [0, 1]])
    >>> exchange = Exchange(
    ...     n_rows=np.ones(4, dtype=int),
    ...     cells=cells,
    ...     weights=np.array([1, 10]),
    ...     part=np.array([0, 0, 1, 1]),
    ...     held=np.array([[2, 0], [0, 2]]),
    ... )
    >>> exchange.gains(np.array([0]), np.arange(4)).astype(int)  # unit 0 with each
    array([[ 0,  0, 11, 11]])
    >>> exchange.swap(0, 2)
    >>> exchange.part, exchange.held.tolist()
    (array([1, 0, 0, 1]), [[1, 1], [1, 1]])
    """

    n_rows: np.ndarray
    cells: csr_array
    weights: np.ndarray
    part: np.ndarray
    held: np.ndarray

    def movable(self) -> np.ndarray:
        """(U,) whether a unit holds a class twice in its part that another part lacks.

        Every swap that gains moves such a unit: else no class comes to more parts than before.
        """
        classes = np.flatnonzero((self.held == 0).any(axis=0) & (self.held > 1).any(axis=0))
        unit, column = self.cells[:, classes].nonzero()
        spare = self.held[self.part[unit], classes[column]] > 1
        return np.bincount(unit[spare], minlength=len(self.part)) > 0

    def gains(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(I, J) by how much less is lacking once units `one` (I,) and `other` (J,) are swapped.

        A swap fills the gaps of one part with what the unit of the other brings, and opens one
        wherever the unit that goes was the last holder; not so with what both hold. It gains 0
        in a part, or of units of unequal size.
        """
        classes = np.flatnonzero((self.held < 2).any(axis=0))  # of others no gap comes or goes
        (holds, value, opened), (other_holds, other_value, other_opened) = (
            self._look(units, classes) for units in (one, other)
        )
        gains = holds @ other_value.T + value @ other_holds.T  # exact: whole numbers
        gains -= opened[:, None] + other_opened
        apart = self.part[one][:, None] != self.part[other]
        return gains * (apart & (self.n_rows[one][:, None] == self.n_rows[other]))

    def swap(self, one: int, other: int) -> None:
        """Put each of two units into the part of the other."""
        for unit, out_of, into in zip(
            (one, other), self.part[[one, other]], self.part[[other, one]], strict=True
        ):
            self.held[out_of, stored(self.cells, unit)] -= 1
            self.held[into, stored(self.cells, unit)] += 1
        self.part[[one, other]] = self.part[[other, one]]

    def _look(
        self, units: np.ndarray, classes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What units hold, and its value in their places (I, classes); gaps if they go (I,)."""
        holds = (self.cells[units][:, classes].toarray() > 0).astype(float)
        held = self.held[np.ix_(self.part[units], classes)]
        last = holds * (held == 1) * self.weights[classes]
        return holds, (held == 0) * self.weights[classes] + last, last.sum(axis=1)


def pick_disjoint(
    gains: np.ndarray, part_of_one: np.ndarray, part_of_other: np.ndarray
) -> Iterator[tuple[int, int]]:
    """Yield swaps that gain, the best first, of which no two touch the same part.

    So none changes what another gains.

    Parameters
    ----------
    gains : ndarray of shape (I, J)
    part_of_one : ndarray of shape (I,)
    part_of_other : ndarray of shape (J,)

    Yields
    ------
    i, j : int
        A cell of `gains`.

    Examples
    --------
    >>> gains = np.array([[0, 3, 2], [0, 5, 4], [0, 0, 1]])
    >>> list(pick_disjoint(gains, np.array([0, 1, 2]), np.array([2, 3, 4])))
    [(1, 1), (0, 2)]
    """
    best = gains.max(axis=1, initial=0)
    free = np.ones(max(part_of_one.max(initial=0), part_of_other.max(initial=0)) + 1, dtype=bool)
    for i in np.argsort(-best, kind="stable")[: np.count_nonzero(best > 0)].tolist():
        if not free[part_of_one[i]]:
            continue
        gain = gains[i] * free[part_of_other]
        j = int(gain.argmax())
        if gain[j] > 0:
            free[[part_of_one[i], part_of_other[j]]] = False
            yield i, j


def stored(matrix: csr_array | csc_array, i: int) -> np.ndarray:
    """Columns that row `i` of a CSR array stores, or rows that column `i` of a CSC array does.

    Examples
    --------
    >>> stored(csr_array([[0, 7, 7]]), 0).tolist()
    [1, 2]
    """
    return matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]


def tiles(one: np.ndarray, other: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of both that together are all pairs, so that each unit soon meets some.

    Examples
    --------
    >>> one, other = np.arange(2 * TILE), np.arange(TILE + 1)
    >>> [(len(rows), len(columns)) for rows, columns in tiles(one, other)]
    [(1024, 1024), (1024, 1), (1024, 1), (1024, 1024)]
    """
    of_one, of_other = (
        [units[i : i + TILE] for i in range(0, len(units), TILE)] for units in (one, other)
    )
    for shift in range(len(of_other)):
        for i, block in enumerate(of_one):
            yield block, of_other[(i + shift) % len(of_other)]
