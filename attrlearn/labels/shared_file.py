"""A labels file that people and programs write at the same time: no cell is lost in silence."""

import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from attrlearn.labels.change_log import Change, ChangeLog, Page, now
from attrlearn.labels.durable_file import remove_leftovers, replace_file
from attrlearn.labels.editing import Cell, LabelsContent
from attrlearn.labels.places import Place, read_content

__all__ = ["CellName", "Conflict", "Decision", "Saved", "SharedLabels", "cell_names"]

PATIENCE = 10  # seconds that a lock is waited for


class CellName(NamedTuple):
    """What a cell is called when rows come, go and move: by its image and its attribute."""

    image: str  # as the file names it
    occurrence: int  # which of the rows that name this image, from 0
    of: int  # how many rows name it
    attribute: str


class Decision(NamedTuple):
    """What a person wants a cell to hold, and what it held when they saw it."""

    cell: CellName
    seen: str
    text: str


class Conflict(NamedTuple):
    """A decision that was not written, for its cell now holds something else."""

    decision: Decision
    current: str | None  # None: the cell cannot be found any more

    def __str__(self) -> str:
        cell = self.decision.cell
        name = f"{cell.image}, {cell.attribute}"
        if self.current is None:
            return (
                f"{name}: the row is no longer there, or the image has other rows now. "
                f"{self.decision.text!r} was not written."
            )
        return (
            f"{name}: {self.decision.text!r} was not written. The cell held "
            f"{self.decision.seen!r} when it was shown, and now holds {self.current!r}."
        )


class Saved(NamedTuple):
    """What became of the decisions of a page."""

    content: LabelsContent  # of the file afterwards
    page: str | None  # its id in the log, None if nothing had to be written
    n_written: int
    conflicts: tuple[Conflict, ...]


