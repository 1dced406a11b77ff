"""What users of scikit-learn expect of an estimator of theirs, with gaps in y and categories."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from joblib import Parallel, delayed
from PIL import Image
from sklearn import model_selection as ms
from sklearn.base import clone, is_classifier
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from attrlearn import AttributeClassifier, ImageEmbedder
from attrlearn.checks.inputs import check_inputs
from attrlearn.images.reader import open_reader
from attrlearn.metrics import SCORERS
from attrlearn.model_selection import (
    AttributeKFold,
    AttributeShuffleSplit,
    cross_val_predict_proba,
)

N = 36
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype(np.float32)
COMPLETE = (X[:, :2] + RNG.normal(size=(N, 2)) > 0).astype(float)
GAPS = np.where(RNG.random((N, 2)) < 0.2, np.nan, COMPLETE)
CLF = AttributeClassifier(None, max_epochs=2, random_state=0)


# --- scikit-learn's own checks -------------------------------------------------------------------

CODES = "its y holds the class 2, which in a numeric column is an error: is it a code or a mistake?"
FAILING = {
    "check_estimators_dtypes": CODES,
    "check_fit2d_1feature": CODES,
    "check_sample_weights_not_an_array": CODES,
    "check_sample_weights_not_overwritten": CODES,
    "check_sample_weights_pandas_series": CODES,
    "check_sample_weights_shape": CODES,
    "check_sample_weight_equivalence_on_dense_data": (
        "rows are learnt from in random batches, and a row twice is in other batches than one of "
        "weight 2; in one batch of all rows the two are the same, which a test of ours shows"
    ),
}


@parametrize_with_checks(
    [AttributeClassifier(backbone=None)], expected_failed_checks=lambda _: FAILING
)
def test_scikit_learns_checks_pass(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_scikit_learn_has_checks_that_can_fail():
    checks = list(estimator_checks_generator(AttributeClassifier(backbone=None)))
    assert len(checks) - len(FAILING) >= 40


# --- model selection -----------------------------------------------------------------------------


def mixed() -> pd.DataFrame:
    """Columns of every dtype that users have, each with gaps."""
    shape = RNG.choice(["A", "H", "X"], N)
    missing = RNG.random((N, 5)) < 0.2
    return pd.DataFrame(
        {
            "integer": pd.array(COMPLETE[:, 0].astype(int), "Int64"),
            "boolean": pd.array(COMPLETE[:, 1].astype(bool), "boolean"),
            "category": pd.Categorical(shape),
            "string": pd.array(shape[::-1], "string"),
            "float": COMPLETE[:, 0],
        }
    ).mask(missing)


MIXED = mixed()
WITH_CATEGORY = pd.DataFrame(X, columns=list("abcd")).assign(category=["shirt", "dress", None] * 12)
TABLES = {
    "NaN array": (X, GAPS),
    "-1 array": (X, np.where(np.isnan(GAPS), -1, GAPS).astype(int)),
    "mixed DataFrame": (X, MIXED),
    "categories in X": (WITH_CATEGORY, MIXED),
}
GRID = {"dropout": [0.0, 0.5]}
CLASSES = {"category": ["A", "H", "X"], "string": ["A", "H", "X"]}


def search(kind, **options):
    def run(X, y):
        found = kind(CLF, GRID, cv=3, **options).fit(X, y)
        assert found.best_params_["dropout"] in GRID["dropout"]
        assert found.predict(X).shape == np.shape(y)
        key = "mean_test_score" if "mean_test_score" in found.cv_results_ else "mean_test_f1"
        return found.cv_results_[key]

    return run


def scores(cv=3, **options):
    return lambda X, y: ms.cross_val_score(CLF, X, y, cv=cv, **options)


def out_of_fold(X, y):
    predicted = ms.cross_val_predict(CLF, X, y, cv=3)
    assert predicted.shape == np.shape(y)
    return (pd.DataFrame(predicted) == CLF.fit(X, y).predict(X)).mean()


def probabilities(X, y):
    p = cross_val_predict_proba(CLF, X, y, cv=3)
    like = CLF.fit(X, y).predict_proba(X)
    columns = zip(p, like, strict=True) if isinstance(like, list) else [(p, like)]
    assert all(ours.shape == theirs.shape for ours, theirs in columns)
    return np.ravel(p[0])


TOOLS = {
    "GridSearchCV": search(ms.GridSearchCV),
    "GridSearchCV, scoring=SCORERS": search(ms.GridSearchCV, scoring=SCORERS, refit="f1"),
    "RandomizedSearchCV": search(ms.RandomizedSearchCV, n_iter=2, random_state=0),
    "HalvingGridSearchCV": search(
        ms.HalvingGridSearchCV, resource="max_epochs", max_resources=4, min_resources=2
    ),
    "cross_val_score": scores(),
    "cross_val_score, n_jobs=2": scores(n_jobs=2),
    "cross_val_score, KFold": scores(ms.KFold(3, shuffle=True, random_state=0)),
    "cross_val_score, AttributeKFold": scores(AttributeKFold(3)),
    "cross_val_score, AttributeShuffleSplit": scores(
        AttributeShuffleSplit(3, test_size=0.3, random_state=0)
    ),
    "cross_validate": lambda X, y: ms.cross_validate(CLF, X, y, cv=3, scoring=SCORERS)["test_f1"],
    "cross_val_predict": out_of_fold,
    "cross_val_predict_proba": probabilities,
    "learning_curve": lambda X, y: ms.learning_curve(CLF, X, y, cv=3, train_sizes=[0.7, 1.0])[2],
    "validation_curve": lambda X, y: ms.validation_curve(
        CLF, X, y, param_name="dropout", param_range=[0.0, 0.5], cv=3
    )[1],
    "permutation_test_score": lambda X, y: ms.permutation_test_score(
        CLF, X, y, cv=3, n_permutations=3
    )[1],
}


@pytest.fixture(scope="module")
def cells():
    """Filled by the tests of the table, and printed at their end."""
    table = {}
    yield table
    shown = pd.Series(table).unstack(sort=False)
    print(f"\n{shown.to_string()}")


@pytest.mark.filterwarnings("ignore:.*needs two labelled classes")
@pytest.mark.filterwarnings("ignore:Fewer than two classes")
@pytest.mark.parametrize("columns", TABLES)
@pytest.mark.parametrize("tool", TOOLS)
def test_tools_of_model_selection_take_gaps_and_categories(tool, columns, cells):
    cells[tool, columns] = "fails"
    assert np.isfinite(TOOLS[tool](*TABLES[columns])).all()
    cells[tool, columns] = "pass"


@pytest.mark.parametrize(
    ("columns", "error", "words"),
    [
        (
            "NaN array",
            ValueError,
            r"Got 2\.0 at row .*attrlearn.model_selection.cross_val_predict_p",
        ),
        (
            "-1 array",
            ValueError,
            r"Got 2\.0 at row .*attrlearn.model_selection.cross_val_predict_p",
        ),
        ("mixed DataFrame", TypeError, "must be uniformly strings or numbers"),  # scikit-learn's
        ("categories in X", TypeError, "must be uniformly strings or numbers"),
    ],
)
def test_scikit_learns_out_of_fold_probabilities_of_gaps_are_an_error(columns, error, words, cells):
    """scikit-learn numbers the values of y anew before fit: {0, 1, NaN} arrives as {0, 1, 2}."""
    with pytest.raises(error, match=words):
        ms.cross_val_predict(CLF, *TABLES[columns], cv=3, method="predict_proba")
    cells["cross_val_predict(method='predict_proba')", columns] = error.__name__


@pytest.mark.parametrize(
    "y",
    [
        np.where(COMPLETE == 1, 1, np.nan),
        np.where(COMPLETE == 1, 0, -1),
        np.where(COMPLETE == 1, "short", "long"),
    ],
    ids=["{1, NaN}", "{0, -1}", "text"],
)
def test_gaps_that_scikit_learn_turns_into_zeros_and_ones_cannot_be_told(y):
    """Why the documentation rules out its method="predict_proba" for any y with gaps."""
    p = ms.cross_val_predict(CLF, X, y, cv=3, method="predict_proba")
    encoded = np.unique(y[:, 0], return_inverse=True)[1]
    assert set(encoded) == {0, 1}
    assert p.shape == COMPLETE.shape


# --- facts that the estimator is built on --------------------------------------------------------


def test_tags_say_what_the_estimator_takes():
    for backbone, is_table in [(None, True), ("resnet18", False)]:
        tags = AttributeClassifier(backbone).__sklearn_tags__()
        assert (tags.input_tags.two_d_array, tags.input_tags.string) == (is_table, not is_table)
        assert tags.target_tags.multi_output
        assert not tags.target_tags.single_output
        assert tags.target_tags.required
        assert tags.classifier_tags.multi_label
        assert not tags.classifier_tags.multi_class
    assert not is_classifier(AttributeClassifier())


class Tagged(AttributeClassifier):
    """One that tells scikit-learn that it is a classifier."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        return tags


