"""Start the server of the page."""

import socket
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from attrlearn.exceptions import UnknownCategoryWarning, UnreadableImageWarning

__all__ = ["Served", "check_address", "check_streamlit", "serve", "served"]


class Served(NamedTuple):
    """What the page shows: a fitted classifier that drops bad images, and the name of its file."""

    clf: Any
    name: str


# Streamlit runs the page as a script, in threads of this process: this is how it gets the model.
served: Served | None = None


def check_streamlit() -> None:
    """Raise ImportError if the page lacks what it is made of."""
    if find_spec("streamlit") is None:
        raise ImportError("The page needs Streamlit. Run: pip install 'attrlearn[app]'")


def check_address(host: str, port: int) -> None:
    """Raise OSError unless a server can listen there.

    Examples
    --------
    >>> check_address("no such host", 8501)
    Traceback (most recent call last):
    OSError: The page must have an address of this machine that is free. Got --host 'no such host' \
--port 8501: ... Choose another.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise OSError(
            "The page must have an address of this machine that is free. Got "
            f"--host {host!r} --port {port}: {error.strerror}. Choose another."
        ) from error


def serve(model: Served, *, host: str, port: int, max_upload: int, browser: bool) -> None:
    """Serve the page until the user ends it.

    Parameters
    ----------
    model : Served
    host : str
        Name or address to listen on.
    port : int
    max_upload : int
        Largest image that can be uploaded, in MB.
    browser : bool
        Whether to open it.
    """
    from streamlit.web import cli

    global served
    served = model
    options = {
        "global.developmentMode": False,  # its guess by the folder that Streamlit is in may fail
        "server.address": host,
        "server.port": port,
        "server.maxUploadSize": max_upload,
        "server.headless": not browser,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",  # a traceback is for who runs it, on standard error
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
    }
    page = str(Path(__file__).with_name("page.py"))
    flags = [f"--{name}={value}" for name, value in options.items()]
    with warnings.catch_warnings():
        # The page says both beside the images.
        warnings.simplefilter("ignore", UnknownCategoryWarning)
        warnings.simplefilter("ignore", UnreadableImageWarning)
        cli.main(["run", page, *flags], prog_name="attrlearn app", standalone_mode=False)
