"""What is fetched is what is there, and an error says why it is not."""

import importlib.util
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import pytest

from attrlearn.remote import fetching, file_systems
from attrlearn.remote.fetching import fetch, fetch_all


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(fetching, "WAITS", (0, 0, 0))


@pytest.fixture(params=["http", "memory", "zip", "tar", "zip_on_http", "zip_in_copy", "copy"])
def template(request, site, drawn):
    """A URL of each drawn image, with a gap for its name."""
    if request.param == "memory":
        import fsspec

        memory = fsspec.filesystem("memory")
        for path in drawn.glob("*.png"):
            memory.pipe_file(f"/fetching/{path.name}", path.read_bytes())
    return {
        "http": f"{site.url}/{{}}",
        "memory": "memory://fetching/{}",
        "zip": f"zip://{{}}::file://{drawn}/shots.zip",
        "tar": f"tar://{{}}::file://{drawn}/shots.tar",
        "zip_on_http": f"zip://{{}}::{site.url}/shots.zip",
        "zip_in_copy": f"zip://{{}}::simplecache::{site.url}/shots.zip",
        "copy": f"simplecache::{site.url}/{{}}",
    }[request.param]


def test_several_threads_fetch_what_is_there(template, drawn):
    paths = sorted(drawn.glob("*.png")) * 4
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(fetch, [template.format(path.name) for path in paths]))
    assert contents == [path.read_bytes() for path in paths]


def test_the_directory_of_an_archive_is_read_once_for_all_members(site, drawn):
    names = sorted(path.name for path in drawn.glob("*.png"))
    urls = [f"zip://{name}::{site.url}/shots.zip" for name in names]
    fetch_all(urls)
    n_heads, n_parts = site.count()
    assert n_heads == 1  # its size
    assert n_parts <= 4  # the directory is read in three steps; all else is less than a block
    fetch_all(urls)
    assert site.count() == (0, 0)


@pytest.mark.parametrize("failures", [[503], [500, 502, 429], [0, 0], [503, 0]])
def test_what_fails_for_a_moment_is_asked_for_again(site, drawn, failures):
    site.failures["image_00000.png"] = list(failures)
    content = (drawn / "image_00000.png").read_bytes()
    assert fetch(f"{site.url}/image_00000.png") == content
    assert site.count() == (0, len(failures) + 1)


@pytest.mark.parametrize(
    ("status", "n_requests", "reason"),
    [
        (503, 4, "the server answered 503 Service Unavailable, tried 4 times"),
        (404, 1, "no such file"),
        (410, 1, "no such file"),
        (403, 1, "the server answered 403 Forbidden"),
        (400, 1, "the server answered 400 Bad Request"),
    ],
)
def test_what_keeps_failing_is_an_error(site, status, n_requests, reason):
    site.failures["image_00000.png"] = [status] * 9
    with pytest.raises(OSError, match=f"^{re.escape(reason)}$"):
        fetch(f"{site.url}/image_00000.png")
    assert site.count() == (0, n_requests)


def test_a_server_that_is_silent_is_asked_again(site, drawn, monkeypatch):
    monkeypatch.setattr(file_systems, "READ_SECONDS", 0.2)
    monkeypatch.setattr(file_systems, "_places", OrderedDict())
    site.failures["image_00000.png"] = [-1] * 9
    with pytest.raises(TimeoutError, match=r"^the server did not answer in time, tried 4 times$"):
        fetch(f"{site.url}/image_00000.png")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/a.jpg", "Cannot connect to host 127.0.0.1:1"),
        ("nowhere://a.jpg", "Protocol not known: nowhere"),
        ("zip://b.jpg::file://{drawn}/shots.zip", "^no such file$"),
        ("tar://b.jpg::file://{drawn}/shots.tar", "^no such file$"),
        ("zip://b.jpg::file://{drawn}/absent.zip", "^no such file$"),
        ("zip://b.jpg::file://{drawn}/labels.csv", "File is not a zip file"),
        ("memory://absent/b.jpg", "^no such file$"),
    ],
)
def test_what_cannot_be_reached_is_an_error_at_once(drawn, monkeypatch, url, reason):
    monkeypatch.setattr(fetching.time, "sleep", lambda seconds: pytest.fail("it waits"))
    with pytest.raises(OSError, match=reason):
        fetch(url.format(drawn=drawn))


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_missing_driver_is_named():
    with pytest.raises(OSError, match="Install s3fs to access S3"):
        fetch("s3://shots/a.jpg")


def test_a_server_without_parts_of_files_is_explained(site):
    site.has_parts = False
    with pytest.raises(OSError, match=r"whole files only: have the archive copied .*simplecache"):
        fetch(f"zip://image_00000.png::{site.url}/shots.zip")
