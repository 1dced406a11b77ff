"""The files of an evaluation: report, figures and confusion matrices."""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from attrlearn.checks.attributes import Attributes
from attrlearn.cli.files import whole_file
from attrlearn.decisions.decisions import Decisions
from attrlearn.metrics import confusion_matrices
from attrlearn.metrics.report_text import AVERAGED
from attrlearn.plots import (
    AttributeCalibrationDisplay,
    AttributePrecisionRecallDisplay,
    AttributeReportDisplay,
    AttributeThresholdDisplay,
)
from attrlearn.plots.grid import as_label, grid_size

__all__ = ["Evaluation", "evaluation_files", "write_evaluation"]

FILES = (
    "report.csv",
    "report.json",
    "report.png",
    "precision_recall.png",
    "calibration.png",
    "thresholds.png",
)
MAX_SIDE = 20.0  # of a confusion matrix, in inches
CLASS_WIDTH = 24


@dataclass(frozen=True)
class Evaluation:
    """What a model says of N labelled images.

    Attributes
    ----------
    y : DataFrame of shape (N, A)
    proba : list of A arrays of shape (N, classes)
    classes : dict of {attribute: ndarray}
    thresholds : dict of {binary attribute: float}
    report : DataFrame
        As from `attribute_report`.
    bad : DataFrame
        `image` and `image_error` of those that cannot be read.
    """

    y: pd.DataFrame
    proba: list[np.ndarray]
    classes: Mapping[Any, np.ndarray]
    thresholds: Mapping[Any, float]
    report: pd.DataFrame
    bad: pd.DataFrame


def evaluation_files(folder: str | None, confused: Collection[Any]) -> dict[str, str]:
    """The paths in a folder, by what they are called in an error; none without a folder.

    Examples
    --------
    >>> files = evaluation_files("out", ["sleeve/cuff"])
    >>> [Path(path).name for path in files.values()][-2:]
    ['confusion_sleeve_cuff.csv', 'confusion_sleeve_cuff.png']
    """
    if not folder:
        return {}
    names = {f"--out ({name})": name for name in FILES}
    for attribute in confused:
        names |= {f"--out ({attribute!r}{end})": _stem(attribute) + end for end in (".csv", ".png")}
    return {what: os.path.join(folder, name) for what, name in names.items()}


def write_evaluation(folder: str | Path, found: Evaluation, confused: Collection[Any]) -> None:
    """Write all files, each whole or not at all.

    Parameters
    ----------
    folder : str
    found : Evaluation
    confused : collection of attributes
        Those whose confusion matrix is written.
    """
    with whole_file(Path(folder, "report.csv")) as file:
        found.report.to_csv(file, errors="backslashreplace")
    with whole_file(Path(folder, "report.json")) as file:
        Path(file).write_text(_as_json(found), encoding="utf-8")
    for name, figure in _figures(found):
        _save(figure, Path(folder, name))
    matrices = confusion_matrices(found.y, _predictions(found), classes=[*found.classes.values()])
    for attribute in confused:
        path = Path(folder, _stem(attribute))
        with whole_file(f"{path}.csv") as file:
            matrices[attribute].to_csv(file, errors="backslashreplace")
        _save(_draw_confusion(attribute, matrices[attribute]), Path(f"{path}.png"))


def _as_json(found: Evaluation) -> str:
    """The report, null where it holds NaN or NA, the means of its scores, and the bad images."""
    report = found.report.reset_index()
    content = {
        "n_images": len(found.y) - len(found.bad),
        "unreadable_images": found.bad.to_dict("records"),
        "attributes": _without_nan(report).to_dict("records"),
        "mean": _without_nan(report[AVERAGED].mean()).to_dict(),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _without_nan(values: Any) -> Any:
    """A table or a series with None for NaN and NA, as JSON knows no other."""
    return values.astype(object).where(values.notna(), None)


def _figures(found: Evaluation) -> Iterator[tuple[str, Figure]]:
    """The figures of all attributes, each after the name of its file."""
    report = AttributeReportDisplay(report=found.report)
    figure = _new_figure(report.figsize)
    report.plot(figure.subplots())
    yield "report.png", figure
    binary = [name for name, known in found.classes.items() if list(known) == [0, 1]]
    displays: list[tuple[str, Any, int, dict[str, Any]]] = [
        ("precision_recall.png", AttributePrecisionRecallDisplay, len(found.classes), {}),
        ("calibration.png", AttributeCalibrationDisplay, len(found.classes), {}),
    ]
    if binary:
        options = {"thresholds": found.thresholds}
        displays.append(("thresholds.png", AttributeThresholdDisplay, len(binary), options))
    for name, display, n_cells, options in displays:
        figure = _new_figure(grid_size(n_cells))
        display.from_predictions(
            found.y,
            found.proba,
            classes=[*found.classes.values()],
            ax=figure.subplots(),
            **options,
        )
        yield name, figure


def _predictions(found: Evaluation) -> np.ndarray:
    """(N, A) classes, by threshold or the most probable; None where nothing is predicted."""
    names = list(found.classes)
    is_binary = [name in found.thresholds for name in names]
    attributes = Attributes(names, [*found.classes.values()], is_binary)
    decisions = Decisions(attributes, dict(found.thresholds), None)
    probabilities = np.hstack(found.proba)
    unread = np.isnan(probabilities).any(axis=1)
    predicted = decisions.predict(np.nan_to_num(probabilities)).astype(object)
    predicted[unread[:, None] | decisions.abstains] = None
    return predicted


def _draw_confusion(attribute: Any, matrix: pd.DataFrame) -> Figure:
    """The confusion matrix of an attribute."""
    side = min(2.0 + 0.5 * len(matrix), MAX_SIDE)
    figure = _new_figure((side + 1, side + 1))
    ax = figure.subplots()
    names = [as_label(name, CLASS_WIDTH) for name in matrix]
    ConfusionMatrixDisplay(matrix.to_numpy(), display_labels=names).plot(
        ax=ax, cmap="Blues", colorbar=False, values_format="d", xticks_rotation="vertical"
    )
    ax.set_title(as_label(attribute, CLASS_WIDTH))
    return figure


def _new_figure(size: tuple[float, float]) -> Figure:
    """A figure of that size in inches."""
    return Figure(figsize=size, layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all."""
    with whole_file(path) as file:
        figure.savefig(file, format="png", dpi=100)


def _stem(attribute: Any) -> str:
    """The name of the files of a confusion matrix, without their suffix."""
    return "confusion_" + re.sub(r"[^\w.-]+", "_", str(attribute))
