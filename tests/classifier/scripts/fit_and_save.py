"""Saves a model whose `augment` and callback only this script has, in the file of its argument."""

import sys

import joblib
import numpy as np
from sklearn.callback import ProgressBar

from attrlearn import AttributeClassifier


class Bar(ProgressBar):
    """One that no other process can import."""


def same(image):
    return image


if __name__ == "__main__":
    clf = AttributeClassifier(None, augment=same, max_epochs=1).set_callbacks(Bar())
    clf.fit(np.eye(4), [[0], [1], [0], [1]])
    joblib.dump(clf, sys.argv[1])
