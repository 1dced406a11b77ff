"""What there is to decide: one attribute of one image at a time, in the order in which to ask."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from attrlearn.app.label_order import Order
from attrlearn.app.labelled_table import LabelledTable
from attrlearn.labels.shared_file import CellName, Decision

__all__ = ["KINDS", "Question", "find_questions", "read_key"]

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


def find_questions(
    table: LabelledTable,
    kinds: Collection[str],
    attributes: Sequence[str],
    order: Order | None = None,
    without: Collection[str] = (),
) -> list[Question]:
    """Return what is to be decided, in the order in which to ask.

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

    Returns
    -------
    list of Question
        Contradictions first, then what is missing, then what is doubtful. Images that are not there
        are left out.
    """
    images = defaultdict(list)
    for row in np.flatnonzero(table.found):
        images[table.same[row]].append(int(row))
    suggestions = {} if order is None else _suggestions(order)
    found: dict[tuple[str, int], Question] = {}
    for name in attributes:
        codes = table.attributes[name].codes.tolist()
        doubted = _doubted(table, order, name) if "doubtful" in kinds else set()
        for image, rows in images.items():
            kind = _kind([codes[row] for row in rows], not doubted.isdisjoint(rows), kinds)
            if kind:
                found[name, image] = _question(table, name, kind, rows, suggestions)
    questions = [question for question in found.values() if question.key not in without]
    rank = _ranks(table, order)
    last = len(rank)
    return sorted(
        questions,
        key=lambda q: (
            KINDS.index(q.kind),
            min(rank.get((name, q.attribute), last) for name in q.cells),
        ),
    )


def _kind(codes: Sequence[int], is_doubted: bool, kinds: Collection[str]) -> str | None:
    """The kind of the question that the cells of an image raise, None if there is none."""
    known = {code for code in codes if code >= 0}
    if len(known) > 1:
        return "contradicting" if "contradicting" in kinds else None
    if min(codes) < 0 and "missing" in kinds:
        return "missing"
    if is_doubted and known and "doubtful" in kinds:
        return "doubtful"
    return None


def _question(
    table: LabelledTable,
    name: str,
    kind: str,
    rows: Sequence[int],
    suggestions: dict[tuple[int, str], tuple[str, float]],
) -> Question:
    """The question of an attribute in the rows of an image."""
    cells, texts = table.cell_names(name), table.texts(name)
    found = [suggestions[row, name] for row in rows if (row, name) in suggestions]
    suggested, confidence = max(found, key=lambda pair: pair[1]) if found else (None, None)
    return Question(
        name,
        kind,
        tuple(cells[row] for row in rows),
        tuple(texts[row] for row in rows),
        table.paths[rows[0]],
        suggested,
        confidence,
    )


def _suggestions(order: Order) -> dict[tuple[int, str], tuple[str, float]]:
    """What the model finds most probable for each cell that it speaks of, and how probable."""
    missing = zip(
        order.missing["row"],
        order.missing["attribute"],
        order.missing["suggested"],
        order.missing["confidence"],
        strict=True,
    )
    doubtful = zip(
        order.doubtful["row"],
        order.doubtful["attribute"],
        order.doubtful["suggested"],
        order.doubtful["error_probability"],
        strict=True,
    )
    return {
        (int(row), str(attribute)): (_class_text(suggested), float(probability))
        for cells in (doubtful, missing)
        for row, attribute, suggested, probability in cells
    }


def _class_text(value: object) -> str:
    """A class as it is named on the page: that of a binary attribute is '0' or '1'."""
    return str(int(value)) if isinstance(value, int | float | np.number) else str(value)


def _doubted(table: LabelledTable, order: Order | None, attribute: str) -> set[int]:
    """The rows in which a label of an attribute is probably wrong, and still what it was."""
    if order is None:
        return set()
    cells = order.doubtful[order.doubtful["attribute"] == attribute]
    labels = table.labels(attribute)
    return {
        int(row)
        for row, given in zip(cells["row"], cells["given"], strict=True)
        if labels[int(row)] == _class_text(given)
    }


def _ranks(table: LabelledTable, order: Order | None) -> dict[tuple[CellName, str], int]:
    """The place of each cell in the order of the model."""
    if order is None:
        return {}
    pairs: Iterable[tuple[int, str]] = (
        pair
        for cells in order
        for pair in zip(cells["row"].astype(int), cells["attribute"], strict=True)
    )
    return {(table.cell_names(name)[row], name): i for i, (row, name) in enumerate(pairs)}
