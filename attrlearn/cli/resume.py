"""Tables that a killed run leaves half-written, for the next one to go on with."""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from attrlearn.cli.files import whole_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["PartialTable", "part_of", "partial_table", "to_csv"]

_ROWS_AT_ONCE = 10_000  # compared with the input


def part_of(path: str) -> str:
    """Where a run that may be resumed writes, until its table is whole.

    Examples
    --------
    >>> part_of("table.csv")
    'table.csv.part'
    """
    return f"{os.path.realpath(path)}.part" if os.path.islink(path) else f"{path}.part"


def to_csv(table: pd.DataFrame, *, header: bool) -> bytes:
    """Lines of a CSV file, characters that UTF-8 has not as escapes."""
    return table.to_csv(header=header, index=False).encode(errors="backslashreplace")


@dataclass
class PartialTable:
    """A CSV file that grows, and what was found in it.

    Attributes
    ----------
    n_rows : int
        That it holds.
    bad : list of (image, reason)
        Those of them that could not be read.
    """

    file: BinaryIO
    n_rows: int = 0
    bad: list[tuple[str, str]] = field(default_factory=list)

    def append(self, table: pd.DataFrame) -> None:
        """Write rows, so that neither a kill nor a power cut takes them away."""
        self.file.write(to_csv(table, header=not self.n_rows))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.n_rows += len(table)


@contextmanager
def partial_table(path: str, X: pd.DataFrame, job: Mapping[str, Any]) -> Iterator[PartialTable]:
    """Go on with the rows that an earlier run has written; in the end they become `path`.

    They are in `part_of` that path, and what the run was asked for beside it in a file `.json`.
    Both stay if the block fails.

    Parameters
    ----------
    path : str
        Of the whole table.
    X : DataFrame
        The columns with which its rows begin, all of them.
    job : mapping
        All else that the rows depend on, by name; values that JSON knows.

    Raises
    ------
    ValueError
        If the rows there are of other images, or of another job.
    OSError
        If another process writes them.
    """
    part = part_of(path)
    about = Path(f"{part}.json")
    Path(part).parent.mkdir(parents=True, exist_ok=True)
    with open(part, "a+b") as file:
        _hold(file, part)
        table = PartialTable(file)
        n_bytes, n_records = _whole_records(file)
        if os.stat(part).st_size:
            _check_job(about, job, part)
        else:
            with whole_file(about) as name:
                Path(name).write_text(json.dumps(job, indent=1), encoding="utf-8")
        for row, bad in enumerate(_read_rows(part, n_records, X)):
            table.n_rows = row + 1
            table.bad += bad
        file.truncate(n_bytes if table.n_rows else 0)  # a header is written with the first row
        yield table
    target = os.path.realpath(path)
    if os.path.exists(target):
        shutil.copymode(target, part)
    os.replace(part, target)
    about.unlink(missing_ok=True)


def _hold(file: BinaryIO, path: str) -> None:
    """Lock a file; OSError if another process has."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(
            f"--resume must be the only run that writes a table. Got {path!r}, which another "
            "process writes. Wait for it, or choose another --out."
        ) from error
    except OSError:  # a drive without locks
        pass


def _whole_records(file: BinaryIO) -> tuple[int, int]:
    """Bytes and number of the records that end in a line break, the header among them."""
    n_bytes = n_records = read = n_quotes = 0
    file.seek(0)
    for line in file:
        read += len(line)
        n_quotes += line.count(b'"')
        if line.endswith(b"\n") and n_quotes % 2 == 0:  # else a cell goes on in the next line
            n_bytes, n_records = read, n_records + 1
    return n_bytes, n_records


def _check_job(about: Path, job: Mapping[str, Any], part: str) -> None:
    """Raise unless the rows there are of the same job."""
    before: Any = None
    with suppress(OSError, ValueError):
        before = json.loads(about.read_text(encoding="utf-8"))
    if not isinstance(before, dict):
        raise _refusal(part, f"without {str(about)!r}, which tells of the run that wrote it")
    for name in job:
        if before.get(name) != job[name]:
            raise _refusal(part, f"of another {name}, {before.get(name)!r} and not {job[name]!r}")


def _read_rows(part: str, n_records: int, X: pd.DataFrame) -> Iterator[list[tuple[str, str]]]:
    """Yield for each row image and reason, if it could not be read; ValueError if it is not X's."""
    with open(part, encoding="utf-8", errors="replace", newline="") as file:
        rows = islice(csv.reader(file), n_records)
        header = next(rows, [])
        for start in range(0, len(X), _ROWS_AT_ONCE):
            text = to_csv(X[start : start + _ROWS_AT_ONCE], header=False).decode()
            for number, expected in enumerate(csv.reader(io.StringIO(text)), start):
                row = next(rows, None)
                if row is None:
                    return
                found = row[: len(expected)]
                if found != expected or len(row) != len(header):
                    raise _refusal(
                        part, f"with {found} in row {number}, where the input has {expected}"
                    )
                yield [(row[0], row[-1])] if row[-1] and header[-1] == "image_error" else []
        if next(rows, None) is not None:
            raise _refusal(part, f"with more than the {len(X)} rows of the input")


def _refusal(part: str, got: str) -> ValueError:
    """The error for rows that are not those of this run."""
    return ValueError(
        f"--resume must go on with the same images, model and options. Got {part!r} {got}. "
        "Delete it to begin anew, or choose another --out."
    )
