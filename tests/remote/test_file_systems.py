"""Each file system is made once per process, and anew in a forked one."""

import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

from attrlearn.remote import file_systems
from attrlearn.remote.file_systems import file_system

FORKS = Path(__file__).parent.parent / "scripts" / "forks.py"


def test_urls_of_a_host_or_of_an_archive_share_a_file_system(site, drawn):
    def of(url):
        with file_system(url) as (fs, path):
            return fs, path

    archive = f"file://{drawn}/shots.zip"
    pairs = [
        (f"{site.url}/a.png", f"{site.url}/sub/b.png"),
        (f"zip://a.png::{archive}", f"zip://sub/b.png::{archive}"),
        ("memory://shots/a.png", "memory://shots/sub/b.png"),
    ]
    for url, other in pairs:
        assert of(url)[0] is of(other)[0]
        assert of(other)[1].endswith("sub/b.png")
    assert of(f"zip://a.png::{archive}")[0] is not of(f"zip://a.png::{site.url}/shots.zip")[0]


def test_few_are_kept(monkeypatch):
    monkeypatch.setattr(file_systems, "MAX_OPEN", 2)
    monkeypatch.setattr(file_systems, "_places", OrderedDict())
    for name in "abcabc":
        with file_system(f"memory://{name}/x.png"):
            pass
    assert len(file_systems._places) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_fetches_by_its_own_connections(site, drawn):
    name = "image_00000.png"
    urls = [
        f"{site.url}/{name}",
        *(f"zip://{name}::{root}/shots.zip" for root in (site.url, f"file://{drawn}")),
        f"tar://{name}::{site.url}/shots.tar",
    ]
    command = [sys.executable, "-W", "ignore::DeprecationWarning", FORKS, "urls", drawn, *urls]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("urls: 0\n", "", 0)
