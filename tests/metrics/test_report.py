import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attrlearn.metrics import (
    attribute_report,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    roc_auc_score,
)

SLEEVES = ["bare", "long", "short"]
PROBABILITY = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])
FIGURES = [
    "labelled",
    "missing",
    "prevalence",
    "chance",
    "average_precision",
    "roc_auc",
    "balanced_accuracy",
    "f1",
]


def quietly(score, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score(*args, **kwargs)


@st.composite
def tables(draw):
    """(N, 2) y of a categorical and a binary attribute, and their probabilities by class."""
    n_rows = draw(st.integers(1, 12))
    codes = draw(arrays(int, n_rows, elements=st.integers(-1, 2)))
    hood = draw(arrays(float, n_rows, elements=st.sampled_from([0.0, 1.0, np.nan])))
    positive = draw(arrays(float, n_rows, elements=PROBABILITY))
    y = pd.DataFrame({"sleeve": pd.Categorical.from_codes(codes, SLEEVES), "hood": hood})
    counts = draw(arrays(int, (n_rows, 3), elements=st.integers(0, 5)))
    counts[:, draw(st.integers(0, 2))] += 1
    proba = counts / counts.sum(axis=1, keepdims=True)
    return y, [proba, np.column_stack([1 - positive, positive])]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(tables())
def test_the_report_holds_what_the_scores_say(drawn):
    y, proba = drawn
    report = attribute_report(y, proba, n_permutations=0)
    predicted = np.array(SLEEVES, dtype=object)[proba[0].argmax(axis=1)]
    predictions = pd.DataFrame({"sleeve": predicted, "hood": proba[1].argmax(axis=1)})
    assert report.index.tolist() == ["sleeve", "hood"]
    assert report.columns.tolist() == FIGURES
    assert report["labelled"].tolist() == y.notna().sum().tolist()
    np.testing.assert_allclose(report["missing"], y.isna().mean())
    for name, score, values in (
        ("average_precision", average_precision_score, proba),
        ("roc_auc", roc_auc_score, proba),
        ("balanced_accuracy", balanced_accuracy_score, predictions),
        ("f1", f1_score, predictions),
    ):
        np.testing.assert_allclose(report[name], quietly(score, y, values, average=None))


def test_the_report_tells_prevalence_and_chance():
    y = pd.DataFrame({"hood": [1, 0, 0, 0, -1], "sleeve": ["long", "bare", "long", None, "bare"]})
    y["sleeve"] = pd.Categorical(y["sleeve"], categories=SLEEVES)
    proba = [np.full((5, 2), 1 / 2), np.full((5, 3), 1 / 3)]
    report = attribute_report(y, proba)
    assert report["missing"].tolist() == pytest.approx([0.2, 0.2])
    assert report["prevalence"].tolist() == ["0.25", "0.50 0.50 0.00"]
    assert report["chance"].tolist() == [0.25, 0.5]
    assert report["average_precision"].tolist() == [0.25, 0.5]  # all tied: chance
    assert report["roc_auc"].tolist() == [0.5, 0.5]
    assert report["p_value"].tolist() == [1, 1]
    assert report["better_than_chance"].tolist() == [False, False]


def test_the_report_tells_a_signal_from_noise():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (60, 2))
    proba = rng.random((60, 2))
    proba[:, 1] = (proba[:, 1] + y[:, 1]) / 2
    report = attribute_report(y, proba, n_permutations=199)
    assert report["better_than_chance"].dtype == "boolean"
    assert report["better_than_chance"].tolist() == [False, True]
    assert report["p_value"].iloc[1] == 1 / 200
    again = attribute_report(y, proba, n_permutations=199, random_state=np.random.RandomState(0))
    pd.testing.assert_frame_equal(report, again)


def test_the_report_of_attributes_without_two_classes_is_nan_without_warnings():
    y = pd.DataFrame({"sleeve": pd.Categorical([None, None], categories=SLEEVES), "hood": np.nan})
    y["zip"] = [1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = attribute_report(y, [np.full((2, 3), 1 / 3), *[np.full((2, 2), 1 / 2)] * 2])
    assert report["labelled"].tolist() == [0, 0, 2]
    assert report["chance"].tolist() == pytest.approx([np.nan, np.nan, 1], nan_ok=True)
    scores = ["average_precision", "roc_auc", "balanced_accuracy", "f1", "p_value"]
    assert report[scores].isna().all(axis=None)
    assert report["better_than_chance"].isna().all()


def test_the_classes_of_the_model_stand_in_for_those_that_y_lacks():
    y = pd.DataFrame({"sleeve": ["long", "bare", "long"]})
    proba = [np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.2, 0.7]])]
    found = attribute_report(y, proba, classes=[np.array(SLEEVES, dtype=object)])
    declared = y.astype(pd.CategoricalDtype(SLEEVES))
    pd.testing.assert_frame_equal(found, attribute_report(declared, proba))
    assert found.loc["sleeve", "prevalence"] == "0.33 0.67 0.00"


@pytest.mark.parametrize("n_permutations", [-1, 0.5, "all"])
def test_the_number_of_permutations_is_0_or_more(n_permutations):
    with pytest.raises(ValueError, match=rf"int of 0 or more\. Got {n_permutations!r}\. Pass 999"):
        attribute_report([[1], [0]], [[1], [0]], n_permutations=n_permutations)
