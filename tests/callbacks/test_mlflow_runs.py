import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from attrlearn.callbacks import MLflowCallback

mlflow = pytest.importorskip("mlflow", reason="needs the package mlflow")
pytest.importorskip("sqlalchemy", reason="needs a database for the package mlflow")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def client(tmp_path):
    return mlflow.MlflowClient(f"sqlite:///{tmp_path}/runs.db")


@pytest.fixture
def callback(tmp_path):
    uri = f"sqlite:///{tmp_path}/runs.db"
    return MLflowCallback(experiment="sleeves", tracking_uri=uri, tags={"by": "me"})


def runs_of(client):
    experiment = client.get_experiment_by_name("sleeves")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_the_run_holds_what_the_fit_left_behind(clf, features, gaps, client, callback):
    clf.set_callbacks(callback).fit(features, gaps)
    [(name, run)] = runs_of(client).items()
    assert name.startswith("AttributeClassifier_2")
    assert run.info.status == "FINISHED"
    assert run.data.params["dropout"] == "auto"
    assert run.data.tags["by"] == "me"
    losses = client.get_metric_history(run.info.run_id, "loss")
    assert [m.step for m in losses] == list(range(1, len(clf.loss_curve_) + 1))
    np.testing.assert_allclose([m.value for m in losses], clf.loss_curve_)
    scores = client.get_metric_history(run.info.run_id, "validation_score")
    np.testing.assert_allclose([m.value for m in scores], clf.validation_scores_)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_fits_of_a_search_are_nested_in_its_run(n_jobs, clf, features, gaps, client, callback):
    search = GridSearchCV(clf, {"dropout": [0.1, 0.2]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(callback).fit(features, gaps)
    runs = runs_of(client)
    (of_search,) = [name for name in runs if name.startswith("GridSearchCV_2")]
    parent = runs.pop(of_search)
    assert len(runs) == 2 * 2 + 1
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
    assert {run.info.status for run in [parent, *runs.values()]} == {"FINISHED"}
    assert runs["candidate-001_fold-0_dropout=0.2"].data.params["dropout"] == "0.2"
    assert parent.data.params == {"best_dropout": str(search.best_params_["dropout"])}


def test_runs_of_fits_that_fail_do_not_stay_open(clf, features, gaps, client, callback):
    calls = []

    def schedule(optimizer, n_steps):  # fails in its second fit
        calls.append(n_steps)
        from torch.optim.lr_scheduler import LambdaLR

        return LambdaLR(optimizer, lambda step: 1 / (len(calls) < 2 or step < 3))

    search = GridSearchCV(clf.set_params(schedule=schedule), {"dropout": [0.1]}, cv=2)
    with pytest.raises(ZeroDivisionError):
        search.set_params(error_score="raise").set_callbacks(callback).fit(features, gaps)
    assert {run.info.status for run in runs_of(client).values()} == {"FINISHED", "FAILED"}


def test_inside_an_active_run_they_belong_to_it(clf, features, gaps, client, callback, tmp_path):
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    try:
        with mlflow.start_run() as outer:
            clf.set_callbacks(callback).fit(features, gaps)
    finally:
        mlflow.set_tracking_uri(None)
    [run] = runs_of(client).values()
    assert run.data.tags["mlflow.parentRunId"] == outer.info.run_id
