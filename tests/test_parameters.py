"""What holds of the parameters of every estimator."""

from ast import literal_eval
from inspect import getdoc

import pytest
from sklearn.base import clone

from attrlearn import AttributeClassifier, ImageEmbedder

ESTIMATORS = [AttributeClassifier, ImageEmbedder]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_has_a_rule_and_a_text(estimator):
    params = estimator().get_params()
    assert params.keys() == estimator._parameter_constraints.keys()
    for name, default in params.items():
        line = getdoc(estimator).split(f"\n{name} : ")[1].splitlines()[0]
        assert literal_eval(line.split("default=")[1]) == default, name


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_init_only_stores(estimator):
    assert vars(estimator()) == estimator().get_params()
    assert clone(estimator(image_size=77)).image_size == 77
