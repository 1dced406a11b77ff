"""AttributeSearchCV gives what GridSearchCV gives."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.models import squeezenet1_1

from attrlearn import AttributeClassifier
from attrlearn.metrics import SCORERS
from attrlearn.model_selection import AttributeKFold, AttributeSearchCV
from attrlearn.training import fit, together

CV = AttributeKFold(3, shuffle=True, random_state=0)


@pytest.fixture(scope="module")
def table():
    """Two binary attributes and a categorical one, with gaps, categories and 90 rows."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(90, 6)), columns=list("abcdef"))
    y = pd.DataFrame(
        {
            "hood": np.where(X["a"] > 0, 1.0, 0.0),
            "zip": np.where(X["b"] + rng.normal(size=90) > 1, 1.0, 0.0),
            "length": pd.Categorical(np.where(X["c"] > 0, "long", "short")),
        }
    ).mask(rng.random((90, 3)) < 0.2)
    y["length"] = y["length"].astype("category")
    return X.assign(category=rng.choice(["dress", "shirt"], 90)), y


@pytest.fixture
def clf():
    return AttributeClassifier(
        None, hidden_dim=(None, 8), max_epochs=3, learning_rate=1e-2, random_state=0
    )


def both(clf, grid, table, **options):
    """Fitted searches, scikit-learn's and ours."""
    options = {"cv": CV} | options
    searches = [search(clone(clf), grid, **options) for search in (GridSearchCV, AttributeSearchCV)]
    return [search.fit(*table) for search in searches]


def assert_same(theirs, ours, atol=1e-6):
    """Results are the same but for times, up to rounding of sums."""
    assert theirs.cv_results_.keys() == ours.cv_results_.keys()
    for name, values in theirs.cv_results_.items():
        if name.startswith(("param", "rank")) or "test" in name or "train" in name:
            if np.asarray(values).dtype.kind == "f":
                np.testing.assert_allclose(ours.cv_results_[name], values, atol=atol)
            elif not name.startswith("rank"):
                assert list(values) == list(ours.cv_results_[name])
    assert ours.best_params_ == theirs.best_params_


GRIDS = {
    "pace": {"learning_rate": [1e-3, 1e-2], "weight_decay": [0, 0.1], "dropout": [0.2, 0.6]},
    "form": {"hidden_dim": [None, 4, (None, None, 4)], "attention": [False, True]},
    "loss": {"loss": ["bce", "focal", "asymmetric"], "label_smoothing": [0, 0.1]},
    "weights": {"class_weight": ["balanced", None, {"hood": {1: 3}}], "missing": ["negative"]},
    "rows": {"batch_size": [7, 16], "max_epochs": [1, 2], "standardize": [True, False]},
    "descent": {"optimizer": ["adam", "sgd", "adamw"], "schedule": ["constant", "onecycle"]},
    "none dropped": {"dropout": [0.0, 0.5]},
}


QUICK = {"pace", "weights"}