def test_with_the_tag_of_a_classifier_an_int_cv_would_stop_at_the_gaps():
    options = {"backbone": None, "max_epochs": 1}
    with pytest.raises(ValueError, match="Input y contains NaN"):
        ms.cross_val_score(Tagged(**options), X, GAPS, cv=3)
    assert len(ms.cross_val_score(AttributeClassifier(**options), X, GAPS, cv=3)) == 3


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")  # of several attributes
@pytest.mark.parametrize("n_attributes", [1, 2, 3])
@pytest.mark.parametrize("dtype", [int, float, bool])
@pytest.mark.parametrize(
    "scoring", ["f1_macro", "roc_auc", "average_precision", "neg_log_loss", "accuracy"]
)
def test_scorers_of_scikit_learn_work_on_complete_tables(n_attributes, dtype, scoring):
    y = np.column_stack([COMPLETE, COMPLETE[:, 0]])[:, :n_attributes].astype(dtype)
    found = ms.cross_val_score(CLF, X, y, cv=3, scoring=scoring)
    expected = [
        get_scorer(scoring)(clone(CLF).fit(X[train], y[train]), X[test], y[test])
        for train, test in ms.KFold(3).split(X)
    ]
    np.testing.assert_allclose(found, expected)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_out_of_fold_probabilities_of_complete_tables_are_those_of_scikit_learn(dtype):
    y = COMPLETE.astype(dtype)
    theirs = ms.cross_val_predict(CLF, X, y, cv=ms.KFold(3), method="predict_proba")
    np.testing.assert_allclose(theirs, cross_val_predict_proba(CLF, X, y, cv=ms.KFold(3)))


