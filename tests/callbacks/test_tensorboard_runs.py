import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from attrlearn.callbacks import TensorBoardCallback

pytest.importorskip("tensorboard", reason="needs the package tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def read(folder):
    """The scalars of a run, {tag: (steps, values)}, and the tags of its summaries."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    tags = found.Tags()["scalars"]
    scalars = {t: zip(*[(e.step, e.value) for e in found.Scalars(t)], strict=True) for t in tags}
    return {tag: tuple(map(list, pair)) for tag, pair in scalars.items()}, found


def test_the_run_holds_what_the_fit_left_behind(clf, features, gaps, tmp_path):
    clf.set_callbacks(TensorBoardCallback(tmp_path)).fit(features, gaps)
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("AttributeClassifier_2")
    scalars, found = read(folder)
    steps, losses = scalars["loss/step"]
    assert steps == list(range(1, len(clf.loss_curve_) + 1))
    np.testing.assert_allclose(losses, clf.loss_curve_, rtol=1e-6)
    for tag, column in [
        ("loss/epoch", "loss"),
        ("learning_rate", "learning_rate"),
        ("validation_score", "validation_score"),
    ]:
        epochs, values = scalars[tag]
        assert epochs == [1, 2, 3]
        np.testing.assert_allclose(values, clf.history_[column], rtol=1e-6)
    assert "_hparams_/session_start_info" in found.PluginTagToContent("hparams")


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_each_fit_of_a_search_is_a_run_with_the_name_of_what_it_tries(
    n_jobs, clf, features, gaps, tmp_path
):
    pipeline = make_pipeline(StandardScaler(), clf)
    grid = {"attributeclassifier__dropout": [0.1, 0.2]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(TensorBoardCallback(tmp_path)).fit(features, gaps)
    (of_search,) = tmp_path.iterdir()
    best = search.best_params_["attributeclassifier__dropout"]
    tried = {
        f"candidate-00{i}_fold-{fold}_dropout=0.{i + 1}" for i in range(2) for fold in range(2)
    }
    assert {folder.name for folder in of_search.iterdir()} == {*tried, f"refit_dropout={best}"}
    for folder in of_search.iterdir():
        assert len(read(folder)[0]["loss/epoch"][0]) == 3


def test_a_fit_that_goes_on_writes_all_epochs_once(clf, features, gaps, tmp_path):
    clf.set_params(warm_start=True, early_stopping=False, max_epochs=1).fit(features, gaps)
    clf.set_callbacks(TensorBoardCallback(tmp_path)).fit(features, gaps)
    (folder,) = tmp_path.iterdir()
    assert read(folder)[0]["loss/epoch"][0] == [1, 2]
