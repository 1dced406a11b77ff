import numpy as np
import pandas as pd
import pytest

from attrlearn.inspection import compare
from attrlearn.metrics import SCORERS, balanced_accuracy_score

NUMBERS = ["score_a", "score_b", "difference", "low", "high"]


def draw(rng, n, *, shift=0.0, shared=1.0, n_attributes=2):
    """Labels (n, A), and probabilities of two models that find the same rows hard."""
    y = (rng.random((n, n_attributes)) < 0.3).astype(float)
    hard = shared * rng.normal(size=y.shape)

    def model(strength):
        logit = strength * (2 * y - 1) + hard + 0.3 * rng.normal(size=y.shape)
        return 1 / (1 + np.exp(-logit))

    return y, model(1.0 + shift), model(1.0)


@pytest.fixture
def pair():
    y, a, b = draw(np.random.default_rng(0), 400, shift=0.3)
    y[np.random.default_rng(1).random(y.shape) < 0.3] = np.nan
    return y, a, b


@pytest.mark.parametrize("scoring", sorted(set(SCORERS) - {"harmonic_f1"}))
def test_scores_are_those_of_the_metrics_and_change_places_with_the_models(scoring, pair):
    y, a, b = pair
    found = compare(y, a, b, scoring=scoring, n_bootstrap=99)
    scorer = SCORERS[scoring]
    for name, proba in (("score_a", a), ("score_b", b)):
        response = (proba > 0.5).astype(int) if scorer._response_method == "predict" else proba
        wanted = scorer._sign * scorer._score_func(y, response, classes=np.arange(2))
        assert found[name].iloc[-1] == pytest.approx(wanted)
    assert found["labelled"].tolist() == [*(~np.isnan(y)).sum(axis=0), (~np.isnan(y)).sum()]
    back = compare(y, b, a, scoring=scoring, n_bootstrap=99)
    np.testing.assert_allclose(back["difference"], -found["difference"])
    np.testing.assert_allclose(back[["low", "high"]], -found[["high", "low"]], atol=1e-12)
    assert back["better"].replace({"a": "b", "b": "a"}).equals(found["better"])


def test_a_model_does_not_differ_from_itself(pair):
    y, a, _ = pair
    found = compare(y, a, a, n_bootstrap=49)
    assert (found[["difference", "low", "high"]] == 0).all(axis=None)
    assert found["better"].isna().all()


def test_the_interval_is_narrower_than_that_of_models_on_different_rows():
    rng = np.random.default_rng(0)
    y, a, b = draw(rng, 2000, shift=0.05, shared=1.5)
    paired = compare(y, a, b, scoring="roc_auc").loc["(mean)"]
    width = paired["high"] - paired["low"]
    of_one = []
    for proba in (a, b):  # against a model that knows nothing: the interval of one score
        alone = compare(y, proba, np.full_like(y, 0.5), scoring="roc_auc").loc["(mean)"]
        of_one.append(alone["high"] - alone["low"])
    assert width < 0.5 * np.hypot(*of_one)


def test_missing_cells_and_rows_without_probabilities_change_nothing(pair):
    y, a, b = pair
    b = b.copy()
    b[:20] = np.nan
    y_less = y.copy()
    y_less[:20] = np.nan
    other = np.where(np.isnan(y), 0.123, a)
    found = compare(y, a, b, n_bootstrap=49)
    pd.testing.assert_frame_equal(found, compare(y_less, other, np.nan_to_num(b), n_bootstrap=49))


def test_groups_of_one_row_are_rows_and_a_missing_group_is_one(pair):
    found = compare(*pair, n_bootstrap=99)
    for groups in (np.arange(400)[::-1], [None] * 400, ["x", *[None] * 399]):
        pd.testing.assert_frame_equal(found, compare(*pair, groups=groups, n_bootstrap=99))


def test_copies_of_rows_in_groups_make_no_interval_narrower(pair):
    four_times = [np.repeat(values, 4, axis=0) for values in pair]
    once = compare(*pair)
    grouped = compare(*four_times, groups=np.repeat(np.arange(400), 4))
    np.testing.assert_allclose(grouped[NUMBERS], once[NUMBERS], atol=1e-12)
    rows = compare(*four_times)
    assert (rows["high"] - rows["low"] < 0.7 * (once["high"] - once["low"])).all()


