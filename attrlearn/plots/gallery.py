"""The images of an attribute that are most wrong, most unsure and most typical."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from attrlearn.checks.inputs import check_inputs
from attrlearn.checks.targets import MISSING
from attrlearn.exceptions import ImageError
from attrlearn.images.decoding import read_image
from attrlearn.metrics.alignment import Probabilities, align_probabilities
from attrlearn.plots.estimators import predict_attributes
from attrlearn.plots.grid import as_label, divide, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GalleryDisplay"]

CELL, TEXT = 1.15, 0.62  # inches: side of a thumbnail, height of the text around it
MIN_WIDTH = 4.8  # inches: of a title
SIDE = 160  # pixels of a thumbnail
MAX_CLASSES = 6  # of which typical images are shown
NAME_WIDTH = 60
CLASS_WIDTH = 14


class GalleryDisplay:
    """Images of an attribute in rows: most wrong, most unsure, and typical of each class.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    attribute : hashable
    rows : dict of {str: DataFrame}
        By the title of a row its candidates, the first to show first: `row`, the position of the
        image, `given`, its label (NA if missing), `predicted`, the most probable class, and
        `probability`, of 1 in a binary attribute, else of the most probable class.
    images : sequence of N images
    is_binary : bool
    n_images : int
        The most images in a row.

    Attributes
    ----------
    figsize : tuple of float
        Width and height in inches of a figure in which all can be read.
    axes_ : ndarray of shape (rows, n_images), of Axes
        What is not needed is empty.
    shown_ : dict of {str: DataFrame}
        The candidates that are shown.
    unreadable_ : list of int
        Rows of images that should be shown and cannot be read; those that come next take their
        places, and a note says how many.
    ax_, figure_
        The axes that they divide, and its figure.

    Notes
    -----
    *Wrong* are labelled cells whose most probable class is not the label, those with the least
    probability of the label first. *Unsure* are the cells whose two most probable classes differ
    least; also those without a label, which are the ones to label next. *Typical* of a class are
    cells with this label that is predicted, too, those with its highest probability first; of more
    than six classes those with most labels. Most probable is above 0.5 in a binary attribute,
    whatever the thresholds.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attrlearn.plots import GalleryDisplay
    >>> images = np.zeros((4, 8, 8, 3), dtype=np.uint8)
    >>> y, proba = [[1], [0], [None], [1]], [[0.9], [0.2], [0.45], [0.3]]
    >>> display = GalleryDisplay.from_predictions(
    ...     y, proba, images=images, attribute="Attr1", ax=Figure().subplots()
    ... )
    >>> {title: table["row"].tolist() for title, table in display.shown_.items()}
    {'Most wrong': [3], 'Most unsure': [2, 3, 1, 0], 'Typical of 0': [1], 'Typical of 1': [0]}
    """

    def __init__(
        self,
        *,
        attribute: Any,
        rows: Mapping[str, pd.DataFrame],
        images: Sequence[Any],
        is_binary: bool,
        n_images: int,
    ) -> None:
        self.attribute = attribute
        self.rows = rows
        self.images = images
        self.is_binary = is_binary
        self.n_images = n_images

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        attribute: Any,
        images: Any = None,
        n_images: int = 8,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the images of an attribute, by what an estimator says of them.

        Parameters
        ----------
        estimator : AttributeClassifier, or a pipeline or search that ends in one
            Fitted, on other rows.
        X : as `predict_proba` of the estimator takes it
        y : array-like or DataFrame of shape (N, A)
            With gaps.
        attribute, n_images, ax
            See `from_predictions`.
        images : collection of N images, optional
            Needed where X holds features. None: X.

        Returns
        -------
        GalleryDisplay

        Raises
        ------
        ValueError
            If `y` has not the attributes of the estimator, or an argument breaks a rule.
        """
        y_true, y_proba, classes = predict_attributes(estimator, X, y)
        return cls.from_predictions(
            y_true,
            y_proba,
            images=X if images is None else images,
            attribute=attribute,
            classes=classes,
            n_images=n_images,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Probabilities,
        *,
        images: Any,
        attribute: Any,
        classes: Any = None,
        n_images: int = 8,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the images of an attribute, by predicted probabilities.

        Parameters
        ----------
        y_true, y_proba, classes
            See `attribute_report`. NaN in `y_proba`, as of an image that cannot be read, leaves
            the row out.
        images : collection of N images, or DataFrame with a column ``image``
        attribute : hashable
            A column of `y_true`.
        n_images : int, default=8
            The most images in a row.
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        GalleryDisplay

        Raises
        ------
        ValueError
            If an argument breaks a rule.
        """
        if n_images < 1:
            raise ValueError(f"n_images must be at least 1. Got {n_images}. Pass one like 8.")
        alignment = align_probabilities(y_true, y_proba, classes=classes)
        names = alignment.attributes.names
        if attribute not in names:
            raise ValueError(
                f"attribute must be a column of y_true. Got {attribute!r}. They are {names}."
            )
        a = names.index(attribute)
        sources = check_inputs(images).images
        assert sources is not None
        if len(sources) != len(alignment.codes):
            raise ValueError(
                f"images must be one per row of y_true. Got {len(sources)} for "
                f"{len(alignment.codes)} rows. Select the same rows of both."
            )
        known, is_binary = alignment.attributes.classes[a], alignment.attributes.is_binary[a]
        rows = _choose(alignment.codes[:, a], alignment.predicted[a], known, is_binary)
        display = cls(
            attribute=attribute,
            rows=rows,
            images=sources,
            is_binary=is_binary,
            n_images=n_images,
        )
        return display.plot(ax=ax)

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height in inches of a figure in which all can be read."""
        width, height = self.n_images * (CELL + 0.1), len(self.rows) * (CELL + TEXT)
        return round(max(width, MIN_WIDTH) + 0.2, 1), round(height + 0.6, 1)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes whose place is used; None makes a new figure of the size `figsize`.

        Returns
        -------
        GalleryDisplay
        """
        self.ax_ = open_axes(ax, self.figsize)
        self.figure_ = self.ax_.figure
        shape = len(self.rows), self.n_images
        self.axes_ = np.array(divide(self.ax_, *shape)).reshape(shape)
        self.shown_: dict[str, pd.DataFrame] = {}
        self.unreadable_: list[int] = []
        for axes, (title, table) in zip(self.axes_, self.rows.items(), strict=True):
            thumbnails = self._read(table)
            self.shown_[title] = table[table["row"].isin(list(thumbnails))].reset_index(drop=True)
            heading = axes[0].set_title(
                as_label(title, NAME_WIDTH), loc="left", fontsize=9, weight="bold"
            )
            heading.set_in_layout(False)  # it runs over the next columns, and would part them
            for inner in axes:
                inner.set_title(" ", fontsize=9)  # the height of it
                inner.set(xticks=[], yticks=[])
                inner.spines[:].set_visible(False)
            if not thumbnails:
                axes[0].text(0, 0.5, "none", fontsize=9, color="0.4")
            cells = self.shown_[title].itertuples()
            for inner, pixels, cell in zip(axes, thumbnails.values(), cells, strict=False):
                inner.imshow(pixels)
                inner.set_xlabel(self._caption(cell), fontsize=7.5, labelpad=2)
        note = f" ({len(self.unreadable_)} unreadable left out)" if self.unreadable_ else ""
        self.ax_.set_title(f"{as_label(self.attribute, NAME_WIDTH)}{note}", fontsize=10, pad=-2)
        return self

    def _read(self, table: pd.DataFrame) -> dict[int, np.ndarray]:
        """The first thumbnails of a row that can be read, by their position."""
        found: dict[int, np.ndarray] = {}
        for row in table["row"]:
            if len(found) == self.n_images:
                break
            try:
                found[row] = read_image(self.images[row], SIDE, "pad")
            except ImageError:
                if row not in self.unreadable_:
                    self.unreadable_.append(row)
        return found

    def _caption(self, cell: Any) -> str:
        """What was given, and what is predicted."""
        given = "missing" if pd.isna(cell.given) else as_label(cell.given, CLASS_WIDTH)
        if self.is_binary:
            return f"label {given}\np {cell.probability:.2f}"
        predicted = as_label(cell.predicted, CLASS_WIDTH)
        return f"label {given}\n{predicted} {cell.probability:.2f}"


def _choose(
    codes: np.ndarray, proba: np.ndarray, known: np.ndarray, is_binary: bool
) -> dict[str, pd.DataFrame]:
    """The candidates of each row of the gallery, from class codes (N,) and probabilities (N, k)."""
    predictable = ~np.isnan(proba).any(axis=1)
    filled = np.where(predictable[:, None], proba, 0)
    labelled = (codes != MISSING) & predictable
    predicted = filled.argmax(axis=1)
    of_label = filled[np.arange(len(codes)), np.where(labelled, codes, 0)]
    ranked = np.sort(filled, axis=1)
    margin = ranked[:, -1] - ranked[:, -2] if filled.shape[1] > 1 else ranked[:, -1]
    orders = {
        "Most wrong": _order(labelled & (predicted != codes), of_label),
        "Most unsure": _order(predictable, margin),
    }
    support = np.bincount(codes[labelled], minlength=len(known))
    frequent = np.sort(np.argsort(-support, kind="stable")[:MAX_CLASSES])
    for code in frequent[support[frequent] > 0]:
        right = labelled & (codes == code) & (predicted == code)
        if right.any():
            orders[f"Typical of {known[code]}"] = _order(right, -of_label)
    values = pd.Series(list(known), dtype=object)
    table = pd.DataFrame(
        {
            "row": np.arange(len(codes)),
            "given": values.reindex(np.where(labelled, codes, -1)).to_numpy(),
            "predicted": values.reindex(predicted).to_numpy(),
            "probability": filled[:, 1] if is_binary else ranked[:, -1],
        }
    )
    return {title: table.iloc[order].reset_index(drop=True) for title, order in orders.items()}


def _order(chosen: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Positions of the chosen rows, those with the lowest key first."""
    rows = np.flatnonzero(chosen)
    return rows[np.argsort(key[rows], kind="stable")]
