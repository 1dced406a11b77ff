"""A labels file as what there is to decide: images, attributes, and rows that show one image."""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from attrlearn.features.content_hash import content_hash
from attrlearn.labels.cells import Codes, read_attributes, read_classes
from attrlearn.labels.column_choice import choose_columns
from attrlearn.labels.duplicates import locate_images
from attrlearn.labels.editing import LabelsContent
from attrlearn.labels.notation import binary_notation, missing_mark
from attrlearn.labels.places import Place
from attrlearn.labels.shared_file import CellName, cell_names

__all__ = ["Columns", "LabelledTable", "check_attributes_named"]


class Columns(NamedTuple):
    """Which columns of a labels file are what, as in `read_labels`."""

    image: str | None = None
    category: str | None = None
    group: str | None = None
    attributes: Sequence[str] | None = None
    categorical: Sequence[str] | None = None


class LabelledTable:
    """The rows of a labels file, all of them, whether or not their images are there.

    Parameters
    ----------
    content : LabelsContent
    columns : Columns
    image_dir : path or URL
        Folder of the images.

    Attributes
    ----------
    image : str
        Name of the image column.
    names, paths : list of N str
        What the file calls the image of a row, and where it is.
    found : ndarray of bool, shape (N,)
        Whether it is there; images by URL are taken to be.
    attributes : dict of str to Codes
        In the order of the file.
    same : ndarray of int, shape (N,)
        The same number for rows whose images are byte for byte the same.

    Raises
    ------
    ValueError
        If the file breaks a rule of `read_labels`.
    """

    def __init__(self, content: LabelsContent, columns: Columns, image_dir: Place) -> None:
        self.content = content
        table, na_values = content.table, content.na_values
        inputs = {"category": columns.category, "group": columns.group}
        carried = {name: column for name, column in inputs.items() if column is not None}
        self.image, names, categorical = choose_columns(
            table, columns.image, carried, columns.attributes, columns.categorical
        )
        self.attributes: dict[str, Codes] = read_attributes(table, names, categorical, na_values)
        self._carried = {
            name: read_classes(table.columns[column], na_values) for name, column in carried.items()
        }
        codes = np.zeros((len(table.lines), 0), int)
        rows = locate_images(table, self.image, image_dir, codes, is_checked=False)
        self.names = [name.strip() for name in table.columns[self.image]]
        self.paths: list[str] = rows.images.tolist()
        self.found = rows.found
        self.same = _same_images(self.paths, self.found)
        self._binary = [name for name in names if self.attributes[name].classes is None]

    def y(self) -> pd.DataFrame:
        """Return the cells as `read_labels` does, a row per row of the file."""
        return pd.DataFrame({name: column.decode() for name, column in self.attributes.items()})

    def categories(self) -> np.ndarray | None:
        """Return the category of each row (N,), None where missing; None if there are none."""
        if "category" not in self._carried:
            return None
        column = self._carried["category"].decode().astype(object)
        return column.where(column.notna(), None).to_numpy()

    def groups(self) -> np.ndarray:
        """Return (N,) the same number for rows that splits must not part.

        They show the same image, or belong to one group.
        """
        if "group" not in self._carried:
            return self.same
        groups = self._carried["group"].codes
        alone = groups < 0
        groups = np.where(alone, groups.max(initial=0) + 1 + self.same, groups)
        return _joined(self.same, groups)

    def classes(self, attribute: str) -> list[str]:
        """Return the classes of an attribute, '0' and '1' if it is binary."""
        return self.attributes[attribute].classes or ["0", "1"]

    def is_binary(self, attribute: str) -> bool:
        """Whether an attribute is there or not."""
        return self.attributes[attribute].classes is None

    @lru_cache  # noqa: B019 - a table lives as long as its page
    def labels(self, attribute: str) -> list[str | None]:
        """Return the class of each row, None where it is missing."""
        classes = self.classes(attribute)
        return [classes[code] if code >= 0 else None for code in self.attributes[attribute].codes]

    def text_for(self, attribute: str, label: str | None) -> str:
        """Return how the file writes a class, or with None a gap, in the column of an attribute."""
        table, na_values = self.content.table, self.content.na_values
        if label is None:
            return missing_mark(table, attribute, self.attributes, na_values)
        if self.is_binary(attribute):
            return self._notation(attribute)[int(label)]
        return label

    @lru_cache  # noqa: B019
    def _notation(self, attribute: str) -> Mapping[int, str]:
        """How 0 and 1 are written in a column."""
        content = self.content
        return binary_notation(content.table, attribute, self._binary, content.na_values)

    @lru_cache  # noqa: B019
    def cell_names(self, attribute: str) -> list[CellName]:
        """Return what the cell of an attribute is called in each row."""
        return cell_names(self.names, attribute)

    @lru_cache  # noqa: B019
    def texts(self, attribute: str) -> list[str]:
        """Return what the cells of an attribute hold."""
        return [text.strip() for text in self.content.table.columns[attribute]]


def _same_images(paths: Sequence[str], found: np.ndarray) -> np.ndarray:
    """(N,) the number of the content of each image; those that are not there are known by name."""
    local = {path for path, there in zip(paths, found, strict=True) if there and _size(path)}
    by_size = defaultdict(list)
    for path in local:
        by_size[_size(path)].append(path)
    alike = [path for of_size in by_size.values() if len(of_size) > 1 for path in of_size]
    with ThreadPoolExecutor(8) as pool:
        hashes = dict(zip(alike, pool.map(_hash_of, alike), strict=True))
    codes, _ = pd.factorize(np.array([hashes.get(path) or path for path in paths], dtype=object))
    return codes


def _size(path: str) -> int:
    """Bytes of a file; 0 if it is none, such as a URL."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _hash_of(path: str) -> bytes | None:
    """The hash of a file in its present state, which is computed once."""
    state = Path(path).stat()
    return _hash_in_state(path, state.st_size, state.st_mtime_ns)


@lru_cache(1 << 17)
def _hash_in_state(path: str, size: int, mtime: int) -> bytes | None:
    """The hash of a file."""
    return content_hash(path)


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) the number of the rows that are connected by either of two groupings."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, m = int(one.max()) + 1, int(other.max()) + 1
    edges = coo_array((np.ones(len(one)), (one, n + other)), shape=(n + m, n + m))
    return connected_components(edges, directed=False)[1][one]


def check_attributes_named(attributes: Collection[str], chosen: Sequence[str]) -> None:
    """Raise unless there are the chosen attributes."""
    for name in chosen:
        if name not in attributes:
            raise ValueError(
                f"--attribute must name attributes of LABELS. Got {name!r}. There are "
                f"{list(attributes)}."
            )
