"""``attrlearn evaluate``: a model and a labels file to a report, figures and confusion matrices."""

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attrlearn import AttributeClassifier, read_labels
from attrlearn.checks.attributes import class_probabilities
from attrlearn.checks.inputs import check_inputs, warn_of_unknown
from attrlearn.cli.evaluation_files import Evaluation, evaluation_files, write_evaluation
from attrlearn.cli.files import cache_output, check_apart, check_writable
from attrlearn.cli.options import LABEL_OPTIONS, PREDICTION_OPTIONS, given_options
from attrlearn.cli.predict import load_model, report_bad
from attrlearn.exceptions import UnknownCategoryWarning, UnreadableImageWarning, warn
from attrlearn.metrics import attribute_report, format_report

__all__ = ["run"]

Classes = Mapping[Any, np.ndarray]  # of each attribute


def run(arguments: argparse.Namespace) -> int:
    """Predict the images of a labels file, print the report, and write it with its figures."""
    if arguments.attribute and not arguments.out:
        warn("--attribute is for the confusion matrices: pass --out DIR.")
    _check_outputs(evaluation_files(arguments.out, []))
    clf = load_model(arguments.model)
    clf.set_params(on_bad_image="drop", **given_options(arguments, PREDICTION_OPTIONS))
    X, y = read_labels(arguments.labels, **given_options(arguments, LABEL_OPTIONS))
    y, classes = _select(y, clf)
    _check_classes(X, y, classes)
    confused = _confused(arguments.attribute, classes)
    outputs = evaluation_files(arguments.out, confused)
    _check_outputs(outputs)
    inputs = [("MODEL", arguments.model), ("LABELS", arguments.labels)]
    check_apart(outputs | cache_output(clf.cache_dir), inputs)
    check_apart(outputs, (("the image", path) for path in X["image"]))
    missing = y.isna().to_numpy().mean()
    counts = f"{len(y)} images, {y.shape[1]} attributes, {missing:.1%} missing"
    print(f"{arguments.labels}: {counts}", flush=True)
    proba, bad = _predict(clf, X, y)
    report = attribute_report(y, proba, classes=list(classes.values()))
    print(format_report(report))
    if arguments.out:
        Path(arguments.out).mkdir(parents=True, exist_ok=True)
        thresholds = {name: t for name, t in clf.thresholds_.items() if name in classes}
        found = Evaluation(y, proba, classes, thresholds, report, bad)
        write_evaluation(arguments.out, found, confused)
        print(f"report and figures: {arguments.out}")
    return 1 if len(bad) else 0


def _check_outputs(outputs: Mapping[str, str]) -> None:
    """Raise if one of the files could not be written in the end."""
    for path in outputs.values():
        check_writable(path)


def _select(y: pd.DataFrame, clf: AttributeClassifier) -> tuple[pd.DataFrame, Classes]:
    """The attributes that labels and model share, in the order of the model, and their classes."""
    names = clf.attribute_names_
    known = [name for name in names if name in y]
    unknown = [name for name in y if name not in names]
    if unknown:
        cure = f"Pass attribute_columns={known!r}, or " if known else "Check the model, or "
        raise ValueError(
            f"LABELS must hold attributes of MODEL, {names}. Got the column {unknown[0]!r}. {cure}"
            f"category_column={unknown[0]!r} if it holds the category of the item."
        )
    lacking = [name for name in names if name not in y]
    if lacking:
        warn(f"LABELS lacks {len(lacking)} of the {len(names)} attributes of MODEL: {lacking}.")
    binary = not isinstance(clf.classes_, list)
    classes = [np.array([0, 1])] * len(names) if binary else clf.classes_
    return y[known], {name: classes[list(names).index(name)] for name in known}


def _check_classes(X: pd.DataFrame, y: pd.DataFrame, classes: Classes) -> None:
    """Raise at the first label that is no class of the model."""
    for name, known in classes.items():
        unknown = (y[name].notna() & ~y[name].isin(list(known))).to_numpy()
        if unknown.any():
            row = int(unknown.argmax())
            raise ValueError(
                f"LABELS must hold classes of MODEL, {known.tolist()}. Got {y[name].iloc[row]!r} "
                f"for {X['image'].iloc[row]!r}, attribute {name!r}. Correct the cell, or read it "
                "as for the training: --categorical, --na-values."
            )


def _confused(given: list[str] | None, classes: Classes) -> list[Any]:
    """The attributes of which to write confusion matrices: those given, else the categorical."""
    for name in given or ():
        if name not in classes:
            raise ValueError(
                f"--attribute must name attributes of LABELS and MODEL. Got {name!r}. There are "
                f"{list(classes)}."
            )
    return given or [name for name, known in classes.items() if list(known) != [0, 1]]


def _predict(
    clf: AttributeClassifier, X: pd.DataFrame, y: pd.DataFrame
) -> tuple[list[np.ndarray], pd.DataFrame]:
    """Probabilities (N, classes) of the attributes in `y`, and the images that cannot be read."""
    if not len(clf.categories_):
        X = X[["image"]]
    warn_of_unknown(check_inputs(X).categories, clf.categories_, len(X), "Pass --category-column.")
    with warnings.catch_warnings():
        # All rows have been warned of, and report_bad names every image.
        warnings.simplefilter("ignore", UnknownCategoryWarning)
        warnings.simplefilter("ignore", UnreadableImageWarning)
        every = class_probabilities(clf.predict_proba(X))
        unreadable = np.isnan(every[0]).any(axis=1)
        bad = pd.DataFrame({"image": [], "image_error": []})
        if unreadable.any():
            bad = pd.concat([X, clf.predict_table(X[unreadable])["image_error"]], axis=1)
    bad = bad.loc[report_bad(bad, "evaluate"), ["image", "image_error"]]
    if len(bad) == len(X):
        raise ValueError(
            f"LABELS must name images that can be read. Got {len(X)} that cannot. Replace them."
        )
    return [every[list(clf.attribute_names_).index(name)] for name in y], bad
