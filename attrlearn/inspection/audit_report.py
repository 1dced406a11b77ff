"""What an audit found, as tables, text and a page."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from attrlearn.inspection.audit_page import write_page
from attrlearn.inspection.audit_text import format_audit

__all__ = ["AuditReport"]


@dataclass(frozen=True)
class AuditReport:
    """What `audit` found in N images and their annotation table.

    Numbers of rows count from 0, as ``X.iloc`` does.

    Attributes
    ----------
    images : DataFrame of N rows
        `image`, `format`, `width` and `height` (upright, in pixels), `mode`, `n_bytes`, `hash` of
        the content, `one_colour`, `suffix_format`, `reason` and `missing`.
    missing : DataFrame
        `row` and `image` of those that are not there.
    unreadable : DataFrame
        `row`, `image` and `reason` of those that are there and cannot be read.
    identical : DataFrame
        `row`, `image`, `set` and `same_path`: rows whose image another row has too, be it the same
        file or another one of the same bytes.
    conflicts : DataFrame
        `row`, `other_row`, `image`, `other_image`, `attribute`, `value`, `other_value`: cells in
        which identical images are labelled differently.
    near_duplicates : DataFrame
        `row`, `other_row`, `image`, `other_image`, `distance`, by what it was `found_by`,
        "thumbnails" or "features", and in how many cells their labels disagree, `disagreements`:
        the nearest pairs first, those by features last. Of identical images the first stands for
        all.
    groups : Series of length N
        A number that identical and nearly identical images share, and those that share a group in
        X, with the index of X: as ``X["group"]`` it keeps them on one side of every split.
    expected_leaks : float
        How many rows a random 5-fold split tests after training on one of their group; see Notes.
    wrong_suffix : DataFrame
        `row`, `image`, `suffix_format` and `format` of files named like another format.
    odd_sizes : DataFrame
        `row`, `image`, `width`, `height`, `finding`: images that can be read with a side below 64
        pixels, or with one side more than three times the other.
    one_colour : DataFrame
        `row` and `image` of those that show nothing.
    sizes : DataFrame
        Minimum, median and maximum of `width`, `height`, `aspect_ratio` (width by height) and
        `n_bytes`.
    attributes, classes : DataFrame
        Cells by attribute and by class; see Notes for the `verdict`.
    categories : DataFrame
        `rows` of each category and the share of their cells that is `labelled`.
    holes : DataFrame
        `category`, `attribute`, `rows`, `ruled_out`: what has no labelled cell.
    unlabelled : DataFrame
        `row` and `image` of rows without any label.
    sources : sequence of N images
        X itself; the page shows them.

    Notes
    -----
    A row is tested after training on one of its group of g rows with the probability
    1 - C(N/5 - 1, g - 1) / C(N - 1, g - 1); `expected_leaks` is the sum over all rows.

    A class is "too few" with fewer than 10 labelled cells, of which a fold of five tests no more
    than one, and "impossible" with fewer than 2. An attribute has the verdict of its second most
    frequent class; "one class" and "no labels" teach nothing.

    Examples
    --------
    >>> from attrlearn.inspection import audit
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (3, 80, 80, 3), dtype=np.uint8)
    >>> report = audit(images[[0, 1, 2, 0]], [[1], [0], [None], [0]])
    >>> report.conflicts[["row", "other_row", "attribute", "value", "other_value"]]
       row  other_row attribute value other_value
    0    0          3     Attr1     1           0
    >>> report.groups.tolist()
    [0, 1, 2, 0]
    """

    images: pd.DataFrame
    missing: pd.DataFrame
    unreadable: pd.DataFrame
    identical: pd.DataFrame
    conflicts: pd.DataFrame
    near_duplicates: pd.DataFrame
    groups: pd.Series
    expected_leaks: float
    wrong_suffix: pd.DataFrame
    odd_sizes: pd.DataFrame
    one_colour: pd.DataFrame
    sizes: pd.DataFrame
    attributes: pd.DataFrame
    classes: pd.DataFrame
    categories: pd.DataFrame
    holes: pd.DataFrame
    unlabelled: pd.DataFrame
    sources: Sequence[Any] = field(repr=False)

    def __str__(self) -> str:
        return format_audit(self)

    def __repr__(self) -> str:
        return format_audit(self)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return all tables by name, the groups among them.

        Returns
        -------
        dict of {str: DataFrame}
        """
        found = {
            name: value for name, value in vars(self).items() if isinstance(value, pd.DataFrame)
        }
        groups = {"row": range(len(self.groups)), "image": self.images["image"]}
        return found | {"groups": pd.DataFrame(groups).assign(group=self.groups.to_numpy())}

    def to_html(self, path: str | os.PathLike[str], title: str = "Audit") -> None:
        """Write the report as one page that needs no other file.

        Parameters
        ----------
        path : str or path-like
            File to write; one that is there is replaced.
        title : str, default="Audit"

        Notes
        -----
        The images that it shows are read again, at most 24 per finding.
        """
        Path(path).write_text(write_page(self, title), encoding="utf-8", errors="replace")
