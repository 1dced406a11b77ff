import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.base import clone

from attrlearn import AttributeClassifier
from attrlearn.plots import LearningRateDisplay

RATES = np.geomspace(1e-6, 1, 101)


@pytest.fixture(scope="module")
def table():
    X = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    y = np.where(np.random.default_rng(1).random((200, 2)) < 0.2, np.nan, X[:, :2] > 0)
    return X, y


@pytest.fixture
def clf():
    return AttributeClassifier(None, random_state=0, hidden_dim=None, dropout=0)


@settings(max_examples=40, deadline=None)
@given(st.floats(-4.5, -1.5), st.floats(0.1, 0.8), st.floats(0.05, 10))
def test_the_suggestion_is_where_the_loss_falls_most_steeply(middle, drop, scale):
    falls = drop / (1 + (10**middle / RATES) ** 2)  # half of it at the middle
    rises = np.where(RATES > 0.1, RATES, 0)
    display = LearningRateDisplay(learning_rates=RATES, losses=scale * (1 - falls + rises))
    assert abs(np.log10(display.suggestion) - middle) < 0.4  # what the average lags behind


def test_there_is_no_suggestion_where_the_loss_only_rises():
    display = LearningRateDisplay(learning_rates=RATES, losses=1 + np.arange(101))
    assert display.plot(Figure().subplots()).suggestion is None
    assert display.suggestion_line_ is None
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == [
        "each step",
        "smoothed",
    ]


def test_the_rates_rise_exponentially_and_each_step_learns_by_its_own(clf, table):
    """A range without breadth is a training with a constant rate."""
    X, y = table
    clf.set_params(batch_size=20, optimizer="sgd")
    display = LearningRateDisplay.from_estimator(
        clf, X, y, lowest=1e-3, highest=1e-3 * (1 + 1e-9), n_steps=25, ax=Figure().subplots()
    )
    clf.set_params(schedule="constant", max_epochs=3).fit(X, y)
    np.testing.assert_allclose(display.losses, clf.loss_curve_[:25], rtol=1e-6)
    display = LearningRateDisplay.from_estimator(clf, X, y, n_steps=13, ax=Figure().subplots())
    np.testing.assert_allclose(display.learning_rates, np.geomspace(1e-6, 1, 13))


def test_it_ends_where_the_loss_diverges(clf, table):
    X, y = table
    clf.set_params(optimizer="sgd", standardize=False)
    display = LearningRateDisplay.from_estimator(
        clf, 100 * X, y, highest=1e9, n_steps=60, ax=Figure().subplots()
    )
    assert len(display.losses) == len(display.learning_rates) < 60
    assert np.isfinite(display.losses).all()
    assert (display.losses[:-1] <= 4 * np.minimum.accumulate(display.losses)[:-1]).all()


@pytest.mark.parametrize("is_fitted", [False, True])
def test_the_estimator_stays_as_it_is(clf, table, is_fitted):
    clf.set_params(
        early_stopping=True,
        warm_start=True,
        thresholds="f1",
        checkpoint_dir="nowhere",
        max_epochs=2,
    )
    if is_fitted:
        clf.set_params(checkpoint_dir=None).fit(*table)
    before = clone(clf).get_params(), dict(vars(clf))
    LearningRateDisplay.from_estimator(clf, *table, n_steps=10, ax=Figure().subplots())
    assert clf.get_params() == before[0]
    assert vars(clf).keys() == before[1].keys()
    assert all(vars(clf)[name] is value for name, value in before[1].items())


def test_a_good_learning_rate_is_suggested(clf, table):
    X, y = table
    clf.set_params(hidden_dim=16)  # a linear head bears nearly any
    suggestion = LearningRateDisplay.from_estimator(clf, X, y, ax=Figure().subplots()).suggestion
    losses = {}
    for rate in (suggestion, suggestion / 100, 100 * suggestion):
        losses[rate] = clf.set_params(learning_rate=rate).fit(X, y).loss_curve_[-20:].mean()
    assert min(losses, key=losses.get) == suggestion


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"lowest": 0.1, "highest": 0.01}, r"lowest and highest must be learning rates.*0\.1 and"),
        ({"lowest": 0}, "lowest and highest must be"),
        ({"n_steps": 9}, r"n_steps must be at least 10\. Got 9"),
    ],
)
def test_other_ranges_are_refused(clf, table, options, match):
    with pytest.raises(ValueError, match=match):
        LearningRateDisplay.from_estimator(clf, *table, **options)


def test_it_makes_a_figure_of_its_own(clf, table):
    display = LearningRateDisplay.from_estimator(clf, *table, n_steps=10, title="of garments")
    assert display.ax_.get_title() == "of garments"
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "learning_rate"
    plt.close(display.figure_)
