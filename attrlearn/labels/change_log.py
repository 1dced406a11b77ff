"""The log beside a labels file: who changed which cell from what to what, page by page.

Each line is a JSON object with an ``event``:

- ``change``: a cell that is about to be written, with its old and new text;
- ``page``: that the changes above with the same ``page`` are all of it, and the digests of the
  file before and after. From here on the page is either written or taken back, never forgotten;
- ``written``: the file now holds it; ``not written``: it does not, with the reason.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from attrlearn.labels.durable_file import append_lines

__all__ = ["Change", "ChangeLog", "Page"]

TAIL = 1 << 18  # bytes at the end of a log in which its last page is looked for first


class Change(NamedTuple):
    """A cell that is written."""

    line: int  # of the file, from 1; row of a parquet file, from 0
    image: str  # as the file names it
    occurrence: int  # which of the rows that name it, from 0
    of: int  # how many rows name it
    attribute: str
    old: str
    new: str
    old_as_written: str  # with its quotation marks


class Page(NamedTuple):
    """Cells that are written together."""

    id: str
    user: str
    session: str
    time: str
    before: str  # digest of the file
    after: str
    changes: tuple[Change, ...]
    undoes: str | None = None  # id of the page that this one takes back


class ChangeLog:
    """The log of one labels file.

    Parameters
    ----------
    path : path

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> log = ChangeLog(Path(mkdtemp(), "labels.csv.log"))
    >>> change = Change(2, "a.jpg", 0, 1, "hood", "NA", "1", "NA")
    >>> log.begin(Page("7f", "me", "s1", "2026-01-01T12:00:00+00:00", "d0", "d1", (change,)))
    >>> log.pending().changes[0].new
    '1'
    >>> log.written("7f")
    >>> log.pending(), [page.id for page in log.pages()]
    (None, ['7f'])
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, page: Page) -> None:
        """Say what is about to be written."""
        common = {"page": page.id, "user": page.user, "session": page.session, "time": page.time}
        changes = [{"event": "change", **common, **change._asdict()} for change in page.changes]
        end = {"event": "page", **common, "changes": len(changes)}
        end |= {"before": page.before, "after": page.after, "undoes": page.undoes}
        self._append(*changes, end)

    def written(self, page: str, note: str | None = None) -> None:
        """Say that the file holds a page, and how that was found out if it was not plain."""
        event = {"event": "written", "page": page, "time": now()}
        self._append(event if note is None else event | {"note": note})

    def not_written(self, page: str, reason: str) -> None:
        """Say that the file does not hold a page, and why."""
        self._append({"event": "not written", "page": page, "time": now(), "reason": reason})

    def pending(self) -> Page | None:
        """Return the last page if nothing says whether it was written."""
        if not self.path.exists():
            return None
        with open(self.path, "rb") as file:
            file.seek(0, 2)
            size = file.tell()
            for length in (TAIL, size):
                file.seek(max(0, size - length))
                events = list(_events(file.read()))
                pages = list(_pages(events))
                if pages or length >= size:
                    break
        is_ended = pages and any(
            event["event"] in ("written", "not written") and event["page"] == pages[-1].id
            for event in events
        )
        return None if not pages or is_ended else pages[-1]

    def pages(self) -> list[Page]:
        """Return the pages that were written and not taken back, in their order."""
        if not self.path.exists():
            return []
        events = list(_events(self.path.read_bytes()))
        written = {event["page"] for event in events if event["event"] == "written"}
        pages = [page for page in _pages(events) if page.id in written]
        undone = {page.undoes for page in pages}
        return [page for page in pages if page.undoes is None and page.id not in undone]

    def _append(self, *events: Mapping[str, Any]) -> None:
        """Append one line per event."""
        append_lines(self.path, [json.dumps(event, ensure_ascii=False) for event in events])


def now() -> str:
    """The time as text, with its zone."""
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")


def _events(raw: bytes) -> Iterator[dict[str, Any]]:
    """The events of a log, without lines that were torn or written by another program."""
    for line in raw.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event and "page" in event:
            yield event


def _pages(events: list[dict[str, Any]]) -> Iterator[Page]:
    """The pages that events tell of to their end."""
    changes: dict[str, list[Change]] = {}
    for event in events:
        if event["event"] == "change":
            change = Change(*(event[name] for name in Change._fields))
            changes.setdefault(event["page"], []).append(change)
        elif event["event"] == "page":
            found = changes.pop(event["page"], [])
            if len(found) == event["changes"]:
                names = [name for name in Page._fields if name not in ("id", "changes", "undoes")]
                values = {name: event[name] for name in names}
                yield Page(event["page"], **values, changes=tuple(found), undoes=event["undoes"])
