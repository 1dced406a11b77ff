"""A version stands for one content: where that is not certain, there is none."""

import datetime
import os
import shutil
import time
import zipfile

import pytest

from attrlearn.remote.fetching import fetch
from attrlearn.remote.versions import renew_archives, url_versions

NOW = 1_800_000_000


@pytest.fixture
def told(monkeypatch):
    """What a server tells of the file memory://versions, for a test to fill in."""
    import fsspec.implementations.memory

    told = {"name": "/versions", "size": 7, "type": "file"}
    cls = fsspec.implementations.memory.MemoryFileSystem
    monkeypatch.setattr(cls, "info", lambda self, path, **options: told)
    monkeypatch.setattr(time, "time_ns", lambda: NOW * 10**9)
    return told


@pytest.mark.parametrize(
    "more",
    [
        {"ETag": '"3-5f"'},
        {"ETag": '"3-5f"', "Last-Modified": "Fri, 15 Jan 2027 08:00:00 GMT"},
        {"generation": "17"},
        {"Last-Modified": "Fri, 15 Jan 2027 07:59:00 GMT"},
        {"LastModified": datetime.datetime.fromtimestamp(NOW - 61, datetime.UTC)},
        {"mtime": NOW - 60.5},
    ],
)
def test_a_tag_a_checksum_or_a_time_long_ago_is_a_version(told, more):
    told |= more
    (version,) = url_versions(["memory://versions"])
    told |= dict.fromkeys(more, "another")
    assert version
    assert url_versions(["memory://versions"]) != [version]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"ETag": ""},
        {"created": datetime.datetime.fromtimestamp(NOW - 10**6, datetime.UTC)},
        {"Last-Modified": "Fri, 15 Jan 2027 07:59:01 GMT"},
        {"Last-Modified": "some day"},
        {"mtime": NOW + 10},
    ],
)
def test_nothing_or_a_time_just_now_is_no_version(told, more):
    told |= more
    assert url_versions(["memory://versions"]) == [None]


def test_what_is_not_there_or_may_be_an_old_copy_has_no_version(site, drawn):
    urls = [f"{site.url}/absent.png", f"simplecache::{site.url}/image_00000.png"]
    urls += [f"zip://image_00000.png::simplecache::{site.url}/shots.zip", "nowhere://a.png"]
    assert url_versions(urls) == [None] * 4


def test_all_members_of_an_archive_cost_one_request(site, drawn):
    urls = [f"zip://{path.name}::{site.url}/shots.zip" for path in drawn.glob("*.png")]
    versions = url_versions(urls)
    assert len(set(versions)) == 12
    assert None not in versions
    assert site.count() == (1, 0)


@pytest.mark.parametrize("scheme", ["file://{folder}", "{site}"])
def test_an_archive_that_was_replaced_is_opened_again(tmp_path, drawn, site, scheme):
    root = scheme.format(folder=drawn, site=site.url)
    url = f"zip://a.txt::{root}/changing.zip"
    archive = drawn / "changing.zip"
    try:
        for content, name in ((b"one", "a.txt"), (b"another", "a.txt"), (b"no", "b.txt")):
            with zipfile.ZipFile(tmp_path / "new.zip", "w") as file:
                file.writestr(name, content)
            shutil.move(tmp_path / "new.zip", archive)
            renew_archives([url])
            if name == "a.txt":
                assert fetch(url) == content
            else:
                with pytest.raises(FileNotFoundError):
                    fetch(url)
    finally:
        archive.unlink()


def test_an_archive_that_stayed_the_same_is_not_opened_again(site):
    url = f"zip://image_00001.png::{site.url}/shots.zip"
    for _ in range(3):
        site.count()
        renew_archives([url])
        fetch(url)
    assert site.count() == (1, 0)


def test_a_local_file_by_url_has_the_state_of_the_file(drawn, tmp_path):
    (tmp_path / "a.png").write_bytes(b"...")
    fresh, old = f"file://{tmp_path}/a.png", f"file://{drawn}/image_00000.png"
    os.utime(tmp_path / "a.png", (0, 0))  # its status has changed just now
    assert url_versions([fresh])[0] is None
    assert url_versions([old]) == url_versions([old])
