"""The figures of each attribute, as a table."""

from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from attrlearn.metrics.alignment import Cells, Probabilities, align_probabilities
from attrlearn.metrics.class_counts import count_classes
from attrlearn.metrics.permutation_test import permutation_p_values
from attrlearn.metrics.probabilities import one_vs_rest

__all__ = ["attribute_report"]

LEVEL = 0.05


def attribute_report(
    y_true: Any,
    y_proba: Probabilities,
    *,
    classes: Any = None,
    n_permutations: int = 999,
    random_state: int | np.random.RandomState | None = 0,
) -> pd.DataFrame:
    """Figures of each attribute, and whether its probabilities are better than chance.

    Parameters
    ----------
    y_true : array-like or DataFrame of shape (N, A)
        With gaps: NaN, None, NA, and -1 among numbers.
    y_proba : array or DataFrame of shape (N, A), or list of A arrays of shape (N, classes)
        As from `AttributeClassifier.predict_proba`, of rows that were not learnt from: from 0 to 1,
        and with a sum of 1 over the classes of an attribute. Rows of NaN, the images that could
        not be read, are left out. If both are DataFrames, columns belong together by name.
    classes : ndarray or list of A arrays, optional
        The ``classes_`` of the model, for a `y_true` that may lack some of them, or that holds
        numeric codes. Other classes in `y_true` have probability 0. By default those of the
        dtype, else those of `y_true`, sorted.
    n_permutations : int, default=999
        Draws of the test; 0 leaves it out.
    random_state : int, RandomState or None, default=0
        What they are drawn with.

    Returns
    -------
    DataFrame, one row per attribute
        - `labelled`: number of labelled cells, the support.
        - `missing`: share of missing cells.
        - `prevalence`: share of class 1 among the labelled cells, or of each class of a
          categorical attribute, as text.
        - `chance`: average precision of a random order, which is the prevalence, averaged over the
          labelled classes of a categorical attribute.
        - `average_precision`, `roc_auc`: see `average_precision_score` and `roc_auc_score`.
        - `balanced_accuracy`, `f1`: see `balanced_accuracy_score` and `f1_score`; of the most
          probable class.
        - `p_value`: of the hypothesis that the probabilities have nothing to do with the
          attribute, adjusted for the number of attributes.
        - `better_than_chance`: whether `p_value` is at most 0.05; boolean with NA.

        NaN where it would take labelled cells, or two labelled classes, and fewer are there.

    Raises
    ------
    ValueError
        If the shapes, the columns, a cell or an argument break a rule, or two indexes hold the same
        labels in different orders.

    Notes
    -----
    The test permutes whole rows of `y_true` against the rows of `y_proba`, so that labels and gaps
    stay as dependent among the attributes as they are. The statistic of an attribute is its ROC
    AUC, standardised by its mean and standard deviation over the permutations; high values speak
    against chance. The p-values come from the maximum over the attributes, stepping down from the
    most certain one [1]_: with a probability of 0.95 or more, no attribute that is at random is
    called better than chance. Rows count as independent; several photos of one product are not.

    References
    ----------
    .. [1] P. H. Westfall and S. S. Young, "Resampling-Based Multiple Testing: Examples and Methods
       for p-Value Adjustment", Wiley, 1993, algorithm 4.1.

    Examples
    --------
    >>> attribute_report([[1], [0], [None], [1]], [[0.9], [0.6], [0.8], [0.3]]).T
    attribute              Attr1
    labelled                   3
    missing                 0.25
    prevalence              0.67
    chance              0.666667
    average_precision   0.833333
    roc_auc                  0.5
    balanced_accuracy       0.25
    f1                       0.5
    p_value                0.703
    better_than_chance     False
    """
    if not isinstance(n_permutations, Integral) or n_permutations < 0:
        raise ValueError(
            f"n_permutations must be an int of 0 or more. Got {n_permutations!r}. Pass 999, or 0 "
            "to leave the test out."
        )
    alignment = align_probabilities(y_true, y_proba, classes=classes)
    report = pd.DataFrame(
        [
            {"labelled": len(cells.known), "missing": _missing(cells, proba), **_figures(cells)}
            for cells, proba in zip(alignment, alignment.predicted, strict=True)
        ],
        index=pd.Index(alignment.attributes.names, name="attribute"),
    )
    if n_permutations:
        p_values = permutation_p_values(alignment, int(n_permutations), random_state)
        report["p_value"] = p_values
        better = pd.Series(p_values <= LEVEL, report.index, dtype="boolean")
        report["better_than_chance"] = better.mask(np.isnan(p_values))
    return report


def _missing(cells: Cells, proba: np.ndarray) -> float:
    """Share of the rows with probabilities that have no label; NaN of no rows."""
    n_rows = np.count_nonzero(~np.isnan(proba).any(axis=1))
    return 1 - len(cells.known) / n_rows if n_rows else np.nan


def _figures(cells: Cells) -> dict[str, Any]:
    """What the labelled cells of an attribute show."""
    counts = np.bincount(cells.known, minlength=cells.n_classes)
    n = len(cells.known)
    shares = counts / (n or np.nan)
    shown = shares[1:] if cells.is_binary else shares
    predicted = count_classes(replace(cells, predicted=cells.predicted.argmax(axis=1)))
    return {
        "prevalence": " ".join(f"{p:.2f}" for p in shown) if n else np.nan,
        "chance": shares[1] if cells.is_binary else 1 / (np.count_nonzero(counts) or np.nan),
        "average_precision": one_vs_rest(metrics.average_precision_score, cells),
        "roc_auc": one_vs_rest(metrics.roc_auc_score, cells),
        "balanced_accuracy": predicted.balanced_accuracy(),
        "f1": predicted.f1(),
    }
