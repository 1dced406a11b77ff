"""What missing cells teach."""

import numpy as np
import pytest
from sklearn.base import clone


def test_missing_cells_taken_for_0_teach_what_zeros_teach(tabular, features, binary):
    assumed = clone(tabular).set_params(missing="negative").fit(features, binary)
    zeros = clone(tabular).fit(features, np.nan_to_num(binary))
    assert np.array_equal(assumed.loss_curve_, zeros.loss_curve_)
    assert assumed.class_weight_ == zeros.class_weight_
    ignored = clone(tabular).fit(features, binary)
    assert not np.array_equal(ignored.loss_curve_, zeros.loss_curve_)


def test_missing_cells_do_not_judge(tabular, features, binary):
    tabular.set_params(missing="negative", early_stopping=True, scoring="accuracy", thresholds="f1")
    rest = features[40:], binary[40:]
    filled = rest[0], np.nan_to_num(rest[1])
    clf, other = (
        clone(tabular).fit(features[:40], binary[:40], X_val=X_val, y_val=y_val)
        for X_val, y_val in (rest, filled)
    )
    assert np.array_equal(clf.loss_curve_[:1], other.loss_curve_[:1])
    assert not np.array_equal(clf.validation_scores_, other.validation_scores_)
    assert clf.thresholds_ != other.thresholds_


def test_their_weights_count(tabular, features, binary):
    weight = np.ones(binary.shape)
    weight[np.isnan(binary)] = np.nan
    with pytest.raises(ValueError, match=r"sample_weight must be 0 or more, and finite\. Got nan"):
        clone(tabular).set_params(missing="negative").fit(features, binary, sample_weight=weight)
    weight = np.nan_to_num(weight)  # 0: as if ignored
    assumed = clone(tabular).set_params(missing="negative")
    assumed.fit(features, binary, sample_weight=weight)
    ignored = clone(tabular).fit(features, binary)
    assert np.array_equal(assumed.predict_proba(features), ignored.predict_proba(features))
