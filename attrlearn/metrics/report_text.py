"""The figures of each attribute, as text."""

from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["AVERAGED", "cut", "format_report"]

WIDTH = 120
PREVALENCE_WIDTH = 20
HEADINGS = {
    "average_precision": "AP",
    "roc_auc": "AUC",
    "balanced_accuracy": "bal_acc",
    "f1": "F1",
    "p_value": "p",
    "better_than_chance": ">chance",
}
AVERAGED = ["chance", "average_precision", "roc_auc", "balanced_accuracy", "f1"]


def format_report(report: pd.DataFrame) -> str:
    """Write a report as a text table, with the mean of its scores.

    Parameters
    ----------
    report : DataFrame
        As from `attribute_report`.

    Returns
    -------
    str
        One line per attribute between a heading and the mean, of at most 120 characters: long
        names and long lists of prevalences are cut. Empty where the report holds NaN.

    Examples
    --------
    >>> from attrlearn.metrics import attribute_report, format_report
    >>> y_true = [[1, "long"], [0, "short"], [None, "long"], [1, "long"], [0, None]]
    >>> hood = [[0.1, 0.9], [0.7, 0.3], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]
    >>> length = [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.5, 0.5], [0.1, 0.9]]
    >>> print(format_report(attribute_report(y_true, [hood, length])))
           labelled  missing  prevalence  chance     AP    AUC  bal_acc     F1      p  >chance
    Attr1         4    0.200        0.50   0.500  0.833  0.750    0.750  0.667  0.359       no
    Attr2         4    0.200   0.75 0.25   0.500  1.000  1.000    1.000  1.000  0.359       no
    mean                                   0.500  0.917  0.875    0.875  0.833
    """
    columns = []
    for name in report:
        cells = [_text(value) for value in report[name]]
        if name == "prevalence":
            cells = [shorten(cell, PREVALENCE_WIDTH, placeholder=" ...") for cell in cells]
        mean = _text(float(report[name].mean())) if name in AVERAGED else ""
        column = [HEADINGS.get(str(name), str(name)), *cells, mean]
        width = max(map(len, column))
        columns.append([f"  {cell:>{width}}" for cell in column])
    room = WIDTH - sum(len(column[0]) for column in columns)
    names = ["", *(cut(str(name), room) for name in report.index), "mean"]
    width = max(map(len, names))
    lines = zip((f"{name:<{width}}" for name in names), *columns, strict=True)
    return "\n".join("".join(line).rstrip() for line in lines)


def cut(name: str, width: int) -> str:
    """The name, no wider than that.

    Examples
    --------
    >>> cut("long sleeves", 8)
    'long ...'
    """
    return name if len(name) <= width else name[: width - 3] + "..."


def _text(value: Any) -> str:
    """The value as it is shown."""
    if pd.isna(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
