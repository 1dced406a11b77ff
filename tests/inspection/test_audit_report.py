import html.parser
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from attrlearn.inspection import audit


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """An audit of names that are markup."""
    folder = tmp_path_factory.mktemp("audit")
    path = folder / "<b>&'.png"
    pixels = np.random.default_rng(0).integers(0, 255, (70, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    y = pd.DataFrame({"<script>": ["<i>", "wide"], "fit": ["<u>", "<u>"]})
    return audit([str(path), str(path)], y, categories=["<em>", "<em>"])


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_holds_all_it_needs_and_no_markup_of_names(report, tmp_path):
    report.to_html(tmp_path / "page.html", title="<title>")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert not {"script", "link", "em", "u", "iframe"} & set(reader.tags)
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in reader.links)
    assert "url(" not in page
    assert sum(link.startswith("data:") for link in reader.links) == 4  # a conflict, two rows
    words = " ".join(reader.words)
    for name in ("<script>", "<i> or wide", "<em>", "<b>&'.png"):
        assert name in words


def test_the_text_tells_counts_places_and_values(report):
    text = str(report)
    assert "2 rows, 2 attributes, 0.0% of the cells missing" in text
    assert re.search(r"!! +1  cells in which identical images disagree", text)
    assert "row 0 <b>&'.png, row 1: <script> <i> or wide" in text
    assert re.search(r"<script> .*impossible", text)


def test_the_tables_hold_the_groups(report):
    tables = report.tables()
    assert tables["groups"]["group"].tolist() == [0, 0]
    assert tables["conflicts"] is report.conflicts


def test_a_size_of_most_images_is_one_sentence_and_no_list(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [(20, 20)] * 3 + [(300, 70)]
    images = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for size in sizes]
    found = audit(images, [[1], [0], [1], [0]])
    assert len(found.odd_sizes) == 4
    lines = [line.strip() for line in str(found).split("\n")]
    assert "3 of 4 images have a side below 64 pixels" in lines
    assert not any(line.startswith("row 0") for line in lines)
    assert any(line.startswith("row 3") and "70 x 300" in line for line in lines)
    found.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image") == 1
    assert "all 3 images have a side below 64 pixels" in str(audit(images[:3], [[1], [0], [1]]))