# --- metadata ------------------------------------------------------------------------------------

CATEGORIES = np.array(["shirt", "dress"] * (N // 2), dtype=object)
BY_CATEGORY = (CATEGORIES == "dress").astype(float)[:, None]
LEARNER = AttributeClassifier(None, max_epochs=60, learning_rate=0.03, dropout=0, random_state=0)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_routed_categories_reach_fit_and_score():
    search = ms.GridSearchCV(LEARNER, {"dropout": [0.0]}, cv=3)
    search.fit(np.zeros_like(X), BY_CATEGORY, categories=CATEGORIES, sample_weight=np.ones(N))
    assert search.best_score_ == 1  # nothing but the category tells


@pytest.mark.usefixtures("routing")
def test_routed_weights_reach_the_last_step_of_a_pipeline(monkeypatch):
    seen = []
    fit = AttributeClassifier.fit
    monkeypatch.setattr(
        AttributeClassifier,
        "fit",
        lambda self, X, y, **given: seen.append(given) or fit(self, X, y, **given),
    )
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    weight = np.arange(1.0, N + 1)
    pipeline = make_pipeline(scaler, LEARNER)
    pipeline.fit(X, BY_CATEGORY, categories=CATEGORIES, sample_weight=weight)
    assert list(seen[0]) == ["categories", "sample_weight"]
    np.testing.assert_array_equal(seen[0]["sample_weight"], weight)
    assert pipeline.score(X, BY_CATEGORY, categories=CATEGORIES) == 1


def test_without_routing_categories_reach_fit_alone_and_the_warning_says_so():
    search = ms.GridSearchCV(LEARNER, {"dropout": [0.0]}, cv=3)
    with pytest.warns(UserWarning, match="hand the argument categories to fit alone"):
        search.fit(np.zeros_like(X), BY_CATEGORY, categories=CATEGORIES)
    assert search.best_score_ < 1


def test_categories_inside_x_reach_every_scorer():
    table = pd.DataFrame(np.zeros_like(X), columns=list("abcd")).assign(category=CATEGORIES)
    found = ms.cross_validate(LEARNER, table, BY_CATEGORY, cv=3, scoring=SCORERS)
    for name in ("accuracy", "average_precision", "roc_auc", "f1", "balanced_accuracy"):
        assert found[f"test_{name}"].tolist() == [1] * 3


# --- pipelines -----------------------------------------------------------------------------------


@pytest.fixture
def embedder() -> ImageEmbedder:
    """One that embeds in a moment; set_output of what holds it would change a shared one."""
    return ImageEmbedder("squeezenet1_1", weights=None, image_size=32, random_state=0)


def test_pipeline_from_images_equals_its_steps(embedder, images, attributes):
    pipeline = make_pipeline(embedder, StandardScaler(), CLF).fit(images["image"], attributes)
    features = StandardScaler().fit_transform(embedder.fit_transform(images["image"]))
    expected = clone(CLF).fit(features, attributes).predict_proba(features)
    for ours, theirs in zip(pipeline.predict_proba(images["image"]), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    search = ms.GridSearchCV(
        pipeline, {"attributeclassifier__dropout": [0, 0.5]}, cv=2, scoring=SCORERS["accuracy"]
    )
    assert search.fit(images["image"], attributes).best_score_ > 0


@pytest.mark.usefixtures("routing")
def test_rows_to_hold_out_pass_the_steps_of_a_pipeline():
    learner = AttributeClassifier(None, max_epochs=3, early_stopping=True, random_state=0)
    pipeline = make_pipeline(
        StandardScaler(),
        learner.set_fit_request(X_val=True, y_val=True),
        transform_input=["X_val"],
    )
    pipeline.fit(X, GAPS, X_val=5 * X[:9] + 1, y_val=COMPLETE[:9])
    scaler = StandardScaler().fit(X)
    X_val = scaler.transform(5 * X[:9] + 1)
    alone = clone(learner).fit(scaler.transform(X), GAPS, X_val=X_val, y_val=COMPLETE[:9])
    np.testing.assert_array_equal(pipeline[-1].validation_scores_, alone.validation_scores_)


def test_pipeline_ends_in_a_classifier_of_scikit_learn(embedder, images):
    kind = np.array(["long", "short"] * 12)
    pipeline = make_pipeline(embedder, StandardScaler(), LogisticRegression())
    assert pipeline.fit(images["image"], kind).score(images["image"], kind) == 1


def test_column_transformer_keeps_the_category(embedder, images):
    columns = ColumnTransformer(
        [("features", embedder, "image"), ("keep", "passthrough", ["category"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    y = (images[["category"]] == "dress").astype(float)
    learner = clone(LEARNER).set_params(learning_rate=0.1)
    pipeline = Pipeline([("columns", columns), ("attributes", learner)]).fit(images, y)
    assert pipeline[-1].categories_.tolist() == ["dress", "shirt"]
    assert pipeline.score(images, y) == 1
    assert ms.cross_val_score(pipeline, images, y, cv=3).mean() > 0.9


# --- callbacks -----------------------------------------------------------------------------------


class Recorder:
    """Notes what each epoch says of the first row, and asks to stop after some."""

    def __init__(self, stop_after=99):
        self.stop_after = stop_after
        self.begun, self.epochs, self.torn_down = 0, [], False

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down = True

    def on_fit_task_begin(self, estimator, context):
        self.begun += context.task_name == "epoch"

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.epochs.append(fitted_estimator)
            return len(self.epochs) == self.stop_after


def test_each_epoch_is_a_task_with_an_estimator_fitted_so_far():
    recorder = Recorder()
    clf = clone(CLF).set_params(max_epochs=3).set_callbacks(recorder).fit(X, GAPS)
    assert recorder.begun == len(recorder.epochs) == 3
    assert recorder.torn_down
    assert [len(fitted.loss_curve_) for fitted in recorder.epochs] == [2, 4, 6]
    said = [fitted.predict_proba(X) for fitted in recorder.epochs]
    np.testing.assert_array_equal(said[2], clf.predict_proba(X))
    assert not np.allclose(said[0], said[1])


def test_a_callback_can_stop_the_training():
    recorder = Recorder(stop_after=2)
    clf = clone(CLF).set_params(max_epochs=9).set_callbacks(recorder).fit(X, GAPS)
    assert clf.n_epochs_ == 2


def test_a_callback_is_torn_down_when_fit_fails():
    recorder = Recorder()
    with pytest.raises(ValueError, match="y must hold only"):
        clone(CLF).set_callbacks(recorder).fit(X, COMPLETE + 7)
    assert recorder.torn_down


def test_scoring_monitor_logs_our_scores_each_epoch():
    monitor = ScoringMonitor(scoring=SCORERS)
    clf = clone(CLF).set_params(max_epochs=3).set_callbacks(monitor).fit(X, GAPS)
    log = monitor.get_logs().data_as_pandas
    epochs = log[log["task_name"] == "epoch"]
    assert len(epochs) == 3
    for name, scorer in SCORERS.items():
        assert epochs[name].iloc[-1] == pytest.approx(scorer(clf, X, GAPS))


class Propagated(Recorder):
    """One that a search hands on to what it fits."""

    max_propagation_depth = None


def test_a_search_hands_its_callbacks_on_to_the_epochs(capsys):
    recorder = Propagated()
    search = ms.GridSearchCV(CLF, GRID, cv=3)
    search.set_callbacks(recorder, ProgressBar(max_propagation_depth=None)).fit(X, GAPS)
    assert recorder.begun == len(recorder.epochs) == (2 * 3 + 1) * CLF.max_epochs
    assert "AttributeClassifier - fit" in capsys.readouterr().out


def test_the_fitted_estimator_is_monitored_too():
    monitor = ScoringMonitor(scoring=SCORERS["accuracy"])
    clf = clone(CLF).set_callbacks(monitor).fit(X, GAPS)
    log = monitor.get_logs().data_as_pandas
    assert log["task_name"].tolist() == ["fit", "epoch", "epoch"]
    assert log["score"][0] == log["score"][2] == pytest.approx(SCORERS["accuracy"](clf, X, GAPS))


# --- the life of an estimator --------------------------------------------------------------------


@pytest.mark.parametrize("module", [pickle, cloudpickle, joblib], ids=lambda m: m.__name__)
def test_estimators_survive_their_file(module, small, embedder, images, attributes, tmp_path):
    def through_file(estimator):
        with open(tmp_path / "model", "wb") as file:
            module.dump(estimator, file)
        with open(tmp_path / "model", "rb") as file:
            return module.load(file)

    assert through_file(small).get_params() == small.get_params()
    again = through_file(small.fit(images, attributes))
    for ours, theirs in zip(again.predict_proba(images), small.predict_proba(images), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert through_file(embedder).get_params() == embedder.get_params()
    np.testing.assert_array_equal(
        through_file(embedder.fit(images["image"])).transform(images["image"]),
        embedder.transform(images["image"]),
    )


def test_eight_threads_predict_as_one_does(small, images, attributes):
    clf = small.fit(images, attributes)
    expected = clf.predict_proba(images)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(clf.predict_proba, [images] * 16):
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def threads_of_a_fit():
    """Threads that compute and threads that decode, as a fit in this process has them."""
    reader = open_reader(check_inputs(["a.jpg"]), 32, "squash", None, "raise")
    return torch.get_num_threads(), reader.n_threads


def test_worker_processes_share_the_cores():
    share = max(1, joblib.cpu_count() // 2)
    for threads in Parallel(n_jobs=2)(delayed(threads_of_a_fit)() for _ in range(4)):
        assert max(threads) <= share


def test_nested_parameters_are_found_and_set(embedder):
    pipeline = make_pipeline(embedder, clone(CLF))
    pipeline.set_params(attributeclassifier__dropout=0.25, imageembedder__image_size=48)
    assert pipeline[1].dropout == 0.25
    assert pipeline.get_params()["imageembedder__image_size"] == 48


def test_the_notebook_shows_the_parameters():
    assert "max_epochs" in AttributeClassifier(max_epochs=77)._repr_html_()
    assert "77" in AttributeClassifier(max_epochs=77)._repr_html_()


def test_features_have_names_and_numbers_where_x_holds_features(small, images, attributes):
    named = clone(CLF).fit(WITH_CATEGORY, GAPS)
    assert named.n_features_in_ == 4
    assert named.feature_names_in_.tolist() == list("abcd")
    bare = clone(CLF).fit(X, GAPS)
    assert bare.n_features_in_ == 4
    assert not hasattr(bare, "feature_names_in_")
    of_images = small.fit(images, attributes)
    assert not hasattr(of_images, "n_features_in_")


# --- our own checks, of estimators whose X holds images ----------------------------------------


def outputs(estimator, X):
    """What an estimator says of X, as one array (N, ...)."""
    if hasattr(estimator, "transform"):
        return estimator.transform(X)
    p = estimator.predict_proba(X)
    return np.hstack(p) if isinstance(p, list) else p


def check_parameters_are_stored_and_cloned(estimator, X, y):
    assert vars(estimator) == estimator.get_params()
    assert vars(clone(estimator)) == vars(estimator)


def check_unfitted_is_said(estimator, X, y):
    with pytest.raises(NotFittedError):
        outputs(estimator, X)


def check_fit_returns_itself_and_keeps_parameters_and_data(estimator, X, y):
    params, X_before, y_before = estimator.get_params(), X.copy(), y.copy()
    assert estimator.fit(X, y) is estimator
    assert estimator.get_params() == params
    pd.testing.assert_frame_equal(X, X_before)
    pd.testing.assert_frame_equal(y, y_before)


def check_two_fits_of_a_seed_agree(estimator, X, y):
    first = outputs(estimator.fit(X, y), X)
    np.testing.assert_array_equal(outputs(estimator.fit(X, y), X), first)
    np.testing.assert_array_equal(outputs(clone(estimator).fit(X, y), X), first)


def check_predicting_changes_nothing(estimator, X, y):
    estimator.fit(X, y)
    names = set(vars(estimator))
    network = getattr(estimator, "network_", None) or estimator.backbone_
    before = {name: value.clone() for name, value in network.state_dict().items()}
    outputs(estimator, X)
    assert set(vars(estimator)) == names
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def check_rows_do_not_depend_on_each_other(estimator, X, y):
    whole = outputs(estimator.fit(X, y), X)
    assert np.ptp(whole, axis=0).max() > 1e-3  # the rows differ
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(outputs(estimator, X.iloc[order]), whole[order], atol=1e-5)
    np.testing.assert_allclose(outputs(estimator, X.iloc[5:6]), whole[5:6], atol=1e-5)


def check_every_form_of_x_says_the_same(estimator, X, y):
    whole = outputs(estimator.fit(X, y), X)
    pixels = np.stack([np.array(Image.open(path)) for path in X["image"]])
    files = [Path(path).read_bytes() for path in X["image"]]
    for form in (X["image"], X["image"].tolist(), X["image"].to_numpy(), pixels, files):
        np.testing.assert_allclose(outputs(estimator, form), whole, atol=1e-5)


def check_what_is_no_collection_of_images_is_an_error(estimator, X, y):
    for wrong, words in [
        (X["image"].iloc[0], "Wrap it in a list"),
        (X.rename(columns={"image": "photo"}), "must have a column 'image'"),
        (X.iloc[:0], "at least one row"),
        (np.zeros((3, 4)), "X must hold paths"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            clone(estimator).fit(wrong, y)


OF_PICTURES = [
    value
    for name, value in list(globals().items())
    if name.startswith("check_") and value.__module__ == __name__
]


@pytest.mark.parametrize("check", OF_PICTURES, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["AttributeClassifier", "ImageEmbedder"])
def test_estimators_of_images_pass(kind, check, small, embedder, images, attributes):
    small.set_params(backbone="squeezenet1_1")
    estimator = small if kind == "AttributeClassifier" else embedder
    check(estimator, images[["image"]], attributes)
