"""A grid of small axes, one per attribute, in the place of one."""

import math
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ONE_CLASS",
    "add_legend",
    "as_label",
    "divide",
    "draw_grid",
    "grid_size",
    "open_axes",
    "thin",
]

CELL_WIDTH, CELL_HEIGHT, LEGEND_HEIGHT, MIN_WIDTH = 1.9, 1.9, 0.3, 5.5  # inches
MAX_COLUMNS = 8
MAX_POINTS = 1000
NAME_WIDTH = 26
ONE_CLASS = "fewer than two classes"


def open_axes(ax: "Axes | None", figsize: tuple[float, float]) -> "Axes":
    """The axes given, else those of a new figure of that size in inches."""
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    return ax


def grid_size(n_cells: int) -> tuple[float, float]:
    """Width and height in inches of a figure in which a grid can be read.

    Examples
    --------
    >>> grid_size(4), grid_size(77)
    ((5.5, 4.6), (15.7, 19.8))
    """
    n_rows, n_columns = _shape(n_cells)
    width, height = n_columns * CELL_WIDTH + 0.5, n_rows * CELL_HEIGHT + LEGEND_HEIGHT + 0.5
    return round(max(width, MIN_WIDTH), 1), round(height, 1)


def divide(ax: "Axes", n_rows: int, n_columns: int) -> "list[Axes]":
    """Axes in the place of `ax`, row by row; it stays behind them, with room for a legend on top.

    Raises
    ------
    ValueError
        If `ax` is in no grid, which a layout could divide.
    """
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            "ax must be from subplots or add_subplot. Got one placed by add_axes. Pass ax=None for "
            "a new figure."
        )
    ax.set_axis_off()
    figure = ax.figure
    height = ax.get_position().height * figure.bbox.height / figure.get_dpi()
    top = min(LEGEND_HEIGHT / height, 0.5)
    below = place.subgridspec(2, 1, height_ratios=[top, 1 - top])[1]
    cells = below.subgridspec(n_rows, n_columns)
    return [figure.add_subplot(cells[i]) for i in range(n_rows * n_columns)]


def draw_grid(
    ax: "Axes", names: Collection[Any], notes: Collection[str], xlabel: str, ylabel: str
) -> np.ndarray:
    """Divide the place of `ax` into axes from 0 to 1, one per attribute, row by row.

    Parameters
    ----------
    ax : Axes
    names : collection of A names
    notes : collection of A str
        What is said of each in a second line of its title.
    xlabel, ylabel : str
        Below the lowest and beside the leftmost axes.

    Returns
    -------
    ndarray of shape (A,), of Axes
    """
    n_rows, n_columns = _shape(len(names))
    axes = divide(ax, n_rows, n_columns)
    for unused in axes[len(names) :]:
        unused.remove()
    for i, (inner, name, note) in enumerate(zip(axes, names, notes, strict=False)):
        inner.set_title(f"{as_label(name, NAME_WIDTH)}\n{note}", fontsize=8)
        inner.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.05))
        lowest, leftmost = i + n_columns >= len(names), i % n_columns == 0
        inner.set_xticks([0, 0.5, 1], ["0", "0.5", "1"] if lowest else ["", "", ""])
        inner.set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if leftmost else ["", "", ""])
        inner.set_xlabel(xlabel if lowest else "", fontsize=8)
        inner.set_ylabel(ylabel if leftmost else "", fontsize=8)
        inner.tick_params(labelsize=8)
        inner.grid(alpha=0.3)
    return np.array(axes[: len(names)])


def add_legend(ax: "Axes", entries: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """One line on top of divided axes that says what lines of each style mean."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=label, **style) for label, style in entries]
    ax.legend(
        handles=handles,
        loc="upper center",
        ncols=len(handles),
        fontsize=9,
        frameon=False,
        borderaxespad=0,
        columnspacing=1.5,
    )


def as_label(name: Any, width: int) -> str:
    r"""Return the name of an attribute or a class, cut to a width, as matplotlib writes it.

    Both ends stay, as names that begin alike differ at the end.

    Examples
    --------
    >>> as_label("$1 to $5", 20)  # not as a formula
    '\\$1 to \\$5'
    >>> as_label("sleeves of a length of 3", 12)
    'sleev...of 3'
    """
    text = str(name)
    if len(text) > width:
        n_last = (width - 3) // 2
        text = f"{text[: width - 3 - n_last]}...{text[len(text) - n_last :]}"
    return text.replace("$", r"\$")


def thin(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve itself, or if it is long, as many of its points as can be seen.

    Examples
    --------
    >>> len(thin(pd.DataFrame({"recall": np.linspace(0, 1, 5000)})))
    1000
    """
    if len(curve) <= MAX_POINTS:
        return curve
    kept = np.linspace(0, len(curve) - 1, MAX_POINTS).round().astype(int)
    return curve.iloc[kept].reset_index(drop=True)


def _shape(n_cells: int) -> tuple[int, int]:
    """Rows and columns of a grid."""
    n_columns = min(math.ceil(math.sqrt(n_cells)), MAX_COLUMNS)
    return math.ceil(n_cells / n_columns), n_columns
