import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from attrlearn.metrics import average_precision_score
from attrlearn.plots import AttributePrecisionRecallDisplay


def test_the_area_below_each_curve_is_the_average_precision(garments, ax):
    display = AttributePrecisionRecallDisplay.from_predictions(*garments, ax=ax)
    wanted = average_precision_score(*garments, average=None)
    areas = [
        np.sum(np.diff(curve["recall"]) * curve["precision"].iloc[1:])
        for curve in display.curves.values()
    ]
    np.testing.assert_allclose(areas, wanted)
    titles = [axes.get_title().splitlines()[1].split(",")[0] for axes in display.axes_]
    assert titles == [f"AP {score:.2f}" for score in wanted]


def test_a_binary_curve_is_that_of_scikit_learn_on_the_labelled_cells(garments, ax):
    y, proba = garments
    display = AttributePrecisionRecallDisplay.from_predictions(y, proba, ax=ax)
    labelled = y["zip"].notna()
    precision, recall, _ = precision_recall_curve(y["zip"][labelled], proba[2][labelled, 1])
    found = display.curves["zip"].iloc[1:]
    np.testing.assert_array_equal(found["recall"], recall[-2::-1])
    np.testing.assert_array_equal(found["precision"], precision[-2::-1])


def test_chance_is_the_share_of_positives_or_of_a_class(garments, ax):
    y, _ = garments
    display = AttributePrecisionRecallDisplay.from_predictions(*garments, ax=ax)
    levels = [axes.lines[0].get_ydata()[0] for axes in display.axes_]
    np.testing.assert_allclose(levels, [y["hood"].mean(), 1 / 3, y["zip"].mean()])


def test_long_curves_are_thinned_and_those_of_one_class_empty():
    rng = np.random.default_rng(0)
    known = np.column_stack([rng.integers(0, 2, 5000), np.ones(5000)])
    ax = Figure().subplots()
    display = AttributePrecisionRecallDisplay.from_predictions(known, rng.random((5000, 2)), ax=ax)
    long, empty = display.curves.values()
    assert len(long) == 1000
    assert long["recall"].iloc[[0, -1]].tolist() == [0, 1]
    assert len(empty) == len(display.axes_[1].lines) == 0
    assert display.axes_[1].get_title() == "Attr2\nfewer than two classes"


def test_labels_and_probabilities_of_other_shapes_are_an_error():
    with pytest.raises(ValueError, match="y_proba must have one column or array per attribute"):
        AttributePrecisionRecallDisplay.from_predictions([[1, 0]], [[0.5]])
