"""Start the server of the page."""

import socket
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attrlearn.exceptions import UnknownCategoryWarning, UnreadableImageWarning

if TYPE_CHECKING:
    from attrlearn.app.label_session import LabelTask

__all__ = [
    "Served",
    "check_address",
    "check_streamlit",
    "labelled",
    "serve",
    "serve_labels",
    "served",
]


class Served(NamedTuple):
    """What the page shows: a fitted classifier that drops bad images, and the name of its file."""

    clf: Any
    name: str


# Streamlit runs a page as a script, in threads of this process: this is how it gets what it shows.
served: Served | None = None
labelled: "LabelTask | None" = None


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
    global served
    served = model
    with warnings.catch_warnings():
        # The page says both beside the images.
        warnings.simplefilter("ignore", UnknownCategoryWarning)
        warnings.simplefilter("ignore", UnreadableImageWarning)
        _run("page.py", "attrlearn app", host, port, browser, {"server.maxUploadSize": max_upload})


def serve_labels(task: "LabelTask", *, host: str, port: int, browser: bool) -> None:
    """Serve the page on which a labels file is filled until the user ends it.

    Parameters
    ----------
    task : LabelTask
    host : str
        Name or address to listen on.
    port : int
    browser : bool
        Whether to open it.
    """
    global labelled
    labelled = task
    _run("label_page.py", "attrlearn label", host, port, browser, {})


def _run(
    page: str, command: str, host: str, port: int, browser: bool, more: dict[str, Any]
) -> None:
    """Serve a file of this folder as a page."""
    from streamlit.web import cli

    options = {
        "global.developmentMode": False,  # its guess by the folder that Streamlit is in may fail
        "server.address": host,
        "server.port": port,
        "server.headless": not browser,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",  # a traceback is for who runs it, on standard error
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        **more,
    }
    script = str(Path(__file__).with_name(page))
    flags = [f"--{name}={value}" for name, value in options.items()]
    cli.main(["run", script, *flags], prog_name=command, standalone_mode=False)
