"""``attrlearn train``: a labels file and a folder of images to a model."""

import argparse
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from attrlearn import AttributeClassifier, LossCurveDisplay, read_labels
from attrlearn.cli.files import cache_output, check_apart, check_writable, whole_file
from attrlearn.cli.options import ESTIMATOR_OPTIONS, LABEL_OPTIONS, given_options
from attrlearn.cli.predict import check_names
from attrlearn.exceptions import warn
from attrlearn.metrics import attribute_report, format_report
from attrlearn.model_selection import AttributeShuffleSplit

__all__ = ["describe", "run", "save_curve", "save_model"]


def run(arguments: argparse.Namespace) -> int:
    """Train, and write the model and its loss curve."""
    parameters = given_options(arguments, ESTIMATOR_OPTIONS)
    outputs = {"--out": arguments.out, "--plot": arguments.plot}
    check_writable(arguments.out)
    _check_plot(arguments.plot, arguments.title)
    check_apart(
        outputs | cache_output(parameters.get("cache_dir")),
        _files_read(arguments.labels, parameters),
    )
    X, y = read_labels(arguments.labels, **given_options(arguments, LABEL_OPTIONS))
    check_apart(outputs, (("the image", path) for path in X["image"]))
    check_names(y.columns, X.columns)
    missing = y.isna().to_numpy().mean()
    counts = f"{len(y)} images, {y.shape[1]} attributes, {missing:.1%} missing"
    print(f"{arguments.labels}: {counts}", flush=True)
    on_terminal = int(sys.stderr.isatty())  # progress would flood a log file
    clf = AttributeClassifier(**{"verbose": on_terminal, **parameters})
    rows, held_out = _hold_out(X, y, arguments.validation, clf.random_state)
    clf.fit(X.iloc[rows], y.iloc[rows])
    save_model(clf, arguments.out)
    if arguments.plot:
        save_curve(clf, arguments.plot, arguments.title)
    if len(held_out):
        print(describe(clf, X.iloc[held_out], y.iloc[held_out]))
    return 0


def describe(clf: AttributeClassifier, X: pd.DataFrame, y: pd.DataFrame) -> str:
    """The metrics of each attribute on rows that were held out, as text."""
    report = attribute_report(y, clf.predict_proba(X), classes=clf.classes_)
    return f"on {len(y)} held-out images\n{format_report(report)}"


def save_model(clf: AttributeClassifier, path: str) -> None:
    """Write the model, whole or not at all, and say so."""
    with whole_file(path) as name:
        joblib.dump(clf, name)
    print(f"model: {path}")


def save_curve(clf: AttributeClassifier, path: str, title: str | None) -> None:
    """Write the plot of the loss curve, whole or not at all, and say so."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    LossCurveDisplay.from_estimator(clf, title=title, ax=figure.subplots())
    with whole_file(path) as name:
        figure.savefig(name, format=_format(path), dpi=120)
    print(f"loss curve: {path}")


def _files_read(labels: str, parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """The files that are read beside the images, each after what it is."""
    weights = parameters.get("weights")
    return [("LABELS", labels), *([("--weights", weights)] if weights else [])]


def _check_plot(path: str | None, title: str | None) -> None:
    """Raise if the plot could not be written in the end."""
    check_writable(path)
    known = Figure().canvas.get_supported_filetypes()
    if path and _format(path) not in known:
        raise ValueError(f"--plot must end in one of {' '.join(known)}. Got {path!r}.")
    if title and not path:
        warn("--title is for the plot of the loss curve: pass --plot PNG.")


def _format(path: str) -> str:
    """The format of a plot by its suffix; PNG if it has none."""
    return Path(path).suffix[1:].lower() or "png"


def _hold_out(
    X: pd.DataFrame,
    y: pd.DataFrame,
    share: float,
    random_state: int | np.random.RandomState | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, and a share of them held out at random, rare classes in proportion."""
    if share == 0:
        return np.arange(len(y)), np.arange(0)
    splitter = AttributeShuffleSplit(1, test_size=share, random_state=random_state)
    return next(splitter.split(X, y))
