"""``attrlearn audit``: a labels file and a folder of images to a report on them."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from attrlearn import read_labels
from attrlearn.cli.files import check_apart, check_writable, whole_file
from attrlearn.cli.options import EMBEDDER_OPTIONS, LABEL_OPTIONS, given_options
from attrlearn.inspection import AuditReport, audit

if TYPE_CHECKING:
    from attrlearn import ImageEmbedder

__all__ = ["run"]

TABLES = [name for name, kind in AuditReport.__annotations__.items() if "DataFrame" in str(kind)]


def run(arguments: argparse.Namespace) -> int:
    """Read labels and images as they are, print what is found, and write it."""
    outputs = _outputs(arguments)
    for path in outputs.values():
        check_writable(path)
    embedder = _embedder(arguments)
    options = {"on_duplicate": "keep", "on_missing_image": "keep"}
    X, y = read_labels(arguments.labels, **(options | given_options(arguments, LABEL_OPTIONS)))
    check_apart(outputs, [("LABELS", arguments.labels)])
    check_apart(outputs, (("the image", path) for path in X["image"]))
    report = audit(
        X,
        y,
        embedder=embedder,
        max_distance=arguments.max_distance,
        n_jobs=arguments.n_jobs,
        verbose=int(sys.stderr.isatty()),
    )
    print(report)
    if arguments.html:
        with whole_file(arguments.html) as file:
            report.to_html(file, arguments.title or Path(arguments.labels).name)
        print(f"page: {arguments.html}")
    if arguments.csv:
        for name, table in report.tables().items():
            with whole_file(Path(arguments.csv, f"{name}.csv")) as file:
                index = name in ("attributes", "categories", "sizes")
                table.to_csv(file, index=index, errors="backslashreplace")
        print(f"tables: {arguments.csv}")
    return 0


def _outputs(arguments: argparse.Namespace) -> dict[str, str | None]:
    """The files to write, by what they are called in an error."""
    names = [*TABLES, "groups"] if arguments.csv else []
    tables = {f"--csv ({name})": os.path.join(arguments.csv, f"{name}.csv") for name in names}
    return {"--html": arguments.html, **tables}


def _embedder(arguments: argparse.Namespace) -> "ImageEmbedder | None":
    """What features come from; None for thumbnails."""
    given = given_options(arguments, EMBEDDER_OPTIONS)
    if not given:
        return None
    if given.get("backbone") is None:
        option = next(iter(given)).replace("_", "-")
        raise ValueError(f"--{option} needs a backbone. Got none. Pass --backbone NAME.")
    from attrlearn import ImageEmbedder  # needs torch, which thumbnails do not

    return ImageEmbedder(**given)
