"""Which rows of a labels file stay: by default one per image, with an image that is there."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from attrlearn.checks.urls import is_url, without_secrets
from attrlearn.exceptions import LabelsFileWarning, and_more, warn
from attrlearn.labels.cells import merge_rows
from attrlearn.labels.image_lookup import find_images
from attrlearn.labels.places import Place, join
from attrlearn.labels.remote_lookup import find_remote_images
from attrlearn.labels.tables import TextTable


class LabelRows(NamedTuple):
    """Rows of a labels file that stay, each with its place in it."""

    rows: np.ndarray  # (N,) int, row of the table
    images: np.ndarray  # (N,) object array of str, paths or URLs
    found: np.ndarray  # (N,) bool, whether it is a file, as far as was asked
    codes: np.ndarray  # (N, C) int, -1 where missing


def locate_images(
    table: TextTable, column: str, folder: Place, codes: np.ndarray, *, is_checked: bool
) -> LabelRows:
    """Return all rows of the table with the paths or URLs of their images.

    Servers are asked whether an image is there if it `is_checked`.
    """
    names = [name.strip() for name in table.columns[column]]
    empty = [row for row, name in enumerate(names) if not name]
    if empty:
        raise ValueError(
            f"{table.file} must name an image in every row. Got an empty cell at "
            f"{table.place(empty[0])}, column {column!r}{and_more(len(empty) - 1, 'cell')}."
        )
    files = _find(names, folder, is_checked)
    ambiguous = [row for row, matches in enumerate(files) if len(matches) > 1]
    if ambiguous:
        row = ambiguous[0]
        raise ValueError(
            f"{table.file} must name one image per row. Got {names[row]!r} at {table.place(row)}, "
            f"which may be {' or '.join(map(repr, files[row]))}"
            f"{and_more(len(ambiguous) - 1, 'row')}. Write the name with its suffix."
        )
    images = [
        join(folder, matches[0] if matches else name)
        for name, matches in zip(names, files, strict=True)
    ]
    found = np.array([bool(matches) for matches in files])
    return LabelRows(np.arange(len(names)), np.array(images, dtype=object), found, codes)


def _find(names: list[str], folder: Place, is_checked: bool) -> list[list[str]]:
    """The files in the folder, or URLs, that each name may stand for."""
    remote = {name for name in names if isinstance(folder, str) or is_url(name)}
    found = find_remote_images(remote, str(folder), is_checked=is_checked) if remote else {}
    if isinstance(folder, Path):
        local = [name for name in names if name not in remote]
        found |= zip(local, find_images(local, folder), strict=True)
    return [found[name] for name in names]


def path_column(paths: Sequence[str] | np.ndarray) -> pd.Series:
    """Return paths (N,) as text, or as objects if a name is not UTF-8, as pandas' text must be."""
    try:
        return pd.Series(paths)
    except UnicodeEncodeError:
        return pd.Series(paths, dtype=object)


def join_duplicates(table: TextTable, labels: LabelRows, on_duplicate: str) -> LabelRows:
    """Keep one row per image, in the order in which the images first appear, or all if asked to."""
    if on_duplicate == "keep":
        return labels
    groups, _ = pd.factorize(labels.images)
    _, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    n_removed = len(groups) - len(first)
    if n_removed == 0:
        return labels
    if on_duplicate == "raise":
        again = np.setdiff1d(labels.rows, first)[0]
        raise ValueError(
            f"{table.file} must hold one row per image. Got "
            f"{without_secrets(labels.images[again])!r} at {table.place(first[groups[again]])} and "
            f"again at {table.place(again)}{and_more(n_removed - 1, 'row')}. Pass "
            "on_duplicate='merge' or on_duplicate='first'."
        )
    codes, action = labels.codes[first], ", all but the first of each"
    if on_duplicate == "merge":
        codes, conflict = merge_rows(labels.codes, groups)
        action = (
            f", cells filled: {np.count_nonzero((labels.codes[first] < 0) & (codes >= 0))}"
            f", conflicting cells made missing: {np.count_nonzero(conflict)}"
            f", images with conflicts: {np.count_nonzero(conflict.any(axis=1))}"
        )
    warn(
        f"{table.file}: images with several rows: {np.count_nonzero(sizes > 1)}, "
        f"rows removed: {n_removed}{action}.",
        LabelsFileWarning,
    )
    return LabelRows(first, labels.images[first], labels.found[first], codes)


def drop_missing_images(table: TextTable, labels: LabelRows, on_missing_image: str) -> LabelRows:
    """Leave out the rows whose image is not a file."""
    missing = np.flatnonzero(~labels.found)
    if on_missing_image == "keep" or len(missing) == 0:
        return labels
    if on_missing_image == "raise" or not labels.found.any():
        raise FileNotFoundError(
            f"{table.file}, {table.place(labels.rows[missing[0]])}: there is no image "
            f"{without_secrets(labels.images[missing[0]])!r}{and_more(len(missing) - 1, 'image')}. "
            "Check image_dir, or pass on_missing_image='drop' to leave such rows out."
        )
    named = ", ".join(
        f"{without_secrets(labels.images[i])!r} ({table.place(labels.rows[i])})"
        for i in missing[:3]
    )
    warn(
        f"{table.file}: rows left out because their image is not there: {len(missing)} of "
        f"{len(labels.rows)}: {named}{', ...' if len(missing) > 3 else ''}.",
        LabelsFileWarning,
    )
    return LabelRows(*(field[labels.found] for field in labels))
