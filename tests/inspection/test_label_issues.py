import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from attrlearn.exceptions import AttributeWarning
from attrlearn.inspection import find_label_issues


def draw(n, share, rng, slope=4.0):
    """Rates (n,) of class 1, and what is true."""
    logits = slope * (rng.normal(size=n) + np.quantile(rng.normal(size=9999), share))
    return expit(logits), (rng.random(n) < expit(logits)).astype(float)


@pytest.fixture(scope="module")
def flipped():
    """A table with gaps and flips, its probabilities, and which cells are flipped."""
    rng = np.random.default_rng(0)
    columns = [draw(2000, share, rng) for share in (0.5, 0.3, 0.1)]
    p, true = np.column_stack([c[0] for c in columns]), np.column_stack([c[1] for c in columns])
    wrong = rng.random(true.shape) < 0.05
    y = np.where(wrong, 1 - true, true)
    y[rng.random(y.shape) < 0.3] = np.nan
    return pd.DataFrame(y, columns=["hood", "zip", "logo"]), p, wrong & ~np.isnan(y)


def cells(table, y):
    """Positions of the cells that a table lists."""
    return table["row"].to_numpy(), y.columns.get_indexer(table["attribute"])


def test_error_probabilities_are_rates_of_errors(flipped):
    y, p, wrong = flipped
    table = find_label_issues(None, y, p, min_probability=0)
    assert len(table) == y.notna().to_numpy().sum()
    hit = wrong[cells(table, y)]
    assert table["error_probability"].sum() == pytest.approx(wrong.sum(), rel=0.25)
    for low, high in [(0.05, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.0)]:
        some = table["error_probability"].between(low, high).to_numpy()
        said = table["error_probability"][some].mean()
        deviation = np.sqrt(said * (1 - said) / some.sum())
        assert abs(hit[some].mean() - said) < 4 * deviation + 0.02


def test_the_suggested_class_is_the_true_one(flipped):
    y, p, _ = flipped
    table = find_label_issues(None, y, p)
    assert table["error_probability"].is_monotonic_decreasing
    assert (table["error_probability"] >= 0.5).all()
    assert (table["given"] == y.to_numpy()[cells(table, y)]).all()
    assert (table["suggested"] == 1 - table["given"]).all()


def test_rare_attributes_of_balanced_weights_do_not_lead_the_list():
    rng = np.random.default_rng(0)
    common, common_true = draw(3000, 0.5, rng)
    rare, rare_true = draw(3000, 0.04, rng)
    wrong = rng.random(3000) < 0.05
    y = pd.DataFrame({"common": np.where(wrong, 1 - common_true, common_true), "rare": rare_true})
    balanced = rare * 24 / (rare * 24 + 1 - rare)
    p = np.column_stack([common, balanced])
    top = find_label_issues(None, y, p)[:100]
    assert (top["attribute"] == "rare").sum() < 10
    naive = np.argsort(-np.abs(y.to_numpy() - p), axis=None)[:100] % 2  # 1: rare
    assert naive.sum() > 20


def test_categorical_attributes(flipped):
    y, p, _ = flipped
    words = pd.DataFrame({"hood": y["hood"].map({0: "no", 1: "yes"}), "zip": y["zip"]})
    proba = [np.column_stack([1 - p[:, a], p[:, a]]) for a in (0, 1)]
    found = find_label_issues(None, words, proba)
    expected = find_label_issues(None, y[["hood", "zip"]], p[:, :2])
    assert found["row"].tolist() == expected["row"].tolist()
    hood = (found["attribute"] == "hood").to_numpy()
    assert found["given"][hood].tolist() == [
        "no" if g == 0 else "yes" for g in expected["given"][hood]
    ]


def test_rows_keep_their_errors_in_any_order(flipped):
    y, p, _ = flipped
    order = np.random.default_rng(1).permutation(len(y))
    table = find_label_issues(None, y.iloc[order].reset_index(drop=True), p[order])
    table["row"] = order[table["row"]]
    key = ["row", "attribute"]
    expected = find_label_issues(None, y, p).sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(table.sort_values(key, ignore_index=True), expected, rtol=1e-3)


def test_rows_without_probabilities_are_left_out(flipped):
    y, p, _ = flipped
    missing = p.copy()
    missing[:100] = np.nan
    table = find_label_issues(None, y, missing, min_probability=0)
    assert table["row"].min() >= 100


def test_images_are_named(flipped):
    y, p, _ = flipped
    paths = [f"{i}.jpg" for i in range(len(y))]
    for X in (paths, pd.DataFrame({"image": paths, "category": "shirt"})):
        table = find_label_issues(X, y, p)
        assert table["image"].tolist() == [f"{row}.jpg" for row in table["row"]]
    assert "image" not in find_label_issues(np.zeros((len(y), 4)), y, p)
    with pytest.raises(ValueError, match=r"X must have the rows of y. Got 3, where y has 2000"):
        find_label_issues(paths[:3], y, p)


def test_what_cannot_be_judged_is_told(flipped):
    y, p, _ = flipped
    p = p.copy()
    p[:, 1] = np.random.default_rng(0).random(len(p))
    with pytest.warns(AttributeWarning, match=r"left out \['zip'\]"):
        table = find_label_issues(None, y, p)
    assert set(table["attribute"]) == {"hood", "logo"}
    with pytest.warns(AttributeWarning):
        table = find_label_issues(None, y[["zip"]], p[:, [1]])
    assert table.columns.tolist() == ["row", "attribute", "given", "suggested", "error_probability"]
    assert len(table) == 0


def test_min_probability_is_a_probability(flipped):
    y, p, _ = flipped
    with pytest.raises(ValueError, match=r"min_probability must be from 0 to 1. Got 5"):
        find_label_issues(None, y, p, min_probability=5)
