import pandas as pd

from attrlearn.app.choices import choices, matches


def test_choices_are_the_attributes_that_may_be_there_and_the_classes_of_the_others(clf):
    texts = ["hood", "_zip_ *up*", "length: long", "length: midi", "length: short"]
    assert list(map(str, choices(clf))) == texts


def test_images_with_all_that_is_wanted_match(clf):
    hood, zipped, _, midi, _ = choices(clf)
    table = pd.DataFrame(
        {
            "hood": pd.array([1, 1, 0, pd.NA], "Int64"),
            "_zip_ *up*": pd.array([1, 0, 1, 1], "Int64"),
            "length": pd.array(["midi", "midi", "long", None], "string"),
        }
    )
    assert matches(table, []).all()
    assert matches(table, [hood]).tolist() == [True, True, False, False]
    assert matches(table, [zipped, midi]).tolist() == [True, False, False, False]
    assert matches(table, [hood, zipped, midi]).tolist() == [True, False, False, False]
