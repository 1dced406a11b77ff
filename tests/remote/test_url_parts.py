import pytest

from attrlearn.remote.url_parts import UrlParts, join_url, parent_url, url_name

URLS = [
    "https://host/shots/a.jpg?width=64",
    "s3://shots/a.jpg",
    "zip://a.jpg::https://host/shots.zip",
    "zip://inner/a.jpg::simplecache::s3://shots/b.zip",
    "simplecache::s3://shots/a.jpg",
    "zip::shots.zip",
]


@pytest.mark.parametrize("url", URLS)
def test_the_parts_make_up_the_url(url):
    assert "".join(UrlParts.of(url)) == url


@pytest.mark.parametrize(
    ("folder", "url"),
    [
        ("https://host", "https://host/a b/c.jpg"),
        ("https://host/shots/", "https://host/shots/a b/c.jpg"),
        ("memory://", "memory://a b/c.jpg"),
        ("file:///data", "file:///data/a b/c.jpg"),
        ("zip://::s3://b/c.zip", "zip://a b/c.jpg::s3://b/c.zip"),
        ("zip://in::s3://b/c.zip", "zip://in/a b/c.jpg::s3://b/c.zip"),
        ("simplecache::s3://b", "simplecache::s3://b/a b/c.jpg"),
    ],
)
def test_a_name_is_joined_to_a_folder(folder, url):
    assert join_url(folder, "a b/c.jpg") == url
    assert url_name(url) == "c.jpg"
    assert join_url(parent_url(url), "c.jpg") == url
