"""Classes, rows and cells that count more."""

import numpy as np
import pytest

from attrlearn import AttributeClassifier


def test_class_weights_are_kept_by_name(tabular, features, binary):
    clf = tabular.fit(features, binary)
    n_negative, n_positive = (binary[:, 0] == 0).sum(), (binary[:, 0] == 1).sum()
    weight = clf.class_weight_["Attr1"]
    assert weight[1] / weight[0] == pytest.approx(n_negative / n_positive)


def test_class_weights_that_leave_nothing_to_learn_are_an_error(tabular, features, binary):
    zero = {0: 0, 1: 0}
    clf = tabular.set_params(class_weight={"Attr1": zero, "Attr2": zero})
    with pytest.raises(ValueError, match="class_weight must be more than 0 for a labelled class"):
        clf.fit(features, binary[:, :2])
    with pytest.warns(UserWarning, match=r"fewer than two .*\['Attr1', 'Attr2'\]") as record:
        clf.fit(features, binary)
    assert record[0].filename == __file__
    with (
        pytest.warns(UserWarning, match=r"Fewer than two classes .*\['Attr3'\]"),
        pytest.raises(ValueError, match="class_weight must be more than 0 for a labelled class"),
    ):
        clf.fit(features, binary, sample_weight=np.tile([1, 1, 0], (80, 1)))


WHOLE = {"dropout": 0, "batch_size": 200, "max_epochs": 5, "learning_rate": 0.1, "random_state": 0}


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_row_of_weight_two_is_a_row_twice_and_one_of_zero_is_none(class_weight, features, binary):
    clf = AttributeClassifier(None, class_weight=class_weight, **WHOLE)
    times = np.arange(80) % 3
    weighted = clf.fit(features, binary, sample_weight=times).loss_curve_
    rows = np.repeat(np.arange(80), times)
    repeated = clf.fit(features[rows], binary[rows]).loss_curve_
    np.testing.assert_allclose(weighted, repeated, rtol=1e-5)
    assert not np.allclose(clf.fit(features, binary).loss_curve_, repeated, rtol=1e-5)


def test_a_cell_of_weight_zero_is_a_missing_cell(features, binary):
    clf = AttributeClassifier(None, **WHOLE)
    counts = np.random.default_rng(0).random(binary.shape) < 0.7
    weighted = clf.fit(features, binary, sample_weight=counts).loss_curve_
    missing = clf.fit(features, np.where(counts, binary, np.nan)).loss_curve_
    np.testing.assert_array_equal(weighted, missing)
