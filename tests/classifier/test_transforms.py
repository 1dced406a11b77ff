"""Transforms of torchvision as `augment`, bare and in Compose."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr
from torchvision import transforms as v1
from torchvision.transforms import v2

from attrlearn import AttributeClassifier

TRANSFORMS = [
    v2.RandomResizedCrop(32),
    v2.ColorJitter(0.2),
    v2.RandomAffine(10),
    v2.Compose([v2.RandomResizedCrop(32), v2.RandomHorizontalFlip()]),
    v2.TrivialAugmentWide(),
    v1.RandomCrop(32, padding=4),
    v1.ColorJitter(0.2),
    v1.RandomRotation(10),
]


@pytest.fixture(
    params=TRANSFORMS, ids=lambda t: type(t).__module__.split(".")[2] + type(t).__name__
)
def clf(request) -> AttributeClassifier:
    return AttributeClassifier(
        "squeezenet1_1",
        weights=None,
        image_size=32,
        trainable="last_block",
        max_epochs=1,
        batch_size=8,
        augment=request.param,
        random_state=0,
    )


def test_parameters_can_be_read_cloned_and_shown(clf):
    assert clf.get_params()["augment"] is clf.augment
    assert make_pipeline(clf).get_params()["attributeclassifier__augment"] is clf.augment
    copy = clone(clf)
    assert type(copy.augment) is type(clf.augment)
    assert copy.augment is not clf.augment
    assert type(clf.augment).__name__ in repr(clf)
    assert type(clf.augment).__name__ in estimator_html_repr(clf)
    assert clf.set_params(augment=None).augment is None


def test_it_trains_and_the_seed_decides(clf, images, attributes):
    X, y = images[:8], attributes[:8].fillna({"hood": 0, "zip": 1})
    clf.set_params(batch_size=4)
    first = clone(clf).fit(X, y).loss_curve_
    np.testing.assert_array_equal(clone(clf).fit(X, y).loss_curve_, first)
    assert not np.array_equal(clone(clf).set_params(augment=None).fit(X, y).loss_curve_, first)


def test_it_can_be_searched(clf, tabular):
    X = np.eye(12)
    y = np.tile([[0], [1]], (6, 1))
    grid = {"augment": [None, clf.augment]}
    search = GridSearchCV(tabular, grid, cv=2, scoring=lambda *_: 0.5, refit=False).fit(X, y)
    assert [type(p["augment"]) for p in search.cv_results_["params"]] == [
        type(None),
        type(clf.augment),
    ]
