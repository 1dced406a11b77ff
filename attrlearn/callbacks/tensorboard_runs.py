"""Trainings as runs of TensorBoard."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from attrlearn.callbacks.fit_follower import Fit, FitFollower
from attrlearn.callbacks.fit_names import as_text
from attrlearn.callbacks.new_values import NewValues

__all__ = ["TensorBoardCallback"]

TAGS = {"loss": "loss/step", "loss_of_epoch": "loss/epoch"}
OUTCOMES = ("loss/epoch", "validation_score")  # what the page of hyperparameters compares


class TensorBoardCallback(FitFollower):
    """Write the course of each fit for TensorBoard.

    Look at them with ``tensorboard --logdir LOG_DIR``, also while they run. Each fit is a run of
    its own: the loss by step; by epoch the mean loss, learning rate, seconds, and with
    ``early_stopping`` the validation score; and the hyperparameters.

    Parameters
    ----------
    log_dir : path
        A folder for all runs. That of a fit is ``AttributeClassifier_2030-01-31_14-05-09_3f2a``, by
        date, time and a number drawn at random. A search has such a folder too, and in it one per
        candidate and fold, ``candidate-000_fold-0_dropout=0.5``, and ``refit_dropout=0.5``.

    Raises
    ------
    ImportError
        If tensorboard is not installed.

    See Also
    --------
    MLflowCallback : The same for MLflow.

    Notes
    -----
    Set it on the outermost estimator. Worker processes (``n_jobs``) write themselves, into the same
    folder. `cross_validate` and `cross_val_predict_proba` do not tell an estimator which fold it
    learns from: its folds are runs with times of their own. A fit that goes on from another
    (``warm_start``, ``checkpoint_dir``) writes what that one has learnt too. What cannot be written
    is a `CallbackWarning`, and the fit goes on.

    Examples
    --------
    ::

        search = GridSearchCV(clf, {"dropout": [0.5, 0.8]}, cv=AttributeKFold(3), n_jobs=2)
        search.set_callbacks(TensorBoardCallback("runs")).fit(X, y)
    """

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        super().__init__()
        if find_spec("tensorboard") is None:
            raise ImportError(
                "TensorBoardCallback must have the package tensorboard. It is not installed. Run: "
                "pip install tensorboard"
            )
        self.log_dir = Path(log_dir).absolute()  # a worker process may stand elsewhere

    def _open(self, fit: Fit) -> "_TensorBoardRun":
        """The run of a fit."""
        return _TensorBoardRun(self.log_dir / fit.run / fit.name, fit.params)


class _TensorBoardRun:
    """The folder of one fit."""

    def __init__(self, folder: Path, params: dict[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        self._writer = cast(Any, SummaryWriter(str(folder)))  # untyped
        self._new = NewValues()
        values = {name: _as_hparam(value) for name, value in params.items()}
        begin, of_session, self._end = hparams(values, dict.fromkeys(OUTCOMES, 0.0))
        for summary in (begin, of_session):
            self._writer.file_writer.add_summary(summary)

    def update(self, fitted: Any) -> None:
        """Write what is new, onto the disk."""
        for name, value, number in self._new.take(fitted):
            self._writer.add_scalar(TAGS.get(name, name), value, number)
        self._writer.flush()

    def end(self, *, failed: bool) -> None:
        """Close the file."""
        if not failed:
            self._writer.file_writer.add_summary(self._end)
        self._writer.close()


def _as_hparam(value: Any) -> bool | float | str:
    """The value as TensorBoard takes it."""
    return value if isinstance(value, bool | int | float | str) else as_text(value)
