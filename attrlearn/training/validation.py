"""The validation set: rows that are not learnt from, and how good an epoch is on them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import _num_samples
from torch import Tensor

from attrlearn.decisions.decisions import Decisions
from attrlearn.metrics import SCORERS
from attrlearn.nn.device import send
from attrlearn.nn.losses import Loss
from attrlearn.nn.network import AttributeNetwork
from attrlearn.nn.processes import current_processes
from attrlearn.training.examples import Examples
from attrlearn.training.loop import split

__all__ = [
    "ValidationPredictions",
    "ValidationSet",
    "get_scorer",
    "predict_log_probabilities",
]


@dataclass(frozen=True)
class ValidationSet:
    """The validation set, as the network and as a scorer sees it.

    Attributes
    ----------
    X, y
        As the user gave them.
    sample_weight : array-like or None
        The same.
    examples : Examples
        The same rows for the network.
    """

    X: Any
    y: Any
    sample_weight: Any
    examples: Examples

    def log_probabilities(
        self, network: AttributeNetwork, batch_size: int, dtype: torch.dtype
    ) -> Tensor:
        """Return those (N, C) of the rows, from a network in eval mode."""
        return predict_log_probabilities(network, self.examples, batch_size, dtype)

    def negative_loss(self, log_probabilities: Tensor, loss: Loss) -> float:
        """Score "loss": the negative of the weighted mean loss."""
        return self._check_finite(-mean_loss(log_probabilities, self.examples, loss))

    def score(self, scorer: Callable[..., float], predictions: "ValidationPredictions") -> float:
        """Score of what a network predicts of the rows; the higher the better.

        Raises
        ------
        ValueError
            If the score is no finite number.
        """
        weight = {} if self.sample_weight is None else {"sample_weight": self.sample_weight}
        return self._check_finite(scorer(predictions, self.X, self.y, **weight))

    def _check_finite(self, score: Any) -> float:
        """The score, after a check that it is a finite number."""
        if score is None or not np.isfinite(float(score)):
            raise ValueError(
                f"scoring must give a number on the {len(self.examples)} held-out rows. Got "
                f"{score}. Hold more rows out with validation_fraction, or pass X_val and y_val."
            )
        return float(score)


@dataclass
class ValidationPredictions:
    """A fitted estimator that has predicted the validation set already.

    A scorer asks it as it would ask the estimator, and no image is read again.

    Parameters
    ----------
    estimator : AttributeClassifier
        Fitted; what is asked beside predictions comes from it.
    decisions : Decisions
        Of the estimator.
    probabilities : ndarray of shape (N, C)
        Of the classes of all attributes side by side.
    """

    estimator: Any
    decisions: Decisions
    probabilities: np.ndarray

    def predict_proba(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Return the probabilities of the validation set, X."""
        self._check(X)
        return self.decisions.attributes.by_attribute(self.probabilities)

    def predict(self, X: Any) -> np.ndarray:
        """Return the classes of the validation set, X."""
        self._check(X)
        return self.decisions.predict(self.probabilities)

    def _check(self, X: Any) -> None:
        """Raise unless X can be the validation set."""
        if _num_samples(X) != len(self.probabilities):
            raise ValueError(
                f"scoring must predict the {len(self.probabilities)} held-out rows as a whole. "
                f"Got {_num_samples(X)} rows. Select from the predictions, not from X."
            )

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        if name == "estimator":  # not set yet, in a copy
            raise AttributeError(name)
        return getattr(self.estimator, name)


def get_scorer(scoring: Any) -> Callable[..., float]:
    """Return the scorer of a name, or a scorer itself.

    Raises
    ------
    ValueError
        If the name is none of `attrlearn.metrics.SCORERS`.

    Examples
    --------
    >>> get_scorer("f1") is SCORERS["f1"]
    True
    """
    if callable(scoring):
        return scoring
    if scoring not in SCORERS:
        raise ValueError(
            f'scoring must be "loss", a scorer or one of {list(SCORERS)}. Got {scoring!r}. '
            "These know of gaps; another of scikit-learn's goes in as a scorer, get_scorer(name)."
        )
    return SCORERS[scoring]


@torch.no_grad()
def predict_log_probabilities(
    network: AttributeNetwork, examples: Examples, batch_size: int, dtype: torch.dtype
) -> Tensor:
    """Log-probabilities (N, C) of the rows, from a network in eval mode; processes share them."""
    processes = current_processes()
    parts = split(torch.arange(len(examples)), batch_size)[processes.rank :: processes.n]
    batches = examples.source.batches(parts, torch.Generator())
    device = examples.targets.device
    outputs = torch.zeros(len(examples), network.n_columns, dtype=torch.float32, device=device)
    with examples.autocast(dtype):
        for rows, inputs in zip(parts, batches, strict=True):
            outputs[rows] = examples.log_probabilities(network, send(inputs, device), rows)
    processes.sum(outputs)
    return outputs


def mean_loss(log_probabilities: Tensor, examples: Examples, loss: Loss) -> float:
    """Weighted mean loss over the labelled cells, NaN if there is none.

    Examples
    --------
    >>> from attrlearn.nn.losses import cross_entropy
    >>> from attrlearn.training.sources import FeatureSource
    >>> targets = torch.tensor([[1], [0], [-1]])
    >>> source = FeatureSource(torch.zeros(1, 3, 2))
    >>> examples = Examples(source, targets, torch.zeros(3).long(), (targets >= 0).float())
    >>> log_probabilities = torch.tensor([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]]).log()
    >>> mean_loss(log_probabilities, examples, cross_entropy)
    0.458...
    """
    total = loss(log_probabilities, examples.targets, examples.weights)
    return float(total / examples.weights.sum())
