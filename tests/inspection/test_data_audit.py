import io
import os
from hashlib import md5
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from attrlearn.inspection import audit


def draw(seed, size=(96, 72)):
    """A smooth image of colours that no other seed draws."""
    pixels = np.random.default_rng(seed).integers(0, 230, (6, 5, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def save(image, path, **options):
    image.save(path, **options)
    return str(path)


@pytest.fixture
def spoilt(tmp_path):
    """Images of which many are spoilt, and their labels."""
    paths = [save(draw(i), tmp_path / f"{i}.jpg", quality=95) for i in range(6)]
    (tmp_path / "copy.jpg").write_bytes(Path(paths[0]).read_bytes())
    save(draw(1).crop((2, 1, 94, 70)), tmp_path / "near.jpg", quality=80)
    save(draw(7), tmp_path / "lies.jpg", format="PNG")
    (tmp_path / "cut.jpg").write_bytes(Path(paths[2]).read_bytes()[:900])
    save(Image.new("RGB", (90, 90), "teal"), tmp_path / "blank.png")
    save(draw(8, (400, 70)), tmp_path / "narrow.png")
    names = ["copy.jpg", "near.jpg", "lies.jpg", "cut.jpg", "blank.png", "narrow.png", "gone.jpg"]
    paths += [str(tmp_path / name) for name in names] + [paths[3]]
    X = pd.DataFrame({"image": paths, "category": ["shirt"] * 7 + ["hat"] * 7})
    y = pd.DataFrame({"hood": [1.0] * 14, "fit": pd.Series(["slim", "wide"] * 7, dtype=object)})
    y.loc[6, "hood"] = 0.0
    y.loc[5] = np.nan, None
    return X, y


def rows(table):
    return table["row"].tolist()


def test_each_kind_of_finding_is_found_where_it_is_and_nowhere_else(spoilt):
    report = audit(*spoilt)
    assert rows(report.missing) == [12]
    assert rows(report.unreadable) == [9]
    assert report.unreadable["reason"].tolist() == ["file is truncated"]
    assert rows(report.wrong_suffix) == [8]
    assert report.wrong_suffix[["suffix_format", "format"]].to_numpy().tolist() == [["JPEG", "PNG"]]
    assert rows(report.one_colour) == [10]
    assert rows(report.odd_sizes) == [11]
    assert rows(report.unlabelled) == [5]
    assert sorted(rows(report.identical)) == [0, 3, 6, 13]
    assert report.identical.set_index("row")["same_path"].to_dict() == {
        0: False,
        6: False,
        3: True,
        13: True,
    }
    assert report.near_duplicates[["row", "other_row"]].to_numpy().tolist() == [[1, 7]]


def test_conflicts_are_the_cells_labelled_differently(spoilt):
    X, y = spoilt
    found = audit(X, y).conflicts
    cells = set(zip(found["row"], found["other_row"], found["attribute"], strict=True))
    hashes = [md5(Path(p).read_bytes()).hexdigest() if os.path.exists(p) else p for p in X["image"]]
    expected = {
        (i, j, name)
        for i in range(len(X))
        for j in range(i + 1, len(X))
        for name in y
        if hashes[i] == hashes[j] and y[name].notna()[[i, j]].all() and y[name][i] != y[name][j]
    }
    assert cells == expected == {(0, 6, "hood")}
    assert found[["value", "other_value"]].to_numpy().tolist() == [[1, 0]]


def test_groups_join_identical_near_and_given_ones(spoilt):
    X, y = spoilt
    alone = audit(X, y).groups
    assert alone[0] == alone[6]
    assert alone[1] == alone[7]
    assert alone[3] == alone[13]
    assert alone.nunique() == 11
    given = audit(X.assign(group=["a", "a"] + [None] * 12), y).groups
    assert given[0] == given[1] == given[6] == given[7]
    assert given.nunique() == 10
    assert given.index.equals(X.index)


def test_the_order_of_the_rows_changes_no_group(spoilt):
    X, y = spoilt
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = audit(X.iloc[order], y.iloc[order]).groups
    straight = audit(X, y).groups
    together = pd.crosstab(straight, shuffled.loc[straight.index])
    assert ((together > 0).sum(axis=0) == 1).all()
    assert ((together > 0).sum(axis=1) == 1).all()


def test_images_in_memory_are_audited_like_files():
    images = [draw(0), draw(1), draw(0), np.zeros((80, 80, 3), np.uint8), b"no image"]
    report = audit(images, [[1], [0], [0], [1], [1]])
    assert rows(report.unreadable) == [4]
    assert rows(report.identical) == [0, 2]
    assert len(report.conflicts) == 1
    assert rows(report.one_colour) == [3]
    content = io.BytesIO()
    draw(1).save(content, "PNG")
    assert audit([content, draw(2)], [[1], [0]]).images["format"][0] == "PNG"


def test_features_find_what_lies_close_among_images_that_can_be_read(spoilt):
    X, y = spoilt
    features = np.random.default_rng(0).normal(size=(14, 20))
    features[11] = features[4] + 0.01
    features[9] = features[12] = features[2]
    report = audit(X, y, embedder=features)
    columns = ["row", "other_row", "found_by"]
    assert report.near_duplicates[columns].to_numpy().tolist() == [
        [1, 7, "thumbnails"],
        [4, 11, "features"],
    ]
    features[7] = features[1]
    again = audit(X, y, embedder=features)
    assert again.near_duplicates[columns].equals(report.near_duplicates[columns])
    with pytest.raises(ValueError, match="In embedder: the features must have one row per image"):
        audit(X, y, embedder=features[:3])


def test_an_attribute_without_a_label_is_a_finding_and_no_error():
    y = pd.DataFrame({"a": [1, 0], "b": [None, None]})
    report = audit([draw(0), draw(1)], y)
    assert report.attributes["verdict"].to_dict() == {"a": "impossible", "b": "no labels"}


def test_wrong_arguments_are_errors():
    with pytest.raises(TypeError, match=r"X must hold images.* and the features as embedder"):
        audit(np.zeros((2, 3)), [[1], [0]])
    with pytest.raises(TypeError, match=r"Pass ImageEmbedder\('resnet18'\)"):
        audit([draw(0)], [[1]], embedder="resnet18")
    with pytest.raises(TypeError, match=r"max_distance must be a number. Got 'a'"):
        audit([draw(0)], [[1]], max_distance="a")
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        audit([draw(0)], [[1]], n_jobs=0)
    with pytest.raises(ValueError, match=r"max_distance must be at least 0. Got -1"):
        audit([draw(0)], [[1]], max_distance=-1)
    with pytest.raises(ValueError, match="y must have one row per image"):
        audit([draw(0)], [[1], [0]])
