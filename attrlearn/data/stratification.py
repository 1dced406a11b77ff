"""Rows dealt out so that every part gets its share of each class of each attribute."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csc_array, csr_array

from attrlearn.data.part_queue import PartQueue

__all__ = ["Strata", "count_cells", "count_lacking", "deal", "fill_gaps"]

POSITIVE, NEGATIVE = 1_000_000, 1  # one positive outweighs any number of negatives


@dataclass(frozen=True)
class Strata:
    """What is dealt out: U units, each a row or a group of rows.

    Attributes
    ----------
    n_rows : ndarray of shape (U,)
        Rows of each unit.
    cells : csr_array of shape (U, C)
        Labelled cells of each unit in each of the C classes of all attributes.
    weights : ndarray of shape (C,), int
        What it counts if a part lacks the class: `NEGATIVE` for the 0 of a binary attribute,
        `POSITIVE` for any other.
    """

    n_rows: np.ndarray
    cells: csr_array
    weights: np.ndarray


def count_cells(table: pd.DataFrame, groups: Any = None) -> tuple[Strata, np.ndarray]:
    """Count the labelled cells of every unit.

    Parameters
    ----------
    table : DataFrame of shape (N, A)
        As from `check_table`.
    groups : array-like of shape (N,), optional
        Rows of one group are one unit.

    Returns
    -------
    strata : Strata
    unit : ndarray of shape (N,)
        The unit of each row.

    Raises
    ------
    ValueError
        If `groups` has another length or a missing entry.

    Examples
    --------
    >>> table = pd.DataFrame({"hood": [0, 1, np.nan], "neck": ["V", None, "V"]})
    >>> strata, unit = count_cells(table, groups=["a", "b", "a"])
    >>> strata.cells.toarray()  # hood 0, hood 1, neck V
    array([[1, 0, 2],
           [0, 1, 0]])
    >>> unit
    array([0, 1, 0])
    """
    unit = np.arange(len(table)) if groups is None else _group_codes(groups, len(table))
    of_cell, class_of_cell = [], []
    weights: list[int] = []
    for _, column in table.items():
        codes, classes = pd.factorize(column)
        labelled = codes >= 0
        of_cell.append(unit[labelled])
        class_of_cell.append(codes[labelled] + len(weights))
        binary = set(classes) <= {0, 1}
        weights += [NEGATIVE if binary and value == 0 else POSITIVE for value in classes]
    where = np.concatenate(of_cell), np.concatenate(class_of_cell)
    n_rows = np.bincount(unit)
    ones = np.ones(len(where[0]), dtype=np.int64)
    cells = csr_array((ones, where), shape=(len(n_rows), len(weights)))  # equal places add up
    return Strata(n_rows, cells, np.array(weights, dtype=np.int64)), unit


def deal(strata: Strata, room: np.ndarray, rng: np.random.RandomState | None) -> np.ndarray:
    """Deal the units out by iterative stratification.

    The class with the fewest units left is dealt out next, its large units first. A unit goes
    where most of its class is wanted, then where most room is. Only parts with room for all its
    rows are asked; if there is none, it goes where most room is.

    Parameters
    ----------
    strata : Strata
    room : ndarray of shape (F,)
        Rows that each of the F parts is to have; they sum to all. Parts want every class in
        these proportions.
    rng : RandomState or None
        Shuffles the units. None: they are dealt out in their order.

    Returns
    -------
    ndarray of shape (U,)
        The part of each unit. If units are rows, parts have as many as `room` says; groups may
        exceed it, by less than the rows of the largest.

    Examples
    --------
    >>> strata, _ = count_cells(pd.DataFrame({"hood": [1, 1, 0, 0, 0, 0]}))
    >>> deal(strata, np.array([3, 3]), None)
    array([0, 1, 0, 1, 0, 1])
    """
    n_units = len(strata.n_rows)
    order = np.arange(n_units) if rng is None else rng.permutation(n_units)
    order = order[np.argsort(-strata.n_rows[order], kind="stable")]
    n_rows, cells = strata.n_rows[order], strata.cells[order]
    columns = cells.tocsc()
    wanted = np.outer(cells.sum(axis=0), room / room.sum())  # (C, F)
    left = np.diff(columns.indptr)  # (C,) units that are not dealt out
    part = np.full(n_units, -1)
    room_left = room.astype(float)

    def place(units: np.ndarray, value: np.ndarray) -> None:
        queue = PartQueue(value, room_left)
        for unit in units[part[units] < 0].tolist():
            part[unit] = chosen = queue.first(n_rows[unit])
            room_left[chosen] -= n_rows[unit]
            classes = _stored(cells, unit)
            wanted[classes, chosen] -= cells.data[cells.indptr[unit] : cells.indptr[unit + 1]]
            left[classes] -= 1
            queue.update(chosen)

    while left.any():
        rarest = int(np.where(left > 0, left, n_units + 1).argmin())
        place(_stored(columns, rarest), wanted[rarest])
    place(np.arange(n_units), room_left)  # those without a labelled cell
    return part[np.argsort(order)]


def fill_gaps(strata: Strata, part: np.ndarray, n_parts: int) -> np.ndarray:
    """Swap units of equal size while that lowers `count_lacking`.

    Parameters
    ----------
    strata : Strata
    part : ndarray of shape (U,)
        As from `deal`.
    n_parts : int

    Returns
    -------
    ndarray of shape (U,)
        Parts of the same sizes, of which no swap could lower `count_lacking`.

    Examples
    --------
    >>> strata, _ = count_cells(pd.DataFrame({"hood": [1, 1, 0, 0]}))
    >>> fill_gaps(strata, np.array([0, 0, 1, 1]), n_parts=2)
    array([1, 0, 0, 1])
    """
    part = part.copy()
    holds = strata.cells.astype(bool).astype(np.int64)  # (U, C)
    holders = holds.tocsc()
    held = _count_holders(strata, part, n_parts)
    improved = True
    while improved:
        improved = False
        for into, column in np.argwhere(held == 0):
            for unit in _stored(holders, column):
                if held[into, column] > 0 or held[part[unit], column] < 2:
                    continue  # the gap is filled, or would only move
                partner = _best_partner(strata, holds, held, part, unit, into)
                if partner is None:
                    continue
                for one, other in (unit, partner), (partner, unit):
                    held[part[one], _stored(holds, one)] -= 1
                    held[part[other], _stored(holds, one)] += 1
                part[[unit, partner]] = part[[partner, unit]]
                improved = True
    return part


def count_lacking(strata: Strata, part: np.ndarray, n_parts: int) -> int:
    """Sum the weights of the classes that each part lacks.

    Examples
    --------
    >>> strata, _ = count_cells(pd.DataFrame({"hood": [1, 1, 0, 0]}))
    >>> count_lacking(strata, np.array([0, 0, 1, 1]), n_parts=2) == POSITIVE + NEGATIVE
    True
    """
    held = _count_holders(strata, part, n_parts)
    return int(((held == 0) @ strata.weights).sum())


def _group_codes(groups: Any, n_rows: int) -> np.ndarray:
    """(N,) number of the group of each row."""
    if np.shape(groups) != (n_rows,):
        raise ValueError(
            f"groups must have one entry per row of y. Got shape {np.shape(groups)} for {n_rows} "
            "rows. Select the same rows of both."
        )
    codes, _ = pd.factorize(pd.Series(groups))
    if (codes < 0).any():
        raise ValueError(
            f"groups must have no missing entry. Got one at row {(codes < 0).argmax()}. "
            "Give rows of no group a name each."
        )
    return codes


def _stored(matrix: csr_array | csc_array, i: int) -> np.ndarray:
    """Columns that row `i` of a CSR array stores, or rows that column `i` of a CSC array does."""
    return matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]


def _count_holders(strata: Strata, part: np.ndarray, n_parts: int) -> np.ndarray:
    """(F, C) units of each part that hold a cell of each class."""
    held = np.zeros((n_parts, strata.cells.shape[1]), dtype=np.int64)
    unit, column = strata.cells.nonzero()
    np.add.at(held, (part[unit], column), 1)
    return held


def _best_partner(
    strata: Strata, holds: csr_array, held: np.ndarray, part: np.ndarray, unit: int, into: int
) -> int | None:
    """Unit in part `into` that fills most gaps when it swaps with `unit`; None if that fills none.

    A swap fills the gaps of one part with what the unit of the other brings, and opens one
    wherever the unit that goes was the last holder; not so with what both hold.
    """
    partners = np.flatnonzero((part == into) & (strata.n_rows == strata.n_rows[unit]))
    if len(partners) == 0:
        return None
    gaps, last = strata.weights * (held == 0), strata.weights * (held == 1)  # (F, C)
    out_of, own = part[unit], _stored(holds, unit)
    value = gaps[out_of] - last[into]  # (C,) of what a partner holds
    value[own] += last[into, own] + last[out_of, own]
    gains = (gaps[into, own] - last[out_of, own]).sum() + holds[partners] @ value
    return int(partners[gains.argmax()]) if gains.max() > 0 else None
