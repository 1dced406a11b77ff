import re
import sys
from pathlib import Path

import pytest

from attrlearn.checks.inputs import check_inputs
from attrlearn.checks.urls import is_url, without_secrets


@pytest.mark.parametrize(
    "url",
    [
        "https://host/a.jpg",
        "s3://shots/a.jpg",
        "memory://a.jpg",
        "zip://a.jpg::file:///data/shots.zip",
        "simplecache::https://host/a.jpg",
        "file:///data/a.jpg",
    ],
)
def test_a_scheme_or_a_chain_makes_a_url(url):
    assert is_url(url)


@pytest.mark.parametrize(
    "path",
    [
        "a.jpg",
        "shots/a.jpg",
        r"C:\shots\a.jpg",
        "C:/shots/a.jpg",
        "C://shots/a.jpg",
        "a:b.jpg",
        Path("https://host/a.jpg"),
        b"https://host/a.jpg",
        None,
    ],
)
def test_paths_and_all_else_are_no_urls(path):
    assert not is_url(path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pass@host/a.jpg", "https://me:***@host/a.jpg"),
        ("zip://a.jpg::ftp://me:p:w@host/b.zip", "zip://a.jpg::ftp://me:***@host/b.zip"),
        ("https://host/a.jpg?id=7&sig=abc%2F&w=1", "https://host/a.jpg?id=7&sig=***&w=1"),
        ("https://host/a.jpg?access_token=abc", "https://host/a.jpg?access_token=***"),
        ("https://host:80/a@2x.jpg?id=7", "https://host:80/a@2x.jpg?id=7"),
    ],
)
def test_secrets_of_a_url_are_not_shown(url, shown):
    assert without_secrets(url) == shown


def test_urls_without_the_extra_are_an_error_at_once_that_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.implementations.http", None)
    text = "Got 'https://me:***@host/b.jpg'. Run: pip install 'attrlearn[remote]'"
    with pytest.raises(ImportError, match=re.escape(text)):
        check_inputs(["a.jpg", "https://me:pass@host/b.jpg", "https://host/c.jpg"])


def test_paths_need_no_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert len(check_inputs(["a.jpg", "b.jpg"])) == 2
