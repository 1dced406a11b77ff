import numpy as np
import pandas as pd

from attrlearn import AttributeClassifier
from attrlearn.checks.targets import check_attributes, encode_targets
from attrlearn.inspection.label_counts import count_attributes, count_classes, find_holes

RNG = np.random.default_rng(0)
Y = pd.DataFrame(
    {
        "hood": RNG.choice([0, 1, np.nan], 90),
        "fit": pd.Series(RNG.choice(["slim", "wide", None], 90), dtype=object),
        "zip": [1.0] + [0.0] * 89,
    }
)
CATEGORIES = np.array(["shirt"] * 50 + ["hat"] * 25 + ["sock"] * 15, dtype=object)
Y.loc[50:, "hood"] = np.nan
TABLE, ATTRIBUTES = check_attributes(Y, 90)
CODES = encode_targets(TABLE, ATTRIBUTES)


def test_classes_are_counted_as_pandas_counts_them():
    counted = count_classes(CODES, ATTRIBUTES).set_index(["attribute", "class"])["labelled"]
    for name in Y:
        assert counted[name].to_dict() == Y[name].value_counts().to_dict()


def test_a_class_of_one_cell_makes_a_binary_attribute_impossible():
    verdicts = count_attributes(CODES, ATTRIBUTES)["verdict"]
    assert verdicts["zip"] == "impossible"
    assert verdicts["fit"] == "ok"


def test_holes_that_are_ruled_out_are_those_of_a_fitted_classifier():
    holes = find_holes(CODES, ATTRIBUTES, CATEGORIES)
    assert holes[["category", "attribute"]].to_numpy().tolist() == [
        ["hat", "hood"],
        ["sock", "hood"],
    ]
    X = pd.DataFrame(RNG.normal(size=(90, 3))).assign(category=CATEGORIES)
    clf = AttributeClassifier(None, max_epochs=1, random_state=0).fit(X, Y)
    applicable = clf.applicable_
    for row in holes.itertuples():
        assert applicable.loc[row.category, row.attribute] == (not row.ruled_out)
    assert holes["ruled_out"].sum() == (~applicable).to_numpy().sum() == 1
