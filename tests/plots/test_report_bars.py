from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from attrlearn.metrics import attribute_report
from attrlearn.plots import AttributeReportDisplay


def test_the_bars_are_the_report_from_the_best_to_the_worst(garments, ax):
    display = AttributeReportDisplay.from_predictions(*garments, n_permutations=99, ax=ax)
    report = attribute_report(*garments, n_permutations=99)
    pd.testing.assert_frame_equal(display.report, report)
    widths = [bar.get_width() for bar in display.bars_]
    assert widths == report["average_precision"].tolist()
    tops = [bar.get_y() for bar in display.bars_]
    assert np.argsort(tops).tolist() == np.argsort(widths)[::-1].tolist()
    [column] = display.axes_
    names = [label.get_text() for label in column.get_yticklabels()]
    assert names == report["average_precision"].sort_values(ascending=False).index.tolist()


@pytest.mark.parametrize("score", ["roc_auc", "balanced_accuracy", "f1"])
def test_another_score_has_its_own_bars_and_chance_only_where_there_is_one(score, garments, ax):
    display = AttributeReportDisplay.from_predictions(
        *garments, score=score, n_permutations=0, ax=ax
    )
    assert [bar.get_width() for bar in display.bars_] == display.report[score].tolist()
    marks = display.axes_[0].collections
    assert len(marks) == (score == "roc_auc")
    assert {x for mark in marks for segment in mark.get_segments() for x in segment[:, 0]} <= {0.5}


def test_chance_is_marked_beside_each_bar(garments, ax):
    display = AttributeReportDisplay.from_predictions(*garments, n_permutations=0, ax=ax)
    [marks] = display.axes_[0].collections
    for bar, chance in zip(display.bars_, display.report["chance"], strict=True):
        middle = bar.get_y() + bar.get_height() / 2
        at = [x for (x, low), (_, high) in marks.get_segments() if low < middle < high]
        assert at == [chance]


def test_what_cannot_be_scored_comes_last_and_says_why(ax):
    y, proba = [[1, 1, 1], [0, 1, 0]], np.array([[0.2, 0.5, 0.7], [0.6, 0.5, 0.1]])
    display = AttributeReportDisplay.from_predictions(y, proba, n_permutations=9, ax=ax)
    last = display.axes_[0].get_yticklabels()[-1]
    assert last.get_text() == "Attr2"
    assert "fewer than two classes labelled" in {t.get_text() for t in display.axes_[0].texts}


def test_many_attributes_take_columns_in_which_no_name_hits_another():
    rng = np.random.default_rng(0)
    names = [f"attribute {'of a long name ' * (a % 4)}{a}" for a in range(77)]
    y = pd.DataFrame(rng.integers(0, 2, (20, 77)), columns=names)
    report = attribute_report(y, rng.random((20, 77)), n_permutations=0)
    display = AttributeReportDisplay(report=report)
    figure = Figure(figsize=display.figsize, layout="constrained")
    display.plot(figure.subplots())
    figure.draw_without_rendering()
    assert [len(column.patches) for column in display.axes_] == [39, 38]
    for column in display.axes_:
        boxes = [label.get_window_extent() for label in column.get_yticklabels()]
        assert all(a.y0 >= b.y1 for a, b in pairwise(boxes))
        assert boxes[0].x0 >= 0
    left, right = display.axes_
    heading = max(text.get_window_extent().x1 for text in left.texts)
    assert heading <= min(label.get_window_extent().x0 for label in right.get_yticklabels())


def test_another_column_is_an_error():
    with pytest.raises(ValueError, match=r"score must be one of \['average_precision', .*'p_val"):
        AttributeReportDisplay.from_predictions([[1], [0]], [[1], [0]], score="p_value")
