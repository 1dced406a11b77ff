"""A web server in a thread, which counts what it is asked for."""

import http.server
import re
import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial


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
        self.answer("GET", self.give_part if "Range" in self.headers else super().do_GET)

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
        By name: status of the next answers to GET; 0: the connection breaks off.
    hidden : list of str
        Headers that are not sent.
    """

    def __init__(self):
        self.url = ""
        self.asked = Counter()
        self.failures = {}
        self.hidden = []

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
