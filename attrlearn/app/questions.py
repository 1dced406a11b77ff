"""What there is to decide: one attribute of one image at a time, in the order in which to ask."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from attrlearn.app.label_order import Order
from attrlearn.app.labelled_table import LabelledTable
from attrlearn.labels.shared_file import CellName, Decision

__all__ = ["KINDS", "OpenQuestions", "Question", "read_key"]

KINDS = ("contradicting", "missing", "doubtful")


class Question(NamedTuple):
    """An attribute of an image, in all rows that show it: the answer is written to each of them."""

    attribute: str
    kind: str
    cells: tuple[CellName, ...]
    seen: tuple[str, ...]  # what each cell holds
    path: str  # of the image
    suggested: str | None = None  # class that the model finds most probable
    confidence: float | None = None  # its probability

    @property
    def key(self) -> str:
        """Text that tells the question from all others, also once the file has changed.

        Examples
        --------
        >>> cell = CellName("a.jpg", 0, 1, "hood")
        >>> Question("hood", "missing", (cell,), ("NA",), "shots/a.jpg").key
        '["hood", [["a.jpg", 0, 1, "NA"]]]'
        """
        rows = [
            [cell.image, cell.occurrence, cell.of, seen]
            for cell, seen in zip(self.cells, self.seen, strict=True)
        ]
        return json.dumps([self.attribute, rows], ensure_ascii=False)

    def decisions(self, text: str) -> list[Decision]:
        """Return what is to be written for an answer."""
        return [
            Decision(cell, seen, text) for cell, seen in zip(self.cells, self.seen, strict=True)
        ]


def read_key(key: str) -> Question:
    """Return the question that a key is of.

    Raises
    ------
    ValueError
        If the text is no key.

    Examples
    --------
    >>> read_key('["hood", [["a.jpg", 0, 1, "NA"]]]').decisions("1")
    [Decision(cell=CellName(image='a.jpg', occurrence=0, of=1, attribute='hood'), seen='NA', \
text='1')]
    """
    try:
        attribute, rows = json.loads(key)
        cells = tuple(CellName(str(row[0]), int(row[1]), int(row[2]), attribute) for row in rows)
        seen = tuple(str(row[3]) for row in rows)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise ValueError(
            f"A decision must be about a cell. Got {key!r}. Reload the page."
        ) from error
    if not (isinstance(attribute, str) and cells):
        raise ValueError(f"A decision must be about a cell. Got {key!r}. Reload the page.")
    return Question(attribute, "", cells, seen, "")


class OpenQuestions:
    """What is to be decided, in the order in which to ask.

    Contradictions come first, then what is missing, then what is doubtful. Images that are not
    there are not asked for.

    Parameters
    ----------
    table : LabelledTable
    kinds : collection of {"contradicting", "missing", "doubtful"}
        An image of which labelled cells contradict each other; of which a cell is missing; of which
        a labelled cell is probably wrong, by the model.
    attributes : sequence of str
        Those that are asked for.
    order : Order, optional
        That of the model; None: that of the file, attribute by attribute.
    without : collection of str
        Keys of questions that are not asked.
    """

    def __init__(
        self,
        table: LabelledTable,
        kinds: Collection[str],
        attributes: Sequence[str],
        order: Order | None = None,
        without: Collection[str] = (),
    ) -> None:
        self.table = table
        self.attributes = list(attributes)
        self.order = order
        there = np.flatnonzero(table.found)
        self._rows = there[np.argsort(table.same[there], kind="stable")]
        self._starts = np.flatnonzero(np.diff(table.same[self._rows], prepend=-1))
        found = [self._of(number, kinds) for number in range(len(self.attributes))]
        # (Q,) each: the kind, the place in the order, the attribute and the image of a question.
        kind, rank, number, image = (np.concatenate(parts) for parts in zip(*found, strict=True))
        sorting = np.lexsort((image, number, rank, kind))
        self._kind, self._number, self._image = kind[sorting], number[sorting], image[sorting]
        if without:
            kept = self._not_in(frozenset(without))
            self._kind, self._number = self._kind[kept], self._number[kept]
            self._image = self._image[kept]

    def __len__(self) -> int:
        return len(self._kind)

    def counts(self) -> Counter[str]:
        """Return how many there are of each attribute."""
        numbers = np.bincount(self._number, minlength=len(self.attributes))
        return Counter(dict(zip(self.attributes, numbers.tolist(), strict=True)))

    def next_attribute(self, n_pages: Mapping[str, int], within: int) -> str | None:
        """Return the attribute to ask for, None if there is no question.

        Of the attributes of the first `within` questions it is the one of which the fewest pages
        were asked, and of several of them the first.
        """
        if self.order is None:  # attribute by attribute
            within = 1
        first = dict.fromkeys(self.attributes[number] for number in self._number[:within])
        return min(first, key=lambda name: n_pages.get(name, 0), default=None)

    def first(self, n: int, attribute: str) -> list[Question]:
        """Return the first n questions of an attribute."""
        if attribute not in self.attributes:
            return []
        of_it = np.flatnonzero(self._number == self.attributes.index(attribute))[:n]
        suggestions = _suggestions(self.order, attribute)
        return [self._question(int(i), suggestions) for i in of_it]

    def _of(self, number: int, kinds: Collection[str]) -> tuple[np.ndarray, ...]:
        """The kind, place, attribute and image of all questions of one attribute."""
        name = self.attributes[number]
        every = self.table.attributes[name].codes
        codes, starts = every[self._rows], self._starts
        if not len(starts):
            return (np.empty(0, int),) * 4
        highest = np.maximum.reduceat(codes, starts)
        lowest = np.minimum.reduceat(codes, starts)
        known = np.minimum.reduceat(np.where(codes < 0, np.iinfo(int).max, codes), starts)
        doubted = np.zeros(len(every), dtype=bool)
        doubted[_doubted(self.table, self.order, name)] = True
        kind = np.full(len(starts), -1)
        if "doubtful" in kinds:
            kind[np.logical_or.reduceat(doubted[self._rows], starts)] = KINDS.index("doubtful")
        kind[lowest < 0] = KINDS.index("missing") if "missing" in kinds else -1
        conflict = (highest >= 0) & (known < highest)
        kind[conflict] = KINDS.index("contradicting") if "contradicting" in kinds else -1
        rank = np.minimum.reduceat(_ranks(self.order, name, len(every))[self._rows], starts)
        asked = np.flatnonzero(kind >= 0)
        return kind[asked], rank[asked], np.full(len(asked), number), asked

    def _not_in(self, keys: Collection[str]) -> np.ndarray:
        """(Q,) bool, whether the key of a question is none of some."""
        kept = np.ones(len(self), dtype=bool)
        asked = {(question.attribute, question.cells[0]) for question in map(read_key, keys)}
        for number, name in enumerate(self.attributes):
            cells = self.table.cell_names(name)
            firsts = {cell for attribute, cell in asked if attribute == name}
            if firsts:
                rows = self._rows[self._starts[self._image]]
                candidates = [
                    i for i in np.flatnonzero(self._number == number) if cells[rows[i]] in firsts
                ]
                for i in candidates:
                    kept[i] = self._question(int(i), {}).key not in keys
        return kept

    def _question(self, i: int, suggestions: Mapping[int, tuple[str, float]]) -> Question:
        """The question at a place."""
        name = self.attributes[self._number[i]]
        ends = [*self._starts[1:], len(self._rows)]
        image = self._image[i]
        rows = [int(row) for row in self._rows[self._starts[image] : ends[image]]]
        cells, texts = self.table.cell_names(name), self.table.texts(name)
        found = [suggestions[row] for row in rows if row in suggestions]
        suggested, confidence = max(found, key=lambda pair: pair[1]) if found else (None, None)
        return Question(
            name,
            KINDS[self._kind[i]],
            tuple(cells[row] for row in rows),
            tuple(texts[row] for row in rows),
            self.table.paths[rows[0]],
            suggested,
            confidence,
        )


def _suggestions(order: Order | None, attribute: str) -> dict[int, tuple[str, float]]:
    """By row, what the model finds most probable for an attribute, and how probable."""
    if order is None:
        return {}
    found = {}
    for cells, probability in (
        (order.doubtful, "error_probability"),
        (order.missing, "confidence"),
    ):
        cells = cells[cells["attribute"] == attribute]
        columns = (cells["row"], cells["suggested"], cells[probability])
        for row, suggested, number in zip(*columns, strict=True):
            found[int(row)] = _class_text(suggested), float(np.nan_to_num(number))
    return found


def _class_text(value: object) -> str:
    """A class as it is named on the page: that of a binary attribute is '0' or '1'."""
    return str(int(value)) if isinstance(value, int | float | np.number) else str(value)


def _doubted(table: LabelledTable, order: Order | None, attribute: str) -> list[int]:
    """The rows in which a label of an attribute is probably wrong, and still what it was."""
    if order is None:
        return []
    cells = order.doubtful[order.doubtful["attribute"] == attribute]
    labels = table.labels(attribute)
    return [
        int(row)
        for row, given in zip(cells["row"], cells["given"], strict=True)
        if labels[int(row)] == _class_text(given)
    ]


def _ranks(order: Order | None, attribute: str, n_rows: int) -> np.ndarray:
    """(N,) the place of each cell of an attribute in the order of the model, else the last."""
    ranks = np.full(n_rows, np.iinfo(int).max)
    for cells in () if order is None else (order.doubtful, order.missing):
        places = np.arange(len(cells))
        of_it = (cells["attribute"] == attribute).to_numpy()
        rows: pd.Series = cells["row"]
        ranks[rows.to_numpy(dtype=int)[of_it]] = places[of_it]
    return ranks
