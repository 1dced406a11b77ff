"""Trainings as runs of MLflow."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from math import isfinite
from time import time
from typing import Any, TypeVar
from uuid import UUID

from sklearn.callback import CallbackContext

from attrlearn.callbacks.fit_follower import Fit, FitFollower
from attrlearn.callbacks.fit_names import as_text, run_name
from attrlearn.callbacks.new_values import NewValues

__all__ = ["MLflowCallback"]

PARENT = "mlflow.parentRunId"
MAX_METRICS, MAX_PARAMS, MAX_LENGTH = 1000, 100, 500  # of a request, and of a value

T = TypeVar("T")


class MLflowCallback(FitFollower):
    """Log each fit as a run of MLflow.

    Logged are the hyperparameters; the loss by step; and by epoch the mean loss, learning rate,
    seconds, and with ``early_stopping`` the validation score. A search is a run as well, with its
    best score and parameters, and in it are those of its candidates and folds and of the refit.

    Parameters
    ----------
    experiment : str, optional
        Its name; it is made if there is none. None: that of ``mlflow.set_experiment`` or of the
        environment, else "Default".
    tracking_uri : str, optional
        Where the runs are kept: a server, a database or a folder. None: that of
        ``mlflow.set_tracking_uri`` or of the environment.
    tags : dict of str, optional
        Of all runs.

    Raises
    ------
    ImportError
        If MLflow is not installed.

    See Also
    --------
    TensorBoardCallback : The same for TensorBoard, where runs have the same names.

    Notes
    -----
    Set it on the outermost estimator. Inside ``with mlflow.start_run():`` the runs belong to that
    one. No run of this becomes the active one. Worker processes (``n_jobs``) log themselves, into
    the run of the search. A fit that fails leaves a run with the status FAILED. What cannot be
    logged, as the server does not answer, is a `CallbackWarning`, and the fit goes on; MLflow asks
    again for minutes before, unless ``MLFLOW_HTTP_REQUEST_MAX_RETRIES`` is low.

    Examples
    --------
    ::

        search = GridSearchCV(clf, {"dropout": [0.5, 0.8]}, cv=AttributeKFold(3), n_jobs=2)
        search.set_callbacks(MLflowCallback(experiment="sleeves")).fit(X, y)
    """

    def __init__(
        self,
        *,
        experiment: str | None = None,
        tracking_uri: str | os.PathLike[str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        if find_spec("mlflow") is None:
            raise ImportError(
                "MLflowCallback must have the package mlflow. It is not installed. Run: "
                "pip install mlflow"
            )
        self.experiment = experiment
        self.tracking_uri = tracking_uri
        self.tags = tags
        self._places: dict[UUID, _Place] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Pickle with the places of runs, which worker processes share."""
        return {**super().__getstate__(), "_places": dict(self._places)}

    def _begin(self, estimator: Any, context: CallbackContext) -> None:
        """Find where runs go, and make that of a search."""
        import mlflow

        uri = mlflow.get_tracking_uri() if self.tracking_uri is None else str(self.tracking_uri)
        active = mlflow.active_run()
        place = _Place(uri, "", active.info.run_id if active else None, dict(self.tags or {}))
        if self.experiment is None and active:
            place.experiment_id = active.info.experiment_id
        else:
            place.experiment_id = _find_experiment(place.client(), self.experiment)
        if hasattr(estimator, "estimator"):
            place.parent_id = place.search_id = place.create_run(run_name(context))
        self._places[context.root_uuid] = place

    def _open(self, fit: Fit) -> "_MLflowRun":
        """The run of a fit."""
        place = self._places[fit.root]
        run = _MLflowRun(place.client(), place.create_run(fit.name or fit.run))
        run.log_params({name: as_text(value) for name, value in fit.params.items()})
        return run

    def _finish(self, estimator: Any, context: CallbackContext, *, failed: bool) -> None:
        """Close the run of a search, and those that its workers have left open."""
        place = self._places.pop(context.root_uuid, None)
        if place is None or place.search_id is None:
            return
        run = _MLflowRun(place.client(), place.search_id)
        for left in place.open_runs():
            _MLflowRun(place.client(), left).end(failed=True)
        if not failed and hasattr(estimator, "best_params_"):
            run.log_params({f"best_{n}": as_text(v) for n, v in estimator.best_params_.items()})
        if not failed and isfinite(getattr(estimator, "best_score_", float("nan"))):
            run.log_metrics([("best_score", float(estimator.best_score_), 0)])
        run.end(failed=failed)


@dataclass
class _Place:
    """Where the runs of an outermost fit are; it can be pickled.

    Attributes
    ----------
    tracking_uri, experiment_id : str
    parent_id, search_id : str or None
        The run that holds them, and the same if it is that of a search.
    tags : dict
    """

    tracking_uri: str
    experiment_id: str
    parent_id: str | None
    tags: dict[str, str]
    search_id: str | None = None

    def client(self) -> Any:
        """Return what talks to the server."""
        from mlflow import MlflowClient

        return MlflowClient(self.tracking_uri)

    def create_run(self, name: str) -> str:
        """Return the id of a new run."""
        parent = {} if self.parent_id is None else {PARENT: self.parent_id}
        tags = {**self.tags, **parent}
        return self.client().create_run(self.experiment_id, tags=tags, run_name=name).info.run_id

    def open_runs(self) -> list[str]:
        """Return the ids of runs in the search that have not ended."""
        asked = f"tags.`{PARENT}` = '{self.search_id}' and attributes.status = 'RUNNING'"
        return [run.info.run_id for run in self.client().search_runs([self.experiment_id], asked)]


class _MLflowRun:
    """One run that is open."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._id = client, run_id
        self._new = NewValues()

    def update(self, fitted: Any) -> None:
        """Log what is new."""
        self.log_metrics(self._new.take(fitted))

    def end(self, *, failed: bool) -> None:
        """Close the run."""
        self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")

    def log_metrics(self, values: Iterable[tuple[str, float, int]]) -> None:
        """Log names, values and numbers of a step or an epoch."""
        from mlflow.entities import Metric

        now = int(time() * 1000)
        for some in _batches(values, MAX_METRICS):
            metrics = [Metric(name, value, now, number) for name, value, number in some]
            self._client.log_batch(self._id, metrics=metrics)

    def log_params(self, values: Mapping[str, str]) -> None:
        """Log hyperparameters."""
        from mlflow.entities import Param

        for some in _batches(values.items(), MAX_PARAMS):
            params = [Param(name, value[:MAX_LENGTH]) for name, value in some]
            self._client.log_batch(self._id, params=params)


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some


def _find_experiment(client: Any, name: str | None) -> str:
    """The id of the experiment of that name, made if need be; None: that which the user has set."""
    if name is None:
        known = os.environ.get("MLFLOW_EXPERIMENT_ID")  # mlflow.set_experiment sets it too
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
        if known is not None:
            return known
    experiment = client.get_experiment_by_name(name)
    return client.create_experiment(name) if experiment is None else experiment.experiment_id
