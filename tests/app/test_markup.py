import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from attrlearn.app.markup import attribute_bars, facts_list, plain

NASTY = '<img src=x onerror="alert(1)">&amp;'


class Reader(HTMLParser):
    """Notes the tags, the texts and the styles of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.styles, self.classes = set(), [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.styles += [value for name, value in attrs if name == "style"]
        self.classes += [value for name, value in attrs if name == "class"]

    def handle_data(self, data):
        self.texts.append(data)


def bars(value=1, proba=0.75, threshold=0.5, attribute="hood", name="a.jpg"):
    row = {attribute: value, f"{attribute}_proba": proba, "image_error": pd.NA}
    return Reader(attribute_bars(name, row, {} if threshold is None else {attribute: threshold}))


def test_names_of_files_attributes_and_classes_stay_text():
    for read in (bars(name=NASTY), bars(attribute=NASTY), bars(NASTY, threshold=None)):
        assert read.tags == {"div", "span"}
        assert NASTY in " ".join(read.texts)
    facts = Reader(facts_list({"Categories": NASTY}))
    assert (facts.tags, facts.texts) == ({"dl", "dt", "dd"}, ["Categories", NASTY])


def test_a_bar_is_as_long_as_the_probability_and_marks_the_threshold():
    read = bars(proba=0.756, threshold=0.3)
    assert read.texts == ["a.jpg", "hood", "0.76"]
    assert read.styles == ["width: 75.6%", "left: calc(30.0% - 0.6px)"]


@pytest.mark.parametrize(
    ("value", "proba", "threshold", "there", "texts"),
    [
        (1, 0.75, 0.5, True, ["hood", "0.75"]),
        (0, 0.25, 0.5, False, ["hood", "0.25"]),
        (pd.NA, 0.75, np.nan, False, ["hood", "undecided 0.75"]),
        (pd.NA, np.nan, 0.5, False, ["hood", "does not apply"]),
        (pd.NA, np.nan, None, False, ["hood", "does not apply"]),
        ("long", 0.75, None, True, ["hood: long", "0.75"]),
    ],
)
def test_what_is_there_is_emphasised(value, proba, threshold, there, texts):
    read = bars(value, proba, threshold)
    assert ("there" in read.classes) == there
    assert read.texts[1:] == texts


def test_every_punctuation_mark_of_markdown_is_escaped():
    marks = "".join(map(chr, range(33, 127)))
    assert re.sub(r"\\(.)", r"\1", plain(marks)) == marks
    unescaped = re.sub(r"\\.", "", plain(marks))
    assert unescaped.isalnum()
    assert plain("a\n\n# b") == r"a \# b"