@pytest.mark.parametrize(
    "grid",
    [
        pytest.param(grid, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, grid in GRIDS.items()
    ],
)
def test_scores_are_those_of_a_grid_search(clf, table, grid):
    theirs, ours = both(clf, grid, table, scoring=SCORERS["neg_log_loss"])
    assert_same(theirs, ours)
    assert ours.n_side_by_side_ == 3 * len(theirs.cv_results_["params"])


def test_a_batch_of_one_is_the_same_bit_for_bit(clf, table):
    cv = [(np.arange(60), np.arange(60, 90))]
    grid = {"learning_rate": [1e-2]}
    scorers = {name: SCORERS[name] for name in ("neg_log_loss", "average_precision", "f1")}
    options = {"scoring": scorers, "refit": "f1", "return_train_score": True}
    theirs, ours = both(clf, grid, table, cv=cv, **options)
    for name, values in theirs.cv_results_.items():
        if "test" in name or "train" in name:
            assert np.array_equal(values, ours.cv_results_[name]), name
    networks = [search.best_estimator_.network_ for search in (theirs, ours)]
    for p, q in zip(*(network.parameters() for network in networks), strict=True):
        assert (p == q).all()


def test_networks_that_learn_side_by_side_end_where_each_ends_alone(clf, table):
    curves = {}

    def scoring(estimator, X, y):
        curves.setdefault(estimator.learning_rate, []).append(estimator.loss_curve_)
        assert estimator.history_["learning_rate"].iloc[0] <= estimator.learning_rate
        return SCORERS["neg_log_loss"](estimator, X, y)

    both(clf, {"learning_rate": [1e-3, 1e-2, 1e-1]}, table, scoring=scoring, refit=False)
    for theirs_and_ours in curves.values():
        for one, other in zip(theirs_and_ours[:3], theirs_and_ours[3:], strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-5)


@pytest.mark.slow
def test_thresholds_and_calibration_are_tuned_as_alone_and_their_network_is_trained_once(
    clf, table, monkeypatch
):
    X, y = table
    table = X, y[["hood", "zip"]]
    grid = {"thresholds": [0.5, "f1", "balanced_accuracy"], "calibrate": [False, True]}
    trained = []
    original = together.fit_together

    def counting(network, examples, regimens, **options):
        trained.append(len(regimens))
        return original(network, examples, regimens, **options)

    monkeypatch.setattr("attrlearn.search.candidate.fit_together", counting)
    theirs, ours = both(clf, grid, table, scoring=SCORERS["f1"])
    assert_same(theirs, ours)
    assert trained == [1, 1, 1]


def test_what_cannot_learn_side_by_side_is_fitted_alone_in_the_same_search(clf, table):
    grid = [
        {"early_stopping": [True], "validation_fraction": [0.3]},
        {"clip_grad_norm": [0.1]},
        {"norm": ["batch"]},
        {"accumulate_steps": [2]},
        {"learning_rate": [1e-3]},
    ]
    theirs, ours = both(clf, grid, table)
    assert_same(theirs, ours)
    assert ours.n_side_by_side_ == 3


def test_a_candidate_that_fails_has_the_error_score_and_the_others_theirs(clf, table):
    grid = {"learning_rate": [1e-2, 1e30], "optimizer": ["sgd"]}
    found = []
    for search in (GridSearchCV, AttributeSearchCV):
        with pytest.warns(FitFailedWarning, match="training loss must stay finite"):
            found.append(search(clone(clf), grid, cv=CV, error_score=-1).fit(*table))
    assert_same(*found)
    assert found[1].cv_results_["mean_test_score"].min() == -1
    with pytest.raises(ValueError, match="training loss must stay finite"):
        AttributeSearchCV(clf, grid, cv=CV, error_score="raise").fit(*table)


def test_a_parameter_of_a_wrong_type_is_said_as_ever(clf, table):
    with pytest.raises(ValueError, match="'max_epochs' parameter of AttributeClassifier must be"):
        AttributeSearchCV(clf, {"max_epochs": [0]}, cv=CV, error_score="raise").fit(*table)


def test_random_candidates_are_those_of_the_seed(clf, table):
    grid = {"learning_rate": loguniform(1e-4, 1e-1), "dropout": [0.2, 0.5]}
    first, same, other = (
        AttributeSearchCV(clf, grid, n_iter=4, cv=CV, random_state=seed).fit(*table)
        for seed in (0, 0, 1)
    )
    assert len(first.cv_results_["params"]) == 4
    assert first.cv_results_["params"] == same.cv_results_["params"]
    assert first.cv_results_["params"] != other.cv_results_["params"]


def test_a_pipeline_is_searched_one_by_one(clf, table):
    X, y = table
    pipeline = make_pipeline(StandardScaler(), clf)
    grid = {"attributeclassifier__dropout": [0.2, 0.5]}
    theirs, ours = both(pipeline, grid, (X.drop(columns="category"), y))
    assert_same(theirs, ours)
    assert ours.n_side_by_side_ == 0


def test_the_best_estimator_is_one_of_the_users_class_and_nothing_of_the_search_stays(clf, table):
    search = AttributeSearchCV(clf, {"dropout": [0.2, 0.5]}, cv=CV).fit(*table)
    assert type(search.best_estimator_) is AttributeClassifier
    assert search.estimator is clf
    assert search.param_grid == {"dropout": [0.2, 0.5]}
    assert search.cv is CV
    assert search.predict(table[0]).shape == table[1].shape
    assert search.cv_results_["mean_fit_time"].min() > 0
    assert isinstance(clone(search), AttributeSearchCV)


def test_shuffled_folds_are_dealt_once(clf, table):
    """Both halves of the search must mean the same folds."""
    search = AttributeSearchCV(clf, {"dropout": [0.2]}, cv=KFold(3, shuffle=True))
    search.fit(*table)
    assert search.n_side_by_side_ == 3


def test_other_arguments_of_fit_are_passed_on_one_by_one(clf, table):
    weight = np.linspace(0, 2, 90)
    searches = [
        search(clone(clf), {"dropout": [0.2, 0.6]}, cv=CV)
        for search in (GridSearchCV, AttributeSearchCV)
    ]
    for search in searches:
        search.fit(*table, sample_weight=weight)
    assert_same(*searches)
    assert searches[1].n_side_by_side_ == 0


def test_random_numbers_of_torch_stay(clf, table):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    AttributeSearchCV(clf, {"dropout": [0.2, 0.6]}, cv=CV).fit(*table)
    assert (torch.get_rng_state() == before).all()


@pytest.mark.parametrize("weights", ["file", pytest.param(None, marks=pytest.mark.slow)])
def test_images_are_read_once_and_scored_alike(
    small, images, attributes, tmp_path, monkeypatch, weights
):
    if weights == "file":
        weights = tmp_path / "weights.pth"
        torch.save(squeezenet1_1(weights=None).state_dict(), weights)
    clf = small.set_params(weights=weights, engine="torch", dtype="float32")
    grid = {"learning_rate": [1e-3, 1e-2], "features": ["last", "stages"]}
    table = images, attributes
    theirs = GridSearchCV(clone(clf), grid, cv=CV, scoring=SCORERS["neg_log_loss"]).fit(*table)
    looked_up = []
    original = fit.fit_network
    monkeypatch.setattr(
        "attrlearn.classifier.fit_network", lambda *a, **o: looked_up.append(1) or original(*a, **o)
    )
    ours = AttributeSearchCV(clf, grid, cv=CV, scoring=SCORERS["neg_log_loss"]).fit(*table)
    assert_same(theirs, ours)
    assert len(looked_up) == 1  # the refit


def test_an_image_that_cannot_be_read_fails_as_ever(small, images, attributes, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    damaged = images.assign(image=[str(tmp_path / "bad.jpg"), *images["image"][1:]])
    search = AttributeSearchCV(small, {"dropout": [0.2]}, cv=CV, error_score="raise")
    with pytest.raises(OSError, match="Could not read image"):
        search.fit(damaged, attributes)
