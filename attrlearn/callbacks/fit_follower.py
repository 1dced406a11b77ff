"""What all callbacks share: which fits they follow, and what becomes of errors."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from sklearn.callback import CallbackContext

from attrlearn.callbacks.fit_names import Search, path_to, run_name
from attrlearn.exceptions import CallbackWarning, warn

__all__ = ["Fit", "FitFollower", "Record"]


@dataclass(frozen=True)
class Fit:
    """A fit of an `AttributeClassifier`, as callbacks see it begin.

    Attributes
    ----------
    root : UUID
        Of the outermost fit that it is a part of.
    run : str
        The name of that one.
    name : str
        Its own among them; "" if it is the outermost.
    params : dict
        Hyperparameters of the estimator.
    """

    root: UUID
    run: str
    name: str
    params: dict[str, Any]


class Record(Protocol):
    """Where the epochs of one fit go."""

    def update(self, fitted: Any) -> None:
        """Take in what the epochs so far have left in an estimator."""

    def end(self, *, failed: bool) -> None:
        """Close; nothing more will come."""


class FitFollower:
    """A callback that follows the epochs of all `AttributeClassifier` fits under one estimator.

    A record is opened at the end of the first epoch of a fit and closed at the end of the fit, or
    when the outermost fit is over. Errors become one warning per outermost fit, which is then
    followed no more. A pickle, as a worker process gets it, has no records: it opens its own. Of
    the processes of torchrun the first one speaks for all.
    """

    max_propagation_depth: int | None = None  # to all levels, as scikit-learn's protocol has it

    def __init__(self) -> None:
        self._searches: dict[UUID, Search] = {}
        self._records: dict[tuple[UUID, tuple[int, ...]], Record] = {}
        self._failed: set[UUID] = set()

    def _open(self, fit: Fit) -> Record:
        """The record of a fit of which an epoch is over."""
        raise NotImplementedError

    def _begin(self, estimator: Any, context: CallbackContext) -> None:
        """The outermost fit begins."""

    def _finish(self, estimator: Any, context: CallbackContext, *, failed: bool) -> None:
        """The outermost fit has ended; then, or if it never has, it is left as `failed`."""

    def setup(self, estimator: Any, context: CallbackContext) -> None:
        """Begin with the outermost fit."""
        self._searches[context.root_uuid] = Search.of(estimator)
        self._attempt(context, lambda: self._begin(estimator, context))

    def on_fit_task_begin(self, estimator: Any, context: CallbackContext) -> None:
        """Do nothing: there is nothing to show yet."""

    def on_fit_task_end(
        self, estimator: Any, context: CallbackContext, *, fitted_estimator: Any = None
    ) -> None:
        """Take in an epoch, or the end of a fit."""
        if hasattr(fitted_estimator, "history_") and hasattr(fitted_estimator, "loss_curve_"):
            self._attempt(context, lambda: self._take(estimator, context, fitted_estimator))
        if context.parent is None:
            self._attempt(context, lambda: self._finish(estimator, context, failed=False))

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Leave the outermost fit, also one that failed."""
        root = context.root_uuid
        for key in [key for key in self._records if key[0] == root]:
            record = self._records.pop(key)
            self._attempt(context, partial(record.end, failed=True))
        self._attempt(context, lambda: self._finish(estimator, context, failed=True))
        self._searches.pop(root, None)
        self._failed.discard(root)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without what is open in this process."""
        return {**self.__dict__, "_searches": dict(self._searches), "_records": {}}

    def _take(self, estimator: Any, context: CallbackContext, fitted: Any) -> None:
        """Bring the record of a fit up to date, and close it at its end."""
        is_epoch = context.task_name == "epoch"
        path = path_to(context)[: -1 if is_epoch else None]
        root = context.root_uuid
        key = root, tuple(task.task_id for task in path)
        if key not in self._records:
            name = self._searches.get(root, Search()).name(path, estimator)
            params = estimator.get_params(deep=False)
            self._records[key] = self._open(Fit(root, run_name(path[0]), name, params))
        self._records[key].update(fitted)
        if not is_epoch:
            self._records.pop(key).end(failed=False)

    def _attempt(self, context: CallbackContext, action: Callable[[], None]) -> None:
        """Do something, with a warning in place of an error, after which nothing more is done."""
        root = context.root_uuid
        if root in self._failed or not _speaks():
            return
        try:
            action()
        except Exception as error:
            self._failed.add(root)
            warn(
                f"{type(self).__name__} must be able to write what it shows. Got "
                f"{type(error).__name__}: {error}. The training goes on without it; see to that "
                "before the next one.",
                CallbackWarning,
            )


def _speaks() -> bool:
    """Whether this is the first of the processes of torchrun, or none of them."""
    return "WORLD_SIZE" not in os.environ or os.environ.get("RANK", "0") == "0"
