from copy import copy

import numpy as np

from attrlearn import __version__
from attrlearn.app.model_card import attribute_table, model_facts, model_thresholds


def test_the_facts_are_those_of_the_fit(clf):
    assert model_facts(clf) == {
        "Backbone": "squeezenet1_1",
        "Weights": "random",
        "Fine-tuned": "head",
        "Image size": "32 pixels a side, squash",
        "Attributes": "3",
        "Categories": "dress, shirt",
        "Epochs": "1",
        "Class weights": "balanced",
        "attrlearn": __version__,
    }


def test_the_facts_tell_a_file_of_weights_an_earlier_epoch_and_weights_by_hand(clf):
    other = copy(clf).set_params(weights="/a/b.pth", class_weight={"hood": {1: 2}})
    other.n_epochs_, other.best_epoch_ = 7, 3
    facts = model_facts(other)
    assert facts["Weights"] == "file b.pth"
    assert facts["Epochs"] == "7, of which number 3 is kept"
    assert facts["Class weights"] == "by hand"
    assert model_facts(other.set_params(class_weight=None))["Class weights"] == "none"


def test_each_attribute_has_its_classes_and_their_weights(clf):
    table = attribute_table(clf)
    assert table["attribute"].tolist() == clf.attribute_names_
    assert table["classes"].tolist() == ["0, 1", "0, 1", "long, midi, short"]
    assert table["class weights"].tolist() == ["1.00, 1.00"] * 2 + ["1.00, 1.00, 1.00"]


def test_thresholds_are_those_of_the_model_or_a_half(clf):
    assert model_thresholds(clf) == {"hood": 0.5, "_zip_ *up*": 0.5}
    own = copy(clf)
    own.thresholds_ = {"hood": 0.25, "_zip_ *up*": np.nan}
    found = model_thresholds(own)
    assert found["hood"] == 0.25
    assert np.isnan(found["_zip_ *up*"])
