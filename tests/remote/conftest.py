"""A folder of drawn images, archives of them, and a web server that counts what it is asked for."""

import http.server
import os
import re
import tarfile
import threading
import time
import zipfile
from collections import Counter, defaultdict
from contextlib import contextmanager
from functools import partial

import pytest

from attrlearn import make_attribute_images


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder: whole files or, unlike its parent, a part of one."""

    protocol_version = "HTTP/1.1"
    timeout = 5

    def __init__(self, site, *args, **kwargs):
        self.site = site
        super().__init__(*args, **kwargs)

    def do_HEAD(self):
        self.answer("HEAD", super().do_HEAD)

    def do_GET(self):
        in_part = self.site.has_parts and "Range" in self.headers
        self.answer("GET", self.give_part if in_part else super().do_GET)

    def answer(self, method, do):
        name = self.path.rpartition("/")[2].partition("?")[0]
        self.site.asked[method] += 1
        self.site.asked[f"{method} {name}"] += 1
        if method == "GET" and self.site.failures[name]:
            status = self.site.failures[name].pop(0)
            if status == 0:  # hang up in the middle
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.close_connection = True
            elif status == -1:
                time.sleep(0.5)
                self.close_connection = True
            else:
                self.send_error(status)
            return
        do()

    def give_part(self):
        with open(self.translate_path(self.path), "rb") as file:
            content = file.read()
        start, end = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups()
        part = content[int(start) : int(end) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def end_headers(self):
        for name in self.site.hidden:
            self._headers_buffer = [
                line for line in self._headers_buffer if not line.startswith(name.encode())
            ]
        super().end_headers()

    def log_message(self, *args):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client may hang up


class Site:
    """What is served, and what was asked for.

    Attributes
    ----------
    url : str
    asked : Counter
        Requests by "GET" and "HEAD", and by these and the name of the file.
    failures : dict of lists
        By name: status of the next answers to GET. 0: the connection breaks off, -1: there is none.
    hidden : list of str
        Headers that are not sent.
    has_parts : bool
        Whether a part of a file is sent where one is asked for.
    """

    def __init__(self):
        self.url = ""
        self.asked = Counter()
        self.failures = defaultdict(list)
        self.hidden = []
        self.has_parts = True

    def count(self):
        """The requests since the last call, as (HEAD, GET)."""
        counts = self.asked["HEAD"], self.asked["GET"]
        self.asked.clear()
        return counts


@contextmanager
def serve(folder):
    """Yield the site of a folder."""
    site = Site()
    handler = partial(Handler, site, directory=str(folder))
    with Quiet(("127.0.0.1", 0), handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def skip_without_the_extra(request):
    """The parts of a URL need nothing but themselves."""
    if not request.module.__name__.endswith("test_url_parts"):
        pytest.importorskip("aiohttp", reason="needs the extra remote")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A folder with 12 drawn images of an hour ago, their labels file, and archives of them."""
    pytest.importorskip("aiohttp", reason="needs the extra remote")
    folder = tmp_path_factory.mktemp("drawn")
    make_attribute_images(12, folder, size=32, random_state=0)
    images = sorted(folder.glob("*.png"))
    with (
        zipfile.ZipFile(folder / "shots.zip", "w") as zipped,
        tarfile.open(folder / "shots.tar", "w") as tarred,
    ):
        for path in images:
            zipped.write(path, path.name)
            tarred.add(path, path.name)
    for path in folder.iterdir():
        make_old(path)
    return folder


@pytest.fixture
def site(drawn):
    """That folder on a web server, which counts requests."""
    with serve(drawn) as site:
        yield site


def make_old(path):
    an_hour_ago = time.time() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))
