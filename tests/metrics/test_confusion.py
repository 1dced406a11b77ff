import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from attrlearn.metrics import confusion_matrices

SLEEVES = ["bare", "long", "short"]


def test_the_counts_are_those_of_scikit_learn_on_the_labelled_cells():
    rng = np.random.default_rng(0)
    y = pd.DataFrame(
        {"sleeve": rng.choice(SLEEVES, 60), "hood": rng.integers(0, 2, 60).astype(float)}
    ).mask(rng.random((60, 2)) < 0.3)
    guess = pd.DataFrame({"hood": rng.integers(0, 2, 60), "sleeve": rng.choice(SLEEVES, 60)})
    found = confusion_matrices(y, guess)
    assert list(found) == ["sleeve", "hood"]
    for name, classes in (("sleeve", SLEEVES), ("hood", [0, 1])):
        labelled = y[name].notna()
        wanted = confusion_matrix(y[name][labelled], guess[name][labelled], labels=classes)
        np.testing.assert_array_equal(found[name], wanted)
        assert found[name].index.tolist() == found[name].columns.tolist() == classes
        assert (found[name].index.name, found[name].columns.name) == ("true", "predicted")


def test_classes_of_the_model_keep_their_row_and_column():
    found = confusion_matrices([["long"], ["long"]], [["long"], ["bare"]], classes=[SLEEVES])
    assert found["Attr1"].to_numpy().tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_cells_without_a_prediction_are_left_out():
    found = confusion_matrices([["long"], ["bare"]], [[None], ["bare"]])["Attr1"]
    assert found.loc["bare", "bare"] == found.to_numpy().sum() == 1
