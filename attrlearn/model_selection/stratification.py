"""Iterative stratification: every part gets its share of each class of each attribute."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from attrlearn.model_selection.part_queue import PartQueue
from attrlearn.model_selection.swaps import Exchange, pick_disjoint, stored, tiles

__all__ = ["Strata", "count_cells", "count_lacking", "fill_gaps", "stratify"]

POSITIVE, NEGATIVE = 1_000_000_000, 1  # one positive outweighs all negatives of any table
MOST_PAIRS = 100_000_000  # that are compared, so that the search for swaps ends within seconds


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
    cells = csr_array((ones, where), shape=(len(n_rows), len(weights)))
    cells.sum_duplicates()  # as scipy 1.17 does when it builds one, and 1.13 does not
    return Strata(n_rows, cells, np.array(weights, dtype=np.int64)), unit


def stratify(strata: Strata, room: np.ndarray, rng: np.random.RandomState | None) -> np.ndarray:
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
    >>> stratify(strata, np.array([3, 3]), None)
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
            classes = stored(cells, unit)
            wanted[classes, chosen] -= cells.data[cells.indptr[unit] : cells.indptr[unit + 1]]
            left[classes] -= 1
            queue.update(chosen)

    while left.any():
        rarest = int(np.where(left > 0, left, n_units + 1).argmin())
        place(stored(columns, rarest), wanted[rarest])
    place(np.arange(n_units), room_left)  # those without a labelled cell
    return part[np.argsort(order)]


def fill_gaps(strata: Strata, part: np.ndarray, n_parts: int) -> np.ndarray:
    """Swap units of equal size while that lowers `count_lacking`.

    Parameters
    ----------
    strata : Strata
    part : ndarray of shape (U,)
        As from `stratify`.
    n_parts : int

    Returns
    -------
    ndarray of shape (U,)
        Parts of the same sizes, of which no swap could lower `count_lacking` if the search came
        to its end.

    Notes
    -----
    All swaps of two blocks of units are compared at once, and the best of those that touch
    different parts are made; so on, until no swap gains. The search ends before that once
    `MOST_PAIRS` pairs were compared: a bound on work and not on time, so that the result is the
    same on every machine. Tables of a few thousand units stay below it.

    Examples
    --------
    >>> strata, _ = count_cells(pd.DataFrame({"hood": [1, 1, 0, 0]}))
    >>> fill_gaps(strata, np.array([0, 0, 1, 1]), n_parts=2)
    array([1, 0, 0, 1])
    """
    held = _count_holders(strata, part, n_parts)
    exchange = Exchange(strata.n_rows, strata.cells, strata.weights, part.copy(), held)
    touched, n_pairs = np.ones(n_parts, dtype=bool), 0
    while touched.any():
        movable, near = exchange.movable(), touched[exchange.part]
        touched = np.zeros(n_parts, dtype=bool)
        for one, other in chain(  # two parts that no swap touched are as they were when compared
            tiles(np.flatnonzero(movable & near), np.arange(len(part))),
            tiles(np.flatnonzero(movable & ~near), np.flatnonzero(near)),
        ):
            n_pairs += len(one) * len(other)
            if n_pairs > MOST_PAIRS:
                return exchange.part
            touched[_swap_best(exchange, one, other)] = True
    return exchange.part


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


def _count_holders(strata: Strata, part: np.ndarray, n_parts: int) -> np.ndarray:
    """(F, C) units of each part that hold a cell of each class."""
    held = np.zeros((n_parts, strata.cells.shape[1]), dtype=np.int64)
    unit, column = strata.cells.nonzero()
    np.add.at(held, (part[unit], column), 1)
    return held


def _swap_best(exchange: Exchange, one: np.ndarray, other: np.ndarray) -> list[int]:
    """Parts between which units of `one` and of `other` were swapped."""
    part, touched = exchange.part, []
    gains = exchange.gains(one, other)
    for i, j in pick_disjoint(gains, part[one], part[other]):
        touched += part[[one[i], other[j]]].tolist()
        exchange.swap(one[i], other[j])
    return touched
