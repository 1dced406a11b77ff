"""Which attributes occur together, as a heat map."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.targets import MISSING, check_attributes, encode_targets
from attrlearn.plots.grid import as_label, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CooccurrenceDisplay"]

MEASURES = {"phi": "phi coefficient", "conditional": "share of column where row is there"}
NAME_WIDTH = 24
ANNOTATED = 24  # items up to which each cell holds its number
CELL, SMALL_CELL = 0.42, 0.19  # inches
MARGIN = 2.3


class CooccurrenceDisplay:
    """How attributes and classes go together, from the rows in which both are labelled.

    Make one with `from_labels`.

    Parameters
    ----------
    association : DataFrame of shape (K, K)
        By item: a binary attribute, or a class of a categorical one. NaN is left blank.
    measure : {"phi", "conditional"}, default="phi"
        What it holds.

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all items can be read.
    ax_, figure_
        The axes with the heat map, and their figure.
    image_ : AxesImage
    text_ : ndarray of shape (K, K) of Text, or None
        The numbers, for at most 24 items; None where a cell is blank.

    Notes
    -----
    The phi coefficient is Pearson's correlation of two items in 0 and 1: of the four counts of rows
    in which both, one or none is there, (n11 n00 - n10 n01) divided by the square root of the
    product of the four margins. It is 0 for items that have nothing to do with each other, 1 for
    those that always come together, and negative for those that avoid each other; it does not
    depend on which of both is named first. The conditional share, which does, is the share of rows
    with the item of the column among those with the item of the row.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attrlearn.plots import CooccurrenceDisplay
    >>> y = [[1, 1], [1, 1], [0, 0], [0, 1], [None, 0], [0, 0]]
    >>> display = CooccurrenceDisplay.from_labels(y, min_labelled=2, ax=Figure().subplots())
    >>> display.association.loc["Attr1", "Attr2"].round(3).item()
    0.667
    """

    def __init__(self, *, association: pd.DataFrame, measure: str = "phi") -> None:
        self.association = association
        self.measure = measure

    @classmethod
    def from_labels(
        cls,
        y: Any,
        *,
        measure: str = "phi",
        min_labelled: int = 20,
        categorical_attributes: Any = "from_dtype",
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the co-occurrence of the attributes of a table.

        Parameters
        ----------
        y : array-like or DataFrame of shape (N, A)
            With gaps: each pair is judged by the rows that have both labelled.
        measure : {"phi", "conditional"}, default="phi"
            See Notes of the class.
        min_labelled : int, default=20
            Rows with both labelled (with "conditional": and the item of the row there) below which
            a cell is left blank. So is one of an item that is always or never there in them, of
            which phi is not defined, and one of two classes of an attribute, which exclude each
            other.
        categorical_attributes : "from_dtype" or list of names or positions, default="from_dtype"
            See `AttributeClassifier`.
        ax : matplotlib Axes, optional
            None makes a new figure of the size `figsize`.

        Returns
        -------
        CooccurrenceDisplay

        Raises
        ------
        ValueError
            If an argument breaks a rule.
        """
        _check_measure(measure)
        if min_labelled < 1:
            raise ValueError(f"min_labelled must be at least 1. Got {min_labelled!r}. Pass 20.")
        table, attributes = check_attributes(y, len(y), categorical_attributes)
        codes = encode_targets(table, attributes)
        association = _associate(codes, attributes, measure, min_labelled)
        return cls(association=association, measure=measure).plot(ax=ax)

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height in inches of a figure in which all items can be read."""
        side = len(self.association) * (CELL if self._is_annotated() else SMALL_CELL)
        return round(max(side, 2.0) + MARGIN + 0.8, 1), round(max(side, 2.0) + MARGIN, 1)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            None makes a new figure of the size `figsize`.

        Returns
        -------
        CooccurrenceDisplay
        """
        _check_measure(self.measure)
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        values = self.association.to_numpy(dtype=float)
        low, colours = (-1, "RdBu_r") if self.measure == "phi" else (0, "Blues")
        self.image_ = self.ax_.imshow(values, cmap=colours, vmin=low, vmax=1)
        names = [as_label(name, NAME_WIDTH) for name in self.association]
        size = 9 if self._is_annotated() else 7
        self.ax_.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        self.ax_.set_yticks(range(len(names)), names, fontsize=size)
        self.ax_.tick_params(length=0)
        self.ax_.set_facecolor("#d4d4d4")
        self.ax_.spines[:].set_visible(False)
        self._draw_lines(len(names))
        bar = self.figure_.colorbar(self.image_, ax=self.ax_, shrink=0.7, aspect=30, pad=0.02)
        bar.set_label(MEASURES[self.measure], fontsize=9)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8)
        self.text_ = self._write(values) if self._is_annotated() else None
        return self

    def _is_annotated(self) -> bool:
        """Whether each cell has room for its number."""
        return len(self.association) <= ANNOTATED

    def _draw_lines(self, n_items: int) -> None:
        """White lines between the cells."""
        edges = np.arange(n_items + 1) - 0.5
        self.ax_.set_xticks(edges, minor=True)
        self.ax_.set_yticks(edges, minor=True)
        self.ax_.grid(which="minor", color="white", linewidth=1.2 if self._is_annotated() else 0.4)
        self.ax_.tick_params(which="minor", length=0)

    def _write(self, values: np.ndarray) -> np.ndarray:
        """The number of each cell that is not blank."""
        texts = np.full(values.shape, None, dtype=object)
        for row, column in np.argwhere(~np.isnan(values)):
            value = values[row, column]
            dark = abs(value) > 0.6
            texts[row, column] = self.ax_.text(
                column,
                row,
                f"{value:.2f}".replace("0.", ".").replace("-.00", ".00"),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "black",
            )
        return texts


def _check_measure(measure: str) -> None:
    """Raise unless it can be drawn."""
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {list(MEASURES)}. Got {measure!r}. Pass 'phi'.")


def _associate(
    codes: np.ndarray, attributes: Attributes, measure: str, min_labelled: int
) -> pd.DataFrame:
    """(K, K) of all items: binary attributes, and classes of categorical ones."""
    names, there, known, owners = [], [], [], []
    for a, (name, classes) in enumerate(zip(attributes.names, attributes.classes, strict=True)):
        items = [1] if attributes.is_binary[a] else range(len(classes))
        for code in items:
            names.append(str(name) if attributes.is_binary[a] else f"{name}: {classes[code]}")
            there.append(codes[:, a] == code)
            known.append(codes[:, a] != MISSING)
            owners.append(a)
    x, w = (np.array(part, dtype=float).T for part in (there, known))  # (N, K)
    both, n = x.T @ x, w.T @ w
    of_row, of_column = x.T @ w, w.T @ x  # where the other is labelled too
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "phi":
            margins = of_row * (n - of_row) * of_column * (n - of_column)
            values = (n * both - of_row * of_column) / np.sqrt(margins)
            rows = n
        else:
            values, rows = both / of_row, of_row
    same = np.equal.outer(owners, owners)
    values[(rows < min_labelled) | same | ~np.isfinite(values)] = np.nan
    return pd.DataFrame(values, index=names, columns=names)
