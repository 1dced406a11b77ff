"""Labelling a file: what all windows of a server share, and what each of them has to itself."""

import secrets
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from attrlearn.app.labelled_table import Columns, LabelledTable
from attrlearn.app.learner import Learner, Progress
from attrlearn.app.questions import OpenQuestions, read_key
from attrlearn.labels.places import Place
from attrlearn.labels.shared_file import Conflict, Decision, SharedLabels

__all__ = ["Answer", "LabelSession", "LabelTask", "Outcome"]


class LabelTask:
    """A labels file that is being labelled, by all windows of a server.

    Parameters
    ----------
    labels : SharedLabels
    columns : Columns
    image_dir : path or URL
        Folder of the images.
    user : str
        For the log.
    attributes : sequence of str, optional
        Those that are asked for; None: all.
    learner : Learner, optional
        None: cells come in the order of the file.
    """

    def __init__(
        self,
        labels: SharedLabels,
        columns: Columns,
        image_dir: Place,
        user: str,
        attributes: Sequence[str] | None = None,
        learner: Learner | None = None,
    ) -> None:
        self.labels = labels
        self.columns = columns
        self.image_dir = image_dir
        self.user = user
        self.learner = learner
        self._lock = threading.Lock()
        self._table = LabelledTable(labels.read(), columns, image_dir)
        self.attributes = list(self._table.attributes) if attributes is None else list(attributes)
        if learner is not None:
            learner.learn(self._table)

    @property
    def progress(self) -> Progress | None:
        """What the model has found; None if there is none."""
        return None if self.learner is None else self.learner.progress

    def table(self) -> LabelledTable:
        """Return the table as the file holds it now."""
        return self.take(self.labels.read())

    def take(self, content: Any) -> LabelledTable:
        """Return the table of some content of the file; the model learns from it if it is new."""
        with self._lock:
            if content.digest != self._table.content.digest:
                self._table = LabelledTable(content, self.columns, self.image_dir)
                if self.learner is not None:
                    self.learner.learn(self._table)
            return self._table


class Answer(NamedTuple):
    """What a person said to a question."""

    key: str  # of the question
    label: str | None = None  # a class, None: missing
    is_skipped: bool = False  # not now


class Outcome(NamedTuple):
    """What became of the answers of a page."""

    n_written: int
    handled: list[str]  # keys of the questions whose answers need not be kept any longer
    errors: list[str]


class LabelSession:
    """What one window has been shown, and what it was told.

    Parameters
    ----------
    task : LabelTask

    Attributes
    ----------
    id : str
        In the log.
    conflicts : list of Conflict
        Answers that were not written, for someone else wrote the cells.
    """

    def __init__(self, task: LabelTask) -> None:
        self.task = task
        self.id = secrets.token_hex(4)
        self.conflicts: list[Conflict] = []
        self.n_written = 0
        self.n_pages: Counter[str] = Counter()  # that were asked of each attribute
        self._skipped: set[str] = set()
        self._confirmed: set[str] = set()  # answered with what the cells hold

    @property
    def n_skipped(self) -> int:
        """How many questions wait for another time."""
        return len(self._skipped)

    def ask_skipped_again(self) -> None:
        """Forget what was skipped."""
        self._skipped.clear()

    def questions(self, kinds: Collection[str]) -> OpenQuestions:
        """Return what is to be decided."""
        progress = self.task.progress
        return OpenQuestions(
            self.task.table(),
            kinds,
            self.task.attributes,
            None if progress is None else progress.order,
            self._skipped | self._confirmed,
        )

    def save(self, answers: Sequence[Answer]) -> Outcome:
        """Write the answers of a page into the file.

        Answers that a change by someone else has overtaken are kept in `conflicts`.

        Raises
        ------
        ValueError, OSError
            As from `SharedLabels.save`; then nothing was written.
        """
        table = self.task.table()
        decisions: list[Decision] = []
        errors, handled = [], []
        for answer in answers:
            try:
                decisions += self._decisions(table, answer)
            except ValueError as error:
                errors.append(str(error))
            handled.append(answer.key)
        saved = self.task.labels.save(decisions, user=self.task.user, session=self.id)
        self.task.take(saved.content)
        self.conflicts += saved.conflicts
        self.n_written += saved.n_written
        return Outcome(saved.n_written, handled, errors)

    def settle(self, conflict: Conflict, *, is_overwritten: bool) -> None:
        """Write an answer in spite of what someone else has written, or leave theirs.

        If the cell has changed once more, there is a new conflict.
        """
        self.conflicts.remove(conflict)
        if is_overwritten and conflict.current is not None:
            decision = conflict.decision._replace(seen=conflict.current)
            saved = self.task.labels.save([decision], user=self.task.user, session=self.id)
            self.task.take(saved.content)
            self.conflicts += saved.conflicts
            self.n_written += saved.n_written

    def undo(self) -> int:
        """Take the last page of this window back, and return how many cells that were.

        Raises
        ------
        ValueError
            If there is none.
        """
        saved = self.task.labels.undo(user=self.task.user, session=self.id, only=self.id)
        self.task.take(saved.content)
        self.conflicts += saved.conflicts
        self.n_written -= saved.n_written
        self._confirmed.clear()
        return saved.n_written

    def _decisions(self, table: LabelledTable, answer: Answer) -> list[Decision]:
        """What an answer writes."""
        question = read_key(answer.key)
        attribute = question.attribute
        if attribute not in self.task.attributes:
            raise ValueError(
                f"{attribute!r} is no attribute that is asked for. Nothing is written."
            )
        if answer.is_skipped:
            self._skipped.add(answer.key)
            return []
        if answer.label is not None and answer.label not in table.classes(attribute):
            raise ValueError(
                f"{answer.label!r} is no class of {attribute!r}, which has "
                f"{table.classes(attribute)}. Nothing is written for it."
            )
        meanings = _meanings(table, attribute)
        if all(meanings.get(seen, ...) == answer.label for seen in question.seen):
            self._confirmed.add(answer.key)
            return []
        text = table.text_for(attribute, answer.label)
        return [
            decision
            for decision in question.decisions(text)
            if meanings.get(decision.seen, ...) != answer.label
        ]


def _meanings(table: LabelledTable, attribute: str) -> Mapping[str, str | None]:
    """The class that each text of a column stands for, None for a gap."""
    return dict(zip(table.texts(attribute), table.labels(attribute), strict=True))
