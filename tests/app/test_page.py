import io
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit", reason="needs the extra app")

from streamlit.testing.v1 import AppTest

from attrlearn.app import launch, looks
from attrlearn.inspection import explain

PAGE = Path(launch.__file__).with_name("page.py")
HOOD, ZIP = "threshold hood", "threshold _zip_ *up*"

pytestmark = [
    pytest.mark.filterwarnings("ignore::attrlearn.exceptions.UnknownCategoryWarning"),
    pytest.mark.filterwarnings("ignore::attrlearn.exceptions.UnreadableImageWarning"),
]


@pytest.fixture
def page_of(monkeypatch):
    """Open the page of a model."""

    def page(clf):
        monkeypatch.setattr(launch, "served", launch.Served(clf, "a_b.joblib"))
        return AppTest.from_file(str(PAGE), default_timeout=60).run()

    return page


@pytest.fixture
def page(page_of, clf):
    return page_of(clf)


@pytest.fixture
def contents(images):
    return {Path(path).name: Path(path).read_bytes() for path in images["image"][:3]}


def upload(page, contents):
    (widget,) = page.file_uploader
    return widget.set_value([(name, c, "image/png") for name, c in contents.items()]).run()


def table_of(page):
    assert not page.exception
    (table,) = page.main.dataframe
    return table.value


def texts(elements):
    return [element.value for element in elements]


def htmls(page):
    return [element.proto.body for element in page.main.get("html")]


def n_cards(page):
    return sum("attrlearn-name" in html for html in htmls(page))


def test_without_images_there_is_the_model_and_no_table(page, clf):
    assert not page.exception
    assert texts(page.sidebar.subheader) == [r"a\_b\.joblib"]
    assert page.sidebar.dataframe[0].value["attribute"].tolist() == clf.attribute_names_
    assert not page.main.dataframe


def test_the_table_is_that_of_predict_table(page, clf, contents):
    table = table_of(upload(page, contents))
    expected = clf.predict_table(list(contents.values()), [None] * 3)
    assert table.pop("image").tolist() == list(contents)
    assert table.pop("category").isna().all()
    assert list(table) == list(expected)
    for name in expected:
        assert table[name].isna().equals(expected[name].isna())
        assert table[name].dropna().tolist() == expected[name].dropna().tolist()


def test_thresholds_move_decisions_and_nothing_is_predicted_again(page, contents, monkeypatch):
    calls = []
    look_at = looks.look_at
    monkeypatch.setattr(looks, "look_at", lambda *a: calls.append(len(a[1])) or look_at(*a))
    upload(page, contents)
    for threshold, value in ((1.0, 0), (0.0, 1)):
        table = table_of(page.slider("threshold of all").set_value(threshold).run())
        assert (table[["hood", "_zip_ *up*"]] == value).all(axis=None)
    table = table_of(page.slider(HOOD).set_value(1.0).run())
    assert (table["hood"] == 0).all()
    assert (table["_zip_ *up*"] == 1).all()
    page.button[0].click().run()
    assert [page.slider(key).value for key in ("threshold of all", HOOD, ZIP)] == [0.5] * 3
    assert calls == [3]
    one = dict(list(contents.items())[:1])
    table_of(upload(page, one))
    assert calls == [3, 1]  # another upload, of which Streamlit does not say that it is the same


def test_the_category_is_that_of_all_images(page, clf, contents):
    upload(page, contents)
    for category in ("dress", "shirt"):
        table = table_of(page.selectbox[0].set_value(category).run())
        expected = clf.predict_table(list(contents.values()), [category] * 3)
        assert (table["category"] == category).all()
        assert table["hood_proba"].tolist() == expected["hood_proba"].tolist()


def test_what_the_category_rules_out_does_not_apply(page_of, clf, contents):
    other = copy(clf)
    other.applicable_ = clf.applicable_.copy()
    other.applicable_.loc["dress", "hood"] = False
    page = page_of(other)
    page.selectbox[0].set_value("dress")
    upload(page, contents)
    table = table_of(page.slider("threshold of all").set_value(0.0).run())
    assert table["hood"].isna().all()
    assert (table["_zip_ *up*"] == 1).all()
    assert sum("does not apply" in html for html in htmls(page)) == 3


