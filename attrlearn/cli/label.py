"""``attrlearn label``: a page in the browser that fills the gaps of a labels file."""

import argparse
import getpass
import os
import sys
import tempfile
from pathlib import Path

from attrlearn import ImageEmbedder
from attrlearn.app.label_session import LabelTask
from attrlearn.app.labelled_table import Columns, LabelledTable, check_attributes_named
from attrlearn.app.launch import check_address, check_streamlit, serve_labels
from attrlearn.app.learner import Learner
from attrlearn.checks.text_columns import NA_VALUES
from attrlearn.checks.urls import is_url, without_secrets
from attrlearn.cli.files import cache_output, check_apart
from attrlearn.cli.options import EMBEDDER_OPTIONS, LABELLING_OPTIONS, given_options
from attrlearn.labels.places import Place, folder_of_images
from attrlearn.labels.shared_file import SharedLabels

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until it is interrupted, or take the last page of decisions back."""
    path = _local(arguments.labels)
    options = given_options(arguments, LABELLING_OPTIONS)
    image_dir = folder_of_images(path, options.get("image_dir"))
    na_values = options.get("na_values", NA_VALUES)
    labels = SharedLabels(path, options.get("image_column"), na_values, image_dir)
    _check_writable(labels.path)
    user = arguments.user or _login()
    if arguments.undo:
        return _undo(labels, user)
    check_streamlit()
    columns = Columns(
        options.get("image_column"),
        options.get("category_column"),
        options.get("group_column"),
        options.get("attribute_columns"),
        options.get("categorical"),
    )
    table = _check_table(labels, columns, image_dir, arguments.attribute)
    check_address(arguments.host, arguments.port)
    task = LabelTask(
        labels, columns, image_dir, user, arguments.attribute, _learner(arguments, table)
    )
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(f"log: {labels.log.path}")
    print(f"page: http://{host}:{arguments.port} (Ctrl+C ends it)", flush=True)
    serve_labels(task, host=arguments.host, port=arguments.port, browser=arguments.browser)
    return 0


def _local(labels: str) -> Path:
    """The path of the labels file, which must be one."""
    if is_url(labels):
        raise ValueError(
            f"LABELS must be a file of this machine, to be written. Got the URL "
            f"{without_secrets(labels)!r}. Download it, and upload it once it is labelled."
        )
    if Path(labels).is_dir():
        raise IsADirectoryError(
            f"LABELS must be a file. Got the folder {labels!r}. Name the file in it."
        )
    if not Path(labels).is_file():
        raise FileNotFoundError(f"LABELS must exist. Got {labels!r}. Check the path.")
    return Path(labels)


def _check_writable(path: Path) -> None:
    """Raise OSError unless the file can be replaced, and a log kept beside it."""
    log = path.with_name(f"{path.name}.log")
    try:
        for file in (path, log):
            if file.exists() and not os.access(file, os.W_OK):
                raise PermissionError(0, f"{file.name} is read-only")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OSError(
            "LABELS must be writable, in a folder that is, for its log. Got "
            f"{str(path)!r}: {error.strerror}. Change the permissions, or label a copy."
        ) from error


def _login() -> str:
    """The name of who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container that runs as any user
        return "unknown"


def _undo(labels: SharedLabels, user: str) -> int:
    """Take the last page back; 1 if some of its cells have changed since."""
    saved = labels.undo(user=user, session="undo")
    for conflict in saved.conflicts:
        print(f"attrlearn label: not taken back: {conflict}", file=sys.stderr)
    print(f"{labels.path.name}: {saved.n_written} cells hold again what they held before")
    return 1 if saved.conflicts else 0


def _check_table(
    labels: SharedLabels, columns: Columns, image_dir: Place, attributes: list[str] | None
) -> LabelledTable:
    """The table, once it is plain that it can be labelled; says what is in it."""
    if isinstance(image_dir, Path) and not image_dir.is_dir():
        raise FileNotFoundError(f"image_dir must be an existing folder. Got {str(image_dir)!r}.")
    content = labels.read()
    table = LabelledTable(content, columns, image_dir)
    check_attributes_named(table.attributes, attributes or ())
    n_absent = int((~table.found).sum())
    if n_absent == len(table.found):
        row = 0
        raise FileNotFoundError(
            f"LABELS must name images that are there. Got {len(table.found)} that are not, the "
            f"first {table.paths[row]!r} at {content.table.place(row)}. Check --image-dir."
        )
    missing = table.y().isna().to_numpy().mean()
    print(
        f"{labels.path.name}: {len(table.found)} rows, {len(table.attributes)} attributes, "
        f"{missing:.1%} missing"
    )
    if n_absent:
        row = int((~table.found).argmax())
        print(
            f"rows whose image is not there, which are not asked for: {n_absent}, the first "
            f"{table.names[row]!r} at {content.table.place(row)}"
        )
    return table


def _learner(arguments: argparse.Namespace, table: LabelledTable) -> Learner | None:
    """What learns from the labels, with a backbone that is loaded; None if nothing shall."""
    parameters = given_options(arguments, EMBEDDER_OPTIONS)
    if not arguments.with_model:
        return None
    check_apart(cache_output(parameters.get("cache_dir")), [("LABELS", arguments.labels)])
    embedder = ImageEmbedder(**{"verbose": int(sys.stderr.isatty()), **parameters})
    embedder.fit(table.paths)
    return Learner(embedder, lambda text: print(f"attrlearn: warning: {text}", file=sys.stderr))
