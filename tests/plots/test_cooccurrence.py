from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attrlearn.plots import CooccurrenceDisplay

RNG = np.random.default_rng(0)
Y = pd.DataFrame(
    {
        "hood": RNG.integers(0, 2, 200).astype(float),
        "zip": RNG.integers(0, 2, 200).astype(float),
        "fit": pd.Series(RNG.choice(["slim", "wide"], 200), dtype=object),
    }
).mask(RNG.random((200, 3)) < 0.3)


def test_phi_is_the_correlation_of_the_rows_labelled_in_both(ax):
    found = CooccurrenceDisplay.from_labels(Y, ax=ax).association
    items = Y[["hood", "zip"]].assign(
        **{
            f"fit: {c}": (Y["fit"] == c).where(Y["fit"].notna()).astype(float)
            for c in ("slim", "wide")
        }
    )
    expected = items.corr()
    for a in items:
        for b in items:
            if a == b or (a.startswith("fit") and b.startswith("fit")):
                assert np.isnan(found.loc[a, b])
            else:
                assert found.loc[a, b] == pytest.approx(expected.loc[a, b])


def test_the_conditional_share_is_the_mean_of_one_where_the_other_is(ax):
    found = CooccurrenceDisplay.from_labels(Y, measure="conditional", ax=ax).association
    assert found.loc["hood", "zip"] == pytest.approx(Y.loc[Y["hood"] == 1, "zip"].mean())
    assert found.loc["zip", "hood"] == pytest.approx(Y.loc[Y["zip"] == 1, "hood"].mean())


def test_cells_of_too_few_common_labels_are_blank(ax):
    y = Y[["hood", "zip"]].copy()
    y.loc[15:, "zip"] = np.nan
    display = CooccurrenceDisplay.from_labels(y, ax=ax)
    assert display.association.isna().all(axis=None)
    assert (display.text_ == None).all()  # noqa: E711


@pytest.mark.slow
def test_no_name_hits_another_at_77_attributes():
    y = pd.DataFrame(RNG.integers(0, 2, (60, 77)), columns=[f"a long name {i}" for i in range(77)])
    display = CooccurrenceDisplay.from_labels(y, ax=Figure().subplots())
    figure = Figure(figsize=display.figsize, layout="constrained")
    display.plot(figure.subplots())
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert all(a.y0 >= b.y1 or b.y0 >= a.y1 for a, b in pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0
    assert display.text_ is None


def test_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match=r"measure must be one of \['phi', 'conditional'\]"):
        CooccurrenceDisplay.from_labels(Y, measure="lift")