def test_only_images_with_what_is_wanted_are_shown(page, contents):
    table = table_of(upload(page, contents))
    threshold = float(table["hood_proba"].sort_values().iloc[1])
    page.slider(HOOD).set_value(threshold).run()
    (wanted,) = page.multiselect
    shown = table_of(wanted.select("hood").run())
    assert shown["image"].tolist() == [table["image"][table["hood_proba"].idxmax()]]
    assert texts(page.caption) == ["1 of 3 images shown"]
    assert table_of(page.slider(HOOD).set_value(1.0).run()).empty


def test_a_file_that_is_no_image_gets_a_sentence_and_the_others_are_shown(page, contents):
    name, content = next(iter(contents.items()))
    upload(page, {"no_te.jpg": b"just text", name: content, "cut.png": content[:500]})
    (error,) = texts(page.error)
    first, second = error.split("\n\n")
    assert first == (r"Could not read no\_te\.jpg: not an image Pillow can read. Upload another.")
    assert second.startswith(r"Could not read cut\.png: file is truncated.")
    table = table_of(page)
    assert table["hood"].notna().tolist() == [False, True, False]
    assert texts(page.caption) == ["1 of 3 images shown"]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_gets_a_sentence(page):
    file = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    assert len(file.getvalue()) < 20_000
    upload(page, {"bomb.png": file.getvalue()})
    (error,) = texts(page.error)
    assert error.replace("\\", "").startswith(
        "Could not read bomb.png: more than 89,478,485 pixels"
    )


def test_an_attribute_of_which_the_model_abstains_is_left_open_until_asked_for(
    page_of, clf, contents
):
    own = copy(clf)
    own.thresholds_ = {"hood": 0.0, "_zip_ *up*": np.nan}
    page = page_of(own)
    table = table_of(upload(page, contents))
    assert (table["hood"] == 1).all()
    assert table["_zip_ *up*"].isna().all()
    assert page.slider(ZIP).disabled
    page.checkbox[0].check()
    table = table_of(page.slider("threshold of all").set_value(0.0).run())
    assert (table["_zip_ *up*"] == 1).all()


def test_many_images_are_shown_part_by_part(page, contents):
    content = next(iter(contents.values()))
    upload(page, {f"{i}.png": content for i in range(30)})
    assert (n_cards(page), len(table_of(page))) == (24, 30)
    page.button[-1].click().run()
    assert n_cards(page) == 30


def test_heat_maps_are_drawn_when_asked_for_once_per_image(page, clf, contents, monkeypatch):
    calls = []
    draw = looks.explain_looks
    monkeypatch.setattr(looks, "explain_looks", lambda *a: calls.append(len(a[1])) or draw(*a))
    upload(page, contents)
    assert calls == []
    table_of(page.selectbox[1].set_value("hood").run())
    assert calls == [3]
    table_of(page.slider(HOOD).set_value(1.0).run())
    table_of(page.selectbox[1].set_value(None).run())
    table_of(page.selectbox[1].set_value("hood").run())
    assert calls == [3]
    table_of(page.selectbox[1].set_value("length").run())
    assert calls == [3, 3]


def test_a_heat_map_is_that_of_explain_over_the_image_in_gray(clf, contents):
    first, *_ = drawn = looks.explain_looks(clf, list(contents.values()), "hood")
    found = explain(clf, list(contents.values()), "hood", categories=[None] * 3)
    assert len(drawn) == 3
    pixels = np.asarray(Image.open(io.BytesIO(first)), dtype=int)
    coloured = np.ptp(pixels, axis=2)
    heat = np.asarray(Image.fromarray(found.of("hood")[0]).resize(pixels.shape[:2]))
    most, least = heat > np.quantile(heat, 0.98), heat < np.quantile(heat, 0.2)
    assert coloured[most].mean() > 2 * coloured[least].mean()
