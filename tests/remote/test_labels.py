"""Labels files and folders of images by URL."""

import io

import pandas as pd
import pytest

from attrlearn import read_labels
from attrlearn.exceptions import LabelsFileWarning

TABLE = "image,striped\na.png,1\nsub/b,0\nc.webp,NA\n"


@pytest.fixture
def memory():
    """A folder of fsspec's file system in memory, which servers such as S3 list like this one."""
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.pipe_file("/labels/t.csv", TABLE.encode())
    for name in ("a.png", "sub/b.jpg", "c.webp", "d.jpg", "d.png"):
        fs.pipe_file(f"/labels/{name}", b"...")
    yield fs
    fs.rm("/labels", recursive=True)


def images(table, folder="memory://labels", **options):
    return read_labels(table, folder, **options)[0]["image"].tolist()


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "t.csv"
        path.write_text(text)
        return path

    return write


FOUND = [f"memory://labels/{name}" for name in ("a.png", "sub/b.jpg", "c.webp")]


def test_names_are_joined_to_the_folder_of_the_file_or_image_dir(memory, write):
    assert images("memory://labels/t.csv", None) == FOUND
    assert images(write(TABLE)) == images(write(TABLE), "memory://labels/") == FOUND


def test_a_parquet_file_is_read_by_url(memory):
    pytest.importorskip("pyarrow")
    content = io.BytesIO()
    pd.DataFrame({"image": ["a.png"], "striped": [1]}).to_parquet(content)
    memory.pipe_file("/labels/t.parquet", content.getvalue())
    assert images("memory://labels/t.parquet", None) == FOUND[:1]


def test_names_that_are_urls_stand_for_themselves(memory, write):
    table = write("image,striped\nmemory://labels/a.png,1\nmemory://labels/c.webp,0\n")
    assert images(table, None) == images(table, "memory://elsewhere") == [FOUND[0], FOUND[2]]


def test_a_missing_image_is_reported_left_out_or_kept(memory, write):
    table = write(TABLE + "e.png,1\nsub/f,0\n")
    with pytest.raises(
        FileNotFoundError, match=r"line 5: there is no image 'memory://labels/e.png' \(and 1 more"
    ):
        images(table)
    with pytest.warns(LabelsFileWarning, match="not there: 2 of 5: 'memory://labels/e.png'"):
        assert images(table, on_missing_image="drop") == FOUND
    kept = [*FOUND, "memory://labels/e.png", "memory://labels/sub/f"]
    assert images(table, on_missing_image="keep") == kept


def test_a_name_that_may_be_two_images_and_two_rows_of_one_image_are_errors(memory, write):
    with pytest.raises(ValueError, match=r"'d' at line 2, which may be 'd.jpg' or 'd.png'"):
        images(write("image,striped\nd,1\n"))
    with pytest.raises(
        ValueError, match=r"Got 'memory://labels/a.png' at line 2 and again at line"
    ):
        images(write("image,striped\na.png,1\n./a.png,1\n"))


def test_a_folder_on_the_web_is_listed_once_if_its_server_does_that(site, drawn):
    names = sorted(path.name for path in drawn.glob("*.png"))
    found = images(f"{site.url}/labels.csv", None)
    assert found == [f"{site.url}/{name}" for name in names]
    assert site.count() == (0, 2)  # the labels file, and the folder
    images(f"{site.url}/labels.csv", None, on_missing_image="keep")
    assert site.count() == (0, 1)


def test_a_server_without_lists_is_asked_for_each_image(site):
    site.failures[""] = [403] * 9
    assert len(images(f"{site.url}/labels.csv", None)) == 12
    assert site.count() == (12, 2)


def test_members_of_an_archive_are_found(drawn):
    folder = f"zip://::file://{drawn}/shots.zip"
    assert images(drawn / "labels.csv", folder)[0] == (
        f"zip://image_00000.png::file://{drawn}/shots.zip"
    )


def test_a_server_that_fails_is_no_missing_image(write):
    with pytest.raises(OSError, match=r"must say whether .* 'http://me:\*\*\*@127.0.0.1:1/a.png'"):
        images(write("image,striped\na.png,1\n"), "http://me:pass@127.0.0.1:1")


def test_a_labels_file_out_of_reach_is_an_error(memory):
    with pytest.raises(FileNotFoundError, match=r"must exist. Got 'memory://labels/none.csv'"):
        images("memory://labels/none.csv", None)
    with pytest.raises(OSError, match=r"must be within reach. Got 'http://127.0.0.1:1/t.csv': Can"):
        images("http://127.0.0.1:1/t.csv", None)


def test_a_url_is_no_header(write):
    with pytest.raises(ValueError, match="must begin with a header"):
        images(write("https://host/17,1\nhttps://host/18,0\n"))
