"""How good an epoch is on held-out rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from attrlearn.metrics import SCORERS
from attrlearn.training.examples import Examples

__all__ = ["HeldOut", "HeldOutPredictor", "get_scorer"]


@dataclass(frozen=True)
class HeldOut:
    """Rows that are not learnt from.

    Attributes
    ----------
    X, y
        As the user gave them.
    examples : Examples
        The same rows for the network.
    """

    X: Any
    y: Any
    examples: Examples


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

    def __getattr__(self, name: str) -> Any:
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
