"""Rows that are not learnt from, and how good an epoch is on them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples
from torch import nn

from attrlearn.data.image_error import ImageError
from attrlearn.metrics import SCORERS
from attrlearn.nn.losses import Loss
from attrlearn.training.early_stopping import mean_loss, predict
from attrlearn.training.examples import Examples

__all__ = ["HeldOut", "HeldOutPredictor", "about", "get_scorer", "select"]


@dataclass(frozen=True)
class HeldOut:
    """Rows that judge.

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

    def recode_categories(self, codes: np.ndarray) -> Self:
        """Return the rows with ``codes[c]`` for each category c."""
        return replace(self, examples=self.examples.recode_categories(codes))

    def score(
        self,
        scoring: Any,
        loss: Loss,
        network: nn.Module,
        fitted: Callable[[], Any],
        batch_size: int,
        context: AbstractContextManager,
    ) -> float:
        """Score a network in eval mode; the higher the better.

        Parameters
        ----------
        scoring : "loss", str or callable
            See `AttributeClassifier`.
        loss : callable
            As in `attrlearn.nn.losses.LOSSES`.
        network : torch.nn.Module
        fitted : callable
            Gives the estimator as it would be with this network.
        batch_size : int
        context : context manager
            As from `attrlearn.training.precision.autocast`.

        Raises
        ------
        ValueError
            If the score is no finite number.
        """
        outputs = predict(network, self.examples, batch_size, context)
        if scoring == "loss":
            score = -mean_loss(outputs, self.examples, loss)
        else:
            predictor = HeldOutPredictor(fitted(), outputs.exp().cpu().numpy())
            weight = {} if self.sample_weight is None else {"sample_weight": self.sample_weight}
            score = get_scorer(scoring)(predictor, self.X, self.y, **weight)
        if score is None or not np.isfinite(float(score)):
            raise ValueError(
                f"scoring must give a number on the {len(self.examples)} held-out rows. Got "
                f"{score}. Hold more rows out with validation_fraction, or pass X_val and y_val."
            )
        return float(score)


@dataclass
class HeldOutPredictor:
    """A fitted estimator that has predicted the held-out rows already.

    A scorer asks it as it would ask the estimator, and no picture is read again.

    Parameters
    ----------
    estimator : AttributeClassifier
        Fitted; what is asked beside predictions comes from it.
    probabilities : ndarray of shape (N, C)
        Of the classes of all attributes side by side.
    """

    estimator: Any
    probabilities: np.ndarray

    def predict_proba(self, X: Any) -> np.ndarray | list[np.ndarray]:
        """Return the probabilities of the held-out rows, X."""
        self._check(X)
        return self.estimator._attributes.by_attribute(self.probabilities)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable classes of the held-out rows, X."""
        self._check(X)
        return self.estimator._attributes.most_probable(self.probabilities)

    def _check(self, X: Any) -> None:
        """Raise unless X can be the held-out rows."""
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


def select(values: Any, rows: np.ndarray) -> Any:
    """Return some rows of what the user gave, or itself if that is all of them; None stays None.

    Examples
    --------
    >>> select(["a.jpg", "b.jpg"], np.array([1]))
    ['b.jpg']
    """
    if values is None or len(rows) == _num_samples(values):
        return values
    return _safe_indexing(values, rows)


@contextmanager
def about(name: str) -> Iterator[None]:
    """Say in an error which of two tables it is about.

    Examples
    --------
    >>> with about("y_val"):
    ...     raise ValueError("y must have one row per picture.")
    Traceback (most recent call last):
    ValueError: In y_val: y must have one row per picture.
    """
    try:
        yield
    except ImageError as error:
        text = f"In {name}: {error}"
        raise ImageError(text, error.row, error.image, error.reason) from error
    except (ValueError, TypeError, OSError) as error:
        raise type(error)(f"In {name}: {error}") from error
