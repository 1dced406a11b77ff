"""What a fit is called: of a search by its candidate and fold, else by estimator and time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

from sklearn.callback import CallbackContext

__all__ = ["Search", "as_text", "path_to", "run_name"]

CANDIDATE, REFIT = "candidate-split-evaluation", "refit-with-best-params"  # of scikit-learn
MAX_LENGTH = 120  # of a name, which may become a folder


@dataclass(frozen=True)
class Search:
    """What the outermost estimator looks for, if it is a search.

    Attributes
    ----------
    parameters : tuple of str
        Names of the hyperparameters, as in `set_params` of what is searched.
    n_splits : int or None
        Folds per candidate; None if they cannot be told before the search counts them.
    """

    parameters: tuple[str, ...] = ()
    n_splits: int | None = None

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Return what an estimator that begins its fit is going to look for.

        Examples
        --------
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn.model_selection import GridSearchCV
        >>> Search.of(GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=3))
        Search(parameters=('alpha',), n_splits=3)
        """
        space = getattr(estimator, "param_grid", None)
        space = getattr(estimator, "param_distributions", None) if space is None else space
        grids = [space] if isinstance(space, Mapping) else space or []
        names = dict.fromkeys(name for grid in grids for name in grid)
        return cls(tuple(names), _n_splits(getattr(estimator, "cv", None)) if names else None)

    def name(self, path: list[CallbackContext], estimator: Any) -> str:
        """Name the fit of an estimator at the end of a path of tasks; "" if it is the outermost.

        Parameters
        ----------
        path : list of CallbackContext
            As from `path_to`.
        estimator : AttributeClassifier
        """
        parts = []
        for task in path[1:]:
            if task.source_task_name == CANDIDATE and self.n_splits:
                candidate, fold = divmod(task.task_id, self.n_splits)
                parts.append(f"candidate-{candidate:03d}_fold-{fold}")
            elif task.source_task_name == CANDIDATE:
                parts.append(f"fit-{task.task_id:03d}")
            elif task.source_task_name == REFIT:
                parts.append("refit")
            elif task.task_name not in ("fit", "search"):
                parts.append(f"{task.task_name}-{task.task_id}")  # of a halving search
        if not parts:
            return ""
        return _cut("_".join(parts + [f"{n}={v}" for n, v in self._values(estimator)]))

    def _values(self, estimator: Any) -> list[tuple[str, str]]:
        """Names and values of the hyperparameters that the estimator itself has."""
        own = estimator.get_params(deep=False)
        names = [name.rpartition("__")[2] for name in self.parameters]
        return [(name, as_text(own[name])) for name in names if name in own]


def path_to(context: CallbackContext) -> list[CallbackContext]:
    """Return the tasks from the outermost one down to this one."""
    path = [context]
    while path[-1].parent is not None:
        path.append(path[-1].parent)
    return path[::-1]


def run_name(root: CallbackContext) -> str:
    """Name a run by the outermost estimator and when it began, by the local clock."""
    began = root.init_time.astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    return f"{root.estimator_name}_{began}_{root.root_uuid.hex[:4]}"


def as_text(value: Any) -> str:
    """Return the value of a hyperparameter in a few words.

    Examples
    --------
    >>> import numpy as np
    >>> as_text(0.1), as_text("adamw"), as_text(None), as_text(np.mean)
    ('0.1', 'adamw', 'None', 'mean')
    """
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return str(value)


def _cut(name: str) -> str:
    """The name in letters that every file system takes."""
    return re.sub(r"[^\w.=+-]+", "_", name)[:MAX_LENGTH].rstrip("._")


def _n_splits(cv: Any) -> int | None:
    """Folds of a splitter; None for one that has to see the rows, or could be used up."""
    if cv is None:
        return 5
    if isinstance(cv, Integral):
        return int(cv)
    if isinstance(cv, list | tuple):
        return len(cv)
    try:
        return int(cv.get_n_splits())
    except (AttributeError, TypeError, ValueError):
        return None
