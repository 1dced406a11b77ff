import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from attrlearn.inspection import suggest_labels


@pytest.fixture(scope="module")
def table():
    """A table with gaps, its probabilities under balanced weights, and the truth."""
    rng = np.random.default_rng(0)
    bias = np.array([0, 1, 3])
    logits = 2 * rng.normal(size=(3000, 3)) - bias
    true = (rng.random(logits.shape) < expit(logits)).astype(float)
    y = pd.DataFrame(true, columns=["hood", "zip", "logo"]).mask(rng.random(true.shape) < 0.5)
    return y, expit(logits + bias), true


def positions(found, y):
    """Rows and columns of the cells of a table."""
    return found["row"].to_numpy(), y.columns.get_indexer(found["attribute"])


def test_every_missing_cell_is_there_once(table):
    y, p, _ = table
    p = p.copy()
    p[7] = np.nan  # an image that could not be read
    found = suggest_labels(None, y, p, n=30)
    counts = np.zeros(y.shape, dtype=int)
    np.add.at(counts, positions(found, y), 1)
    expected = y.isna().to_numpy().astype(int)
    expected[7] = 0
    np.testing.assert_array_equal(counts, expected)


def test_the_first_ones_are_of_each_attribute_in_turn(table):
    y, p, _ = table
    asked = suggest_labels(None, y, p, n=30)[:30]
    assert asked["attribute"].value_counts().to_dict() == {"hood": 10, "zip": 10, "logo": 10}
    assert all(len(set(asked["attribute"][i : i + 3])) == 3 for i in range(0, 30, 3))
    few = y.copy()
    few["zip"] = few["zip"].fillna(0.0)
    few.loc[:1, "zip"] = np.nan
    asked = suggest_labels(None, few, p, n=30)[:30]
    assert asked["attribute"].value_counts().to_dict() == {"hood": 14, "logo": 14, "zip": 2}


def test_what_is_asked_is_uncertain_whatever_the_class_weights(table):
    y, p, _ = table
    rates = expit(logit(p) - [0, 1, 3])
    cells = []
    for proba in p, rates:
        asked = suggest_labels(None, y, proba, n=120)[:120]
        cells.append(set(zip(*positions(asked, y), strict=True)))
        for a, name in enumerate(y):
            missing = np.abs(rates[y[name].isna(), a] - 0.5)
            rows = asked["row"][asked["attribute"] == name]
            assert (np.abs(rates[rows, a] - 0.5) <= np.quantile(missing, 0.3)).all()
            assert np.abs(rates[rows.iloc[0], a] - 0.5) <= np.quantile(missing, 0.05)
    assert len(cells[0] & cells[1]) > 30  # 8 by chance: what is farthest depends on little


def test_what_is_asked_differs_in_features(table):
    y, p, _ = table
    groups = np.arange(len(y)) % 40
    features = np.random.default_rng(0).normal(size=(40, 16))[groups]
    asked = suggest_labels(None, y, np.full_like(p, 0.5), features, n=60)[:60]
    for name in y:
        rows = asked["row"][asked["attribute"] == name]
        assert len(set(groups[rows])) == 20  # of 20 cells
    unspread = suggest_labels(None, y, np.full_like(p, 0.5), n=60)[:20]
    assert len(set(groups[unspread["row"]])) < 20


def test_confidence_is_a_rate(table):
    y, p, true = table
    found = suggest_labels(None, y, p)
    right = true[positions(found, y)] == found["suggested"].astype(float)
    for name in y:
        some = (found["attribute"] == name).to_numpy()
        for low, high in [(0.5, 0.7), (0.7, 0.9), (0.9, 1.0)]:
            part = some & found["confidence"].between(low, high).to_numpy()
            assert right[part].mean() == pytest.approx(found["confidence"][part].mean(), abs=0.08)


def test_confidence_without_information_is_that_of_the_classes(table):
    y, p, _ = table
    noise = np.random.default_rng(1).random(p.shape)
    found = suggest_labels(None, y, noise)
    logo = found[found["attribute"] == "logo"]
    assert set(logo["suggested"]) == {0}
    assert logo["confidence"].iloc[0] == pytest.approx(1 - y["logo"].mean())
    unlabelled = y.assign(logo=np.nan)
    found = suggest_labels(None, unlabelled, p)
    assert found["confidence"][found["attribute"] == "logo"].isna().all()


def test_categories_without_an_attribute_come_last(table):
    y, p, _ = table
    X = pd.DataFrame({"image": [f"{i}.jpg" for i in range(len(y))]})
    X["category"] = np.where(np.arange(len(y)) % 3 == 0, "sock", "coat")
    y = y.copy()
    y.loc[X["category"] == "sock", "hood"] = np.nan
    found = suggest_labels(X, y, p, n=50)
    last = (found["attribute"] == "hood") & (X["category"][found["row"]] == "sock").to_numpy()
    assert last.sum() == 1000
    assert last[-1000:].all()
    assert found["image"][0] == f"{found['row'][0]}.jpg"


def test_wrong_arguments_are_told(table):
    y, p, _ = table
    with pytest.raises(ValueError, match=r"n must be a number of cells, 1 or more. Got 0"):
        suggest_labels(None, y, p, n=0)
    with pytest.raises(ValueError, match=r"features must have the rows of y. Got 3, where y has"):
        suggest_labels(None, y, p, np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"y_proba must have"):
        suggest_labels(None, y, p[:5])