def test_attributes_with_too_few_cells_have_a_reason_and_are_no_part_of_the_mean(pair):
    y, a, b = pair
    y, a, b = (np.column_stack([values, values[:, 0], values[:, 0]]) for values in (y, a, b))
    positive = np.flatnonzero(y[:, 2] == 1)
    y[positive[4:], 2] = 0
    y[:, 3] = np.nan
    found = compare(y, a, b, n_bootstrap=49)
    assert found["reason"].tolist() == [
        "",
        "",
        "fewer than 5 labelled rows of a second class: 4",
        "fewer than 5 labelled rows of a second class: 0",
        "",
    ]
    assert found.iloc[2:4][NUMBERS].isna().all(axis=None)
    pd.testing.assert_frame_equal(
        found.iloc[[0, 1, 4]].drop(columns="labelled"),
        compare(*pair, n_bootstrap=49).drop(columns="labelled"),
    )
    grouped = compare(y, a, b, groups=np.arange(400) // 2, n_bootstrap=49)
    assert "groups" in grouped["reason"].iloc[3]
    nothing = compare(y[:, 3:], a[:, 3:], b[:, 3:], n_bootstrap=9)
    assert nothing.loc["(mean)", "reason"] == "no attribute has scores"
    few = compare([[1]] * 9, [[0.5]] * 9, [[0.6]] * 9, scoring="neg_log_loss", n_bootstrap=9)
    assert few["reason"].iloc[0] == "fewer than 10 labelled rows: 9"


def test_a_categorical_attribute_is_scored_beside_binary_ones():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 3, 200)
    y = pd.DataFrame(
        {"sleeve": pd.Categorical.from_codes(known, ["a", "b", "c"]), "hood": known == 1}
    )
    models = []
    for strength in (2, 0.5):
        p = np.exp(rng.normal(size=(200, 3)) + strength * np.eye(3)[known])
        p /= p.sum(axis=1, keepdims=True)
        models.append([p, np.column_stack([1 - p[:, 1], p[:, 1]])])
    found = compare(y, *models, n_bootstrap=99)
    predicted = np.array(["a", "b", "c"])[models[0][0].argmax(axis=1)]
    wanted = balanced_accuracy_score(y[["sleeve"]], predicted[:, None])
    assert found.loc["sleeve", "score_a"] == pytest.approx(wanted)
    assert found["better"].tolist() == ["a", "a", "a"]


@pytest.mark.slow
@pytest.mark.parametrize("scoring", ["balanced_accuracy", "average_precision"])
def test_the_interval_covers_the_true_difference_as_often_as_it_says(scoring):
    y, a, b = draw(np.random.default_rng(0), 200_000, shift=0.2)
    true = compare(y, a, b, scoring=scoring, n_bootstrap=1)["difference"].to_numpy()
    covered = []
    for seed in range(250):
        found = compare(
            *draw(np.random.default_rng(seed + 1), 300, shift=0.2), scoring=scoring, n_bootstrap=299
        )
        covered.append((found["low"] <= true) & (true <= found["high"]))
    assert 0.92 <= np.mean(covered) <= 0.98


def test_arguments_that_break_a_rule_are_errors(pair):
    y, a, b = pair
    with pytest.raises(ValueError, match=r"scoring must be one of .* Got 'harmonic_f1'"):
        compare(y, a, b, scoring="harmonic_f1")
    with pytest.raises(ValueError, match=r"n_bootstrap must be an int of 1 or more. Got 0"):
        compare(y, a, b, n_bootstrap=0)
    with pytest.raises(ValueError, match=r"confidence_level must be between 0 and 1. Got 95"):
        compare(y, a, b, confidence_level=95)
    with pytest.raises(ValueError, match=r"groups must have one entry per row .* Got 3 for 400"):
        compare(y, a, b, groups=[1, 2, 3])
    with pytest.raises(ValueError, match=r"In proba_b: y_proba must have one column"):
        compare(y, a, b[:, :1])
    both = [np.column_stack([1 - p, p]) for p in b.T]
    both[1] = np.column_stack([both[1] * 0.5, np.full(400, 0.5)])
    with pytest.raises(ValueError, match=r"classes"):
        compare(y, a, both)
