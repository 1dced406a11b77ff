"""The loss curve while it grows."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from sklearn.callback import CallbackContext

from attrlearn.callbacks.fit_follower import Fit, FitFollower
from attrlearn.plots import LossCurveDisplay

__all__ = ["LiveLossCurve"]

SHARE = 10  # drawing takes a tenth of the time at most
DPI = 100


class LiveLossCurve(FitFollower):
    """Redraw the loss curve and the validation scores in place while a fit runs.

    In a notebook the figure is the output of the cell, replaced after an epoch. With `path` it is a
    file as well, or, outside notebooks, alone. In a terminal without `path` nothing is drawn.

    Parameters
    ----------
    path : path, optional
        File that is replaced as a whole with each drawing; the ending tells the format, such as
        ``.png`` or ``.svg``. Missing folders are made.
    every : float, default=1.0
        Seconds from one drawing to the next, at least; more where drawing takes more than a tenth
        of the time. The last one, at the end of the fit, is always made. 0: after each epoch.

    Raises
    ------
    ValueError
        If `every` is negative, or matplotlib does not write what `path` ends in.

    See Also
    --------
    attrlearn.plots.LossCurveDisplay : The same figure of a fitted estimator.

    Notes
    -----
    Set it on the outermost estimator: a search shows the fit that runs now, with its name above. A
    worker process of a search (``n_jobs``) has no notebook and draws nothing; the refit is drawn.
    `TensorBoardCallback` shows all of them. What cannot be written is a `CallbackWarning`, and the
    fit goes on.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from attrlearn import AttributeClassifier
    >>> from attrlearn.callbacks import LiveLossCurve
    >>> path = Path(mkdtemp(), "curve.png")
    >>> X, y = np.eye(8, dtype=np.float32), np.eye(8)[:, :2]
    >>> clf = AttributeClassifier(None, max_epochs=2, random_state=0)
    >>> clf.set_callbacks(LiveLossCurve(path)).fit(X, y).n_epochs_
    2
    >>> path.exists()
    True
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, every: float = 1.0) -> None:
        super().__init__()
        if not isinstance(every, int | float) or not 0 <= every < inf:
            raise ValueError(
                f"every must be a number of seconds, 0 or more. Got {every!r}. Pass 1.0 to draw "
                "once a second."
            )
        self.path: Path | None = None if path is None else Path(path)
        if self.path is not None:
            _check_format(self.path)
        self.every: float = every
        self._canvases: dict[UUID, _Canvas] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the figure in the notebook."""
        return {**super().__getstate__(), "_canvases": {}}

    def _begin(self, estimator: Any, context: CallbackContext) -> None:
        """The outermost fit begins in this process."""
        notebook = _Notebook() if _in_notebook() else None
        self._canvases[context.root_uuid] = _Canvas(self.path, notebook, self.every)

    def _finish(self, estimator: Any, context: CallbackContext, *, failed: bool) -> None:
        """The outermost fit is over."""
        self._canvases.pop(context.root_uuid, None)

    def _open(self, fit: Fit) -> "_Curve":
        """The curve of a fit; in a worker process there is nothing to draw it on."""
        canvas = self._canvases.get(fit.root) or _Canvas(None, None, self.every)
        return _Curve(canvas, fit.name)


@dataclass
class _Curve:
    """The curve of one fit."""

    canvas: "_Canvas"
    name: str
    fitted: Any = None
    is_drawn: bool = False

    def update(self, fitted: Any) -> None:
        """Draw it, if it is time."""
        self.fitted = fitted
        self.is_drawn = self.canvas.draw(self._write)

    def end(self, *, failed: bool) -> None:
        """Draw what is there at last."""
        if not self.is_drawn:
            self.canvas.draw(self._write, last=True)

    def _write(self, extension: str) -> bytes:
        """The figure as it is in a file."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.4, 4.0), dpi=DPI, layout="constrained")
        title = ": ".join(part for part in (self.name, _describe(self.fitted)) if part)
        LossCurveDisplay.from_estimator(self.fitted, ax=figure.subplots())
        figure.axes[0].set_title(title.replace("$", r"\$"), fontsize="medium", wrap=True)
        buffer = BytesIO()
        figure.savefig(buffer, format=extension)
        return buffer.getvalue()


@dataclass
class _Canvas:
    """Where the curves of an outermost fit are drawn, one after the other."""

    path: Path | None
    notebook: "_Notebook | None"
    every: float
    next_time: float = field(default=-inf, init=False)

    def draw(self, write: Callable[[str], bytes], *, last: bool = False) -> bool:
        """Replace what is there, unless it is too early; return whether it was done."""
        began = monotonic()
        if (self.path is None and self.notebook is None) or (began < self.next_time and not last):
            return False
        if self.notebook is not None:
            self.notebook.show(write("png"))
        if self.path is not None:
            _replace(self.path, write(self.path.suffix[1:]))
        took = monotonic() - began
        self.next_time = began + (max(self.every, SHARE * took) if self.every else 0)
        return True


class _Notebook:
    """One output of a cell of a notebook."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, png: bytes) -> None:
        """Let the output be this figure."""
        from IPython.display import Image, display

        if self._handle is None:
            self._handle = display(Image(png), display_id=True)
        else:
            self._handle.update(Image(png))


def _in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this, with a front end that shows figures."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _describe(fitted: Any) -> str:
    """How far the fit is, in words."""
    words = f"epoch {fitted.n_epochs_}"
    if fitted.best_epoch_ and fitted.best_epoch_ != fitted.n_epochs_:
        words += f", best {fitted.best_epoch_}"
    return words


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole, for whoever looks at it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        written.write_bytes(content)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def _check_format(path: Path) -> None:
    """Raise unless matplotlib writes what the path ends in."""
    from matplotlib.figure import Figure

    known = Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise ValueError(
            f"path must end in a format of matplotlib, one of {sorted(known)}. Got "
            f"{str(path)!r}. Pass a path such as 'curve.png'."
        )
