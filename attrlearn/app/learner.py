"""A head that learns anew after each page, in a thread of its own, so that no page waits for it."""

import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attrlearn.app.label_order import Order, order_of
from attrlearn.app.labelled_table import LabelledTable
from attrlearn.classifier import AttributeClassifier
from attrlearn.embedder import ImageEmbedder
from attrlearn.exceptions import ImageError
from attrlearn.images.decoding import read_image
from attrlearn.model_selection import cross_val_predict_proba

__all__ = ["Learner", "Progress"]

FOLDS = 3
HEAD: dict[str, Any] = {"hidden_dim": None, "dropout": 0.5}  # ranks as a committee does, sooner
FEWEST = FOLDS  # labelled cells of each of two classes that an attribute needs to be learnt


class Progress(NamedTuple):
    """What a learner has found, and what it is doing."""

    order: Order | None  # None: nothing yet
    n_labelled: int  # cells that it was learnt from
    is_busy: bool
    text: str


class Learner:
    """Features of images, computed once, and the order that a head on them gives.

    Parameters
    ----------
    embedder : ImageEmbedder
        Fitted.
    report : callable of str
        Told in a sentence what fails.

    Notes
    -----
    The probabilities of a cell are those of a head that has not seen its image, also where the cell
    is missing, so that all of them can be compared.
    """

    def __init__(self, embedder: ImageEmbedder, report: Callable[[str], object]) -> None:
        self.embedder = embedder
        self.report = report
        self._features: dict[str, np.ndarray] = {}  # by path
        self._unreadable: dict[str, str] = {}
        self._waiting: LabelledTable | None = None
        self._progress = Progress(None, 0, is_busy=False, text="")
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def progress(self) -> Progress:
        """What is known so far."""
        return self._progress

    @property
    def unreadable(self) -> dict[str, str]:
        """The reason by path of images that could not be read."""
        return dict(self._unreadable)

    def learn(self, table: LabelledTable) -> None:
        """Learn from a table, once what is being learnt is done; of several the last counts."""
        with self._change:
            self._waiting = table
            self._progress = self._progress._replace(is_busy=True)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="learner")
                self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being learnt; False if it takes longer."""
        with self._change:
            return self._change.wait_for(lambda: self._thread is None, timeout)

    def _work(self) -> None:
        """Learn as long as there is something to learn from."""
        while True:
            with self._change:
                table, self._waiting = self._waiting, None
                if table is None:
                    self._thread = None
                    self._progress = self._progress._replace(is_busy=False)
                    self._change.notify_all()
                    return
            try:
                self._learn(table)
            except Exception as error:  # labelling goes on without a model
                reason = " ".join(str(error).split())
                self._say(f"The model could not learn: {reason}")
                self.report(self._progress.text)

    def _learn(self, table: LabelledTable) -> None:
        """Compute what is lacking of the features, and the order."""
        self._embed([path for path, there in zip(table.paths, table.found, strict=True) if there])
        rows = [row for row, path in enumerate(table.paths) if path in self._features]
        y = table.y().iloc[rows]
        y = y[[name for name in y if _can_be_learnt(y[name])]]
        if y.empty:
            self._say(
                f"A model needs {FEWEST} labelled images of each of two classes of an attribute. "
                "Until then cells come in the order of the file."
            )
            return
        self._say(f"learning from {int(y.notna().to_numpy().sum()):,} labelled cells")
        features = np.stack([self._features[table.paths[row]] for row in rows])
        categories = table.categories()
        with warnings.catch_warnings():
            # That an attribute has few examples is why it is asked for.
            warnings.simplefilter("ignore", UserWarning)
            proba = cross_val_predict_proba(
                AttributeClassifier(backbone=None, random_state=0, **HEAD),
                features,
                y.reset_index(drop=True),
                cv=FOLDS,
                groups=table.groups()[rows],
                categories=None if categories is None else categories[rows],
            )
            X = pd.DataFrame({"image": [table.paths[row] for row in rows]})
            if categories is not None:
                X["category"] = categories[rows]
            order = order_of(X, y.reset_index(drop=True), proba, features)
        order = Order(*(cells.assign(row=np.array(rows)[cells["row"]]) for cells in order))
        n_labelled = int(y.notna().to_numpy().sum())
        self._progress = Progress(
            order, n_labelled, is_busy=True, text=f"learnt from {n_labelled:,} labelled cells"
        )

    def _embed(self, paths: list[str]) -> None:
        """Compute the features of images of which they are not there yet."""
        new = [path for path in dict.fromkeys(paths) if path not in self._features]
        new = [path for path in new if path not in self._unreadable]
        if not new:
            return
        self._say(f"computing the features of {len(new):,} images, once")
        try:
            features = self.embedder.transform(new)
        except ImageError:
            for path in new:
                try:
                    read_image(path, 8)
                except ImageError as error:
                    self._unreadable[path] = str(error)
            new = [path for path in new if path not in self._unreadable]
            features = self.embedder.transform(new) if new else np.empty((0, 0))
        self._features.update(zip(new, features, strict=True))

    def _say(self, text: str) -> None:
        """Tell what is being done."""
        self._progress = self._progress._replace(text=text)


def _can_be_learnt(column: pd.Series) -> bool:
    """Whether there are examples of two classes at least."""
    counts: Any = column.value_counts()
    return bool((counts >= FEWEST).sum() >= 2)
