"""The grid of images on the page: what it is shown, and what it hands over."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from attrlearn.app.label_session import Answer
from attrlearn.app.questions import Question
from attrlearn.exceptions import ImageError
from attrlearn.images.decoding import read_image
from attrlearn.images.encoded import jpeg_url

__all__ = ["cards", "prepare", "read_answers", "show_grid", "thumbnail"]

SIDE = 320  # of a small copy, in pixels


def cards(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """Return what the grid shows of questions."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(_card, questions))


def prepare(paths: Sequence[str]) -> None:
    """Make small copies of images that will be shown soon, while something else is done."""
    threading.Thread(target=lambda: [thumbnail(path) for path in paths], daemon=True).start()


def _card(question: Question) -> dict[str, Any]:
    """What the grid shows of a question."""
    cell = question.cells[0]
    names = list(dict.fromkeys(cell.image for cell in question.cells))
    source, trouble = thumbnail(question.path)
    return {
        "key": question.key,
        "name": cell.image if len(names) == 1 else f"{cell.image} and {len(names) - 1} more",
        "title": ", ".join(names),
        "src": source,
        "trouble": trouble,
        "note": _note(question),
        "suggested": question.suggested,
        "confidence": question.confidence,
    }


def read_answers(handed: Any) -> list[Answer]:
    """Return the answers that the grid has handed over.

    Raises
    ------
    ValueError
        If it is nothing that the grid sends.

    Examples
    --------
    >>> read_answers({"answers": [{"key": "k", "label": "1", "is_skipped": False}]})
    [Answer(key='k', label='1', is_skipped=False)]
    """
    try:
        return [
            Answer(str(a["key"]), None if a["label"] is None else str(a["label"]), a["is_skipped"])
            for a in handed["answers"]
        ]
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"The page must hand answers over. Got {str(handed)[:80]!r}. Reload it."
        ) from error


def show_grid(data: Mapping[str, Any], on_answers: Callable[[], None], key: str) -> None:
    """Show questions; when answers are handed over, call with them in the session state."""
    _component()(data=dict(data), key=key, on_answers_change=on_answers)


def thumbnail(path: str) -> tuple[str | None, str]:
    """Return a small copy of an image as a URL that contains it, and what is wrong with it."""
    try:
        mtime = Path(path).stat().st_mtime_ns
    except OSError:
        mtime = 0
    return _thumbnail(path, mtime)


@lru_cache(512)
def _thumbnail(path: str, mtime: int) -> tuple[str | None, str]:
    """The copy of an image in one state of its file."""
    try:
        pixels = read_image(path, SIDE, "pad")
    except ImageError as error:
        return None, f"cannot be read: {error}"
    return jpeg_url(pixels, quality=82), ""


def _note(question: Question) -> str:
    """What there is to know of the cells beside that one is missing."""
    n_rows = len(question.cells)
    if question.kind == "doubtful":
        return f"labelled: {_words(question.seen)}"
    if question.kind == "contradicting":
        return f"contradicting: {_words(question.seen)}"
    return f"in {n_rows} rows: {_words(question.seen)}" if n_rows > 1 else ""


def _words(texts: Sequence[str]) -> str:
    """What cells hold, each once."""
    return " / ".join(dict.fromkeys(text or "missing" for text in texts))


@lru_cache(1)
def _component() -> Any:
    """The component, whose parts are files beside this one."""
    import streamlit as st

    folder = Path(__file__).parent
    return st.components.v2.component(
        "attrlearn_label_grid",
        js=folder.joinpath("label_grid.js").read_text(encoding="utf-8"),
        css=folder.joinpath("label_grid.css").read_text(encoding="utf-8"),
    )
