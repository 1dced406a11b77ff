"""The scores as `scoring` of scikit-learn's model selection."""

from collections.abc import Callable
from typing import Any

import pandas as pd

# Private, but what scikit-learn looks for: only a `_BaseScorer` shares its predictions with the
# others of a dict and takes part in metadata routing, and `make_scorer` cannot pass `classes_` on.
from sklearn.metrics._scorer import _Scorer

from attrlearn.checks.pairing import check_paired
from attrlearn.metrics.final_estimator import attribute_names
from attrlearn.metrics.predictions import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    harmonic_f1_score,
)
from attrlearn.metrics.probabilities import average_precision_score, log_loss, roc_auc_score

__all__ = ["SCORERS", "AttributeScorer"]


class AttributeScorer(_Scorer):
    """A score as a scorer ``(estimator, X, y_true, *, sample_weight=None) -> float``.

    The estimator is an `AttributeClassifier`, or a pipeline or search that ends in one. Its
    `classes_` tell the classes, of which the rows that are scored may lack some. Scores of
    predictions need images that can be read, also with ``on_bad_image="drop"``; those of
    probabilities leave the others out.

    Parameters
    ----------
    score : callable
        ``(y_true, response, *, classes, sample_weight) -> float``.
    response_method : {"predict", "predict_proba"}
        What the estimator is asked for.
    greater_is_better : bool, default=True
        Whether the score is good if it is high; the scorer gives the negative otherwise.

    Examples
    --------
    >>> AttributeScorer(f1_score, "predict")
    AttributeScorer(f1_score, response_method='predict')
    """

    def __init__(
        self, score: Callable[..., Any], response_method: str, *, greater_is_better: bool = True
    ) -> None:
        super().__init__(score, 1 if greater_is_better else -1, {}, response_method)

    def _score(
        self, method_caller: Callable, estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        """The score of what `method_caller` gets from the estimator, or has got before."""
        # Here, as predictions have no index.
        check_paired({"X": X, "y": y_true, "sample_weight": kwargs.get("sample_weight")})
        names = attribute_names(estimator) or []
        if isinstance(y_true, pd.DataFrame) and {*y_true} == {*names}:
            y_true = y_true[names]
        response = method_caller(estimator, self._response_method, X)
        classes = estimator.classes_
        return self._sign * self._score_func(y_true, response, classes=classes, **kwargs)

    def __repr__(self) -> str:
        sign = "" if self._sign > 0 else ", greater_is_better=False"
        name = self._score_func.__name__
        return f"AttributeScorer({name}, response_method={self._response_method!r}{sign})"


#: Macro averages by name, the higher the better: for `scoring` one at a time or as a whole.
#: `set_score_request` changes the scorer itself, so call it on a `copy.deepcopy`.
SCORERS = {
    "accuracy": AttributeScorer(accuracy_score, "predict"),
    "average_precision": AttributeScorer(average_precision_score, "predict_proba"),
    "balanced_accuracy": AttributeScorer(balanced_accuracy_score, "predict"),
    "f1": AttributeScorer(f1_score, "predict"),
    "harmonic_f1": AttributeScorer(harmonic_f1_score, "predict"),
    "neg_log_loss": AttributeScorer(log_loss, "predict_proba", greater_is_better=False),
    "roc_auc": AttributeScorer(roc_auc_score, "predict_proba"),
}
