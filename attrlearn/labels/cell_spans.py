"""Where a cell stands in the text of a labels file, and how another one is written in its place."""

import re
from typing import NamedTuple

__all__ = ["Span", "find_span", "line_starts", "replacement"]

_NEWLINE = re.compile(r"\r\n|\r|\n")


class Span(NamedTuple):
    """The part of a text that is a cell, without the blanks around it."""

    start: int
    end: int
    is_quoted: bool = False  # then the quotation marks are just outside
    field: tuple[int, int] | None = None  # of an unquoted field of a table, with blanks around

    def whole(self) -> slice:
        """The cell and its quotation marks."""
        return slice(self.start - self.is_quoted, self.end + self.is_quoted)


def line_starts(text: str) -> list[int]:
    r"""Return where each line begins, and the end of the text.

    Examples
    --------
    >>> line_starts("a\r\nb\rc")
    [0, 3, 5, 6]
    """
    return [0, *(newline.end() for newline in _NEWLINE.finditer(text)), len(text)]


def find_span(text: str, start: int, position: int, separator: str | None) -> Span:
    r"""Find a field of a record.

    Parameters
    ----------
    text : str
        With its line ends as they are in the file.
    start : int
        Where the record begins.
    position : int
        Of the field in the record, from 0.
    separator : str or None
        Of a table; None: the line is one of a headerless list.

    Raises
    ------
    IndexError
        If the record has no such field.

    Examples
    --------
    >>> text = 'a.jpg, "x, y" ,1\nb.jpg,,0\n'
    >>> [text[find_span(text, 0, i, ",").whole()] for i in range(3)]
    ['a.jpg', '"x, y"', '1']
    """
    if separator is not None:
        return _table_span(text, start, position, separator)
    newline = _NEWLINE.search(text, start)
    line = text[start : newline.start() if newline else len(text)]
    span = _list_span(line, position)
    return Span(start + span.start, start + span.end)


def replacement(span: Span, text: str, separator: str | None) -> tuple[slice, str]:
    """Return what part of the text becomes what, for a cell to hold something else.

    Quotation marks stay where they are. Where they are needed they take the place of the blanks
    around the cell, as none may stand behind them.

    Examples
    --------
    >>> span = find_span("a.jpg, v ,1", 0, 1, ",")
    >>> replacement(span, "u", ","), replacement(span, "u, w", ",")
    ((slice(7, 8, None), 'u'), (slice(7, 9, None), '"u, w"'))
    """
    place = slice(span.start, span.end)
    if separator is None:
        return place, text
    doubled = text.replace('"', '""')
    if span.is_quoted:
        return place, doubled
    if any(mark in text for mark in (separator, '"', "\r", "\n")):
        return slice(*span.field) if span.field else place, f'"{doubled}"'
    return place, text


def _table_span(text: str, start: int, position: int, separator: str) -> Span:
    """A field of a table, as the csv module reads it with `skipinitialspace` and `strict`."""
    field = re.compile(
        rf' *(?:"(?P<quoted>[^"]*(?:""[^"]*)*)" *|(?P<plain>(?!")[^{separator}\r\n]*))'
        rf"(?P<mark>[{separator}]?)"
    )
    found, at = None, start
    for i in range(position + 1):
        found = field.match(text, at)
        if found is None or (i < position and not found["mark"]):
            raise IndexError(f"no field {position} in the record at {start}")
        at = found.end()
    assert found is not None
    kind = "plain" if found["quoted"] is None else "quoted"
    if kind == "quoted":
        return Span(found.start(kind), found.end(kind), is_quoted=True)
    start, end = found.span(kind)
    return _trim(text, start, end)._replace(field=(start, end))


def _list_span(line: str, position: int) -> Span:
    """A field of a line of a headerless list, as it is split into fields."""
    if "\t" not in line:
        word = list(re.finditer(r"\S+", line))[position]
        return Span(word.start(), word.end())
    begin, end = len(line) - len(line.lstrip(" ")), len(line.rstrip(" "))
    gaps = list(re.finditer(r" *\t *| +", line[begin:end]))
    starts = [begin, *(begin + gap.end() for gap in gaps)]
    ends = [*(begin + gap.start() for gap in gaps), end]
    return _trim(line, starts[position], ends[position])


def _trim(text: str, start: int, end: int) -> Span:
    """The span without what `str.strip` takes away, which is no part of what a cell means."""
    cell = text[start:end]
    if not cell.strip():
        return Span(start, start)
    return Span(start + len(cell) - len(cell.lstrip()), start + len(cell.rstrip()))