class SharedLabels:
    r"""A labels file that is read and written under a lock, with a log beside it.

    A page of decisions is written thus: the log says what is about to be written; the file is
    replaced by a new one; the log says that it was. A process that dies in between leaves a file
    that is whole, and the next one finds out from the log which of the two it is.

    Parameters
    ----------
    path : path
        A link is followed: lock and log are beside the file itself.
    image_column : str or None
        Column with the names of the images, None the first.
    na_values : collection of str
        Cells that are missing.
    image_dir : path or URL, optional
        Folder of the images; None: that of the file.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp(), "labels.csv")
    >>> _ = path.write_text("image,hood\na.jpg,NA\n")
    >>> labels = SharedLabels(path, None, ["NA"])
    >>> decision = Decision(CellName("a.jpg", 0, 1, "hood"), "NA", "1")
    >>> labels.save([decision], user="me", session="s").n_written
    1
    >>> path.read_text()
    'image,hood\na.jpg,1\n'
    """

    def __init__(
        self,
        path: Path,
        image_column: str | None,
        na_values: Collection[str],
        image_dir: Place | None = None,
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self.log = ChangeLog(self.path.with_name(f"{self.path.name}.log"))
        self.image_column = image_column
        self.na_values = na_values
        self.image_dir = path.parent if image_dir is None else image_dir
        self._last: LabelsContent | None = None
        self._lock_path = self.path.with_name(f".{self.path.name}.lock")

    def read(self) -> LabelsContent:
        """Return the content, once a page that a killed process left is written or taken back.

        Raises
        ------
        ValueError, OSError
            If the file breaks a rule of `read_labels`, cannot be read, or is locked for long.
        """
        with self._locked() as content:
            return content

    def save(self, decisions: Sequence[Decision], *, user: str, session: str) -> Saved:
        """Write decisions into the file, all but those whose cells have changed since.

        Parameters
        ----------
        decisions : sequence of Decision
        user, session : str
            For the log.

        Raises
        ------
        ValueError, OSError
            As in `read`; or if the format cannot hold what is to be written, or the disk is full.
            The file then is as it was.
        """
        with self._locked() as content:
            return self._write(content, decisions, user, session)

    def undo(self, *, user: str, session: str, only: str | None = None) -> Saved:
        """Take the last page of decisions back, all but cells that have changed since.

        Parameters
        ----------
        user, session : str
            For the log.
        only : str, optional
            Session whose pages are meant; None: of all.

        Raises
        ------
        ValueError
            If there is no such page.
        """
        with self._locked() as content:
            pages = [page for page in self.log.pages() if only in (None, page.session)]
            if not pages:
                raise ValueError(
                    "There must be a page of decisions to take back. Got none in "
                    f"{str(self.log.path)!r}. Nothing was changed."
                )
            decisions, written = [], {}
            for change in pages[-1].changes:
                name = CellName(change.image, change.occurrence, change.of, change.attribute)
                decisions.append(Decision(name, change.new, change.old))
                written[name] = change.old_as_written
            return self._write(content, decisions, user, session, pages[-1].id, written)

    def names_of(self, content: LabelsContent) -> list[str]:
        """Return what the file calls the image of each row."""
        columns = content.table.columns
        column = next(iter(columns)) if self.image_column is None else self.image_column
        if column not in columns:
            raise ValueError(
                f"{self.path.name} must keep its image column. Got {list(columns)}, without "
                f"{column!r}. Start again with the columns that it has now."
            )
        return [name.strip() for name in columns[column]]

    @contextmanager
    def _locked(self) -> Iterator[LabelsContent]:
        """Hold the lock, with the content of the file once it is in order."""
        lock = FileLock(self._lock_path, timeout=PATIENCE)
        try:
            lock.acquire()
        except Timeout as error:
            raise OSError(
                f"{self.path.name} must be free to be written. Got a lock of another program for "
                f"{PATIENCE} seconds. Try again."
            ) from error
        try:
            remove_leftovers(self.path)
            yield self._recover(self._content())
        finally:
            lock.release()

    def _content(self) -> LabelsContent:
        """What the file holds, read anew if it has changed."""
        raw, last = read_content(self.path), self._last
        if last is None or last.raw != raw:
            last = LabelsContent(raw, self.path, self.na_values, self.image_dir)
            self._last = last
        return last

    def _recover(self, content: LabelsContent) -> LabelsContent:
        """Finish the page that a killed process has begun, or say that it was not written."""
        page = self.log.pending()
        if page is None:
            return content
        if content.digest == page.after:
            self.log.written(page.id)
            return content
        if content.digest != page.before:
            # Either all of it was written, or nothing, and then another program changed the file.
            if n_held := self._n_held(content, page):
                self.log.written(page.id, f"{n_held} cells of it were found in a changed file")
            else:
                self.log.not_written(page.id, "no cell of it was found in a changed file")
            return content
        cells = _cells(self.names_of(content))
        texts = {
            Cell(cells[change.image][change.occurrence], change.attribute): change.new
            for change in page.changes
        }
        new = content.with_cells(texts)
        replace_file(self.path, new.raw)
        self.log.written(page.id)
        return new

    def _n_held(self, content: LabelsContent, page: Page) -> int:
        """How many cells of a page hold what it was to write."""
        cells = _cells(self.names_of(content))
        return sum(
            change.attribute in content.table.columns
            and change.occurrence < len(cells.get(change.image, ()))
            and content.text_of(Cell(cells[change.image][change.occurrence], change.attribute))
            == change.new
            for change in page.changes
        )

    def _write(
        self,
        content: LabelsContent,
        decisions: Sequence[Decision],
        user: str,
        session: str,
        undoes: str | None = None,
        written: Mapping[CellName, str] | None = None,
    ) -> Saved:
        """Write what can be written; `written` are texts with their quotation marks."""
        texts, conflicts = self._match(content, decisions)
        literal = written or {}
        changed = {
            cell: decision for cell, decision in texts.items() if decision.text != decision.seen
        }
        if not changed:
            return Saved(content, None, 0, tuple(conflicts))
        new = content.with_cells(
            {cell: literal.get(d.cell, d.text) for cell, d in changed.items()},
            written=[cell for cell, d in changed.items() if d.cell in literal],
        )
        changes = [
            Change(
                int(content.table.lines[cell.row]),
                decision.cell.image,
                decision.cell.occurrence,
                decision.cell.of,
                cell.column,
                content.text_of(cell),
                decision.text,
                content.as_written(cell),
            )
            for cell, decision in changed.items()
        ]
        page = secrets.token_hex(8)
        self.log.begin(
            Page(page, user, session, now(), content.digest, new.digest, tuple(changes), undoes)
        )
        try:
            self._replace(content, new)
        except OSError as error:
            if self._content().digest != new.digest:
                self.log.not_written(page, str(error))
            raise
        self.log.written(page)
        self._last = new
        return Saved(new, page, len(changes), tuple(conflicts))

    def _replace(self, before: LabelsContent, after: LabelsContent) -> None:
        """Replace the file, unless a program that knows no lock has just changed it."""
        if read_content(self.path) != before.raw:
            raise OSError(
                f"{self.path.name} must not change while it is written. Got a change by another "
                "program. Nothing was written. Save again."
            )
        replace_file(self.path, after.raw)

    def _match(
        self, content: LabelsContent, decisions: Iterable[Decision]
    ) -> tuple[dict[Cell, Decision], list[Conflict]]:
        """The cells that decisions are about, and the decisions that cannot be written.

        A cell that already holds what was decided has nothing to be written, whoever wrote it.
        """
        cells = _cells(self.names_of(content))
        texts: dict[Cell, Decision] = {}
        conflicts = []
        for decision in decisions:
            name = decision.cell
            rows = cells.get(name.image, [])
            if len(rows) != name.of or not rows or name.attribute not in content.table.columns:
                conflicts.append(Conflict(decision, None))
                continue
            cell = Cell(rows[name.occurrence], name.attribute)
            current = content.text_of(cell)
            if current == decision.seen:
                texts[cell] = decision
            elif current != decision.text:
                conflicts.append(Conflict(decision, current))
        return texts, conflicts


def cell_names(images: Sequence[str], attribute: str) -> list[CellName]:
    """Return the name of the cell of an attribute in each row.

    Examples
    --------
    >>> [name.occurrence for name in cell_names(["a.jpg", "b.jpg", "a.jpg"], "hood")]
    [0, 0, 1]
    """
    of = _counts(images)
    seen: dict[str, int] = {}
    names = []
    for image in images:
        occurrence = seen.get(image, 0)
        seen[image] = occurrence + 1
        names.append(CellName(image, occurrence, of[image], attribute))
    return names


def _counts(images: Iterable[str]) -> dict[str, int]:
    """How many rows name each image."""
    names, counts = np.unique(np.array(list(images), dtype=object), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _cells(images: Iterable[str]) -> dict[str, list[int]]:
    """The rows that name each image."""
    rows: dict[str, list[int]] = {}
    for row, image in enumerate(images):
        rows.setdefault(image, []).append(row)
    return rows
