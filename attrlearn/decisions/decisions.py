"""What a fitted model makes of its network's probabilities, and classes by thresholds."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.targets import MISSING
from attrlearn.decisions.calibration import Calibration, fit_calibration
from attrlearn.decisions.category_factors import weigh_classes
from attrlearn.decisions.thresholds import Rule, check_rule, is_tuned, tune_threshold
from attrlearn.exceptions import AttributeWarning, warn

__all__ = ["Decisions", "threshold_rules"]

DEFAULT = 0.5


def threshold_rules(thresholds: Any, attributes: Attributes) -> dict[Any, Rule]:
    """Return the rule of each binary attribute, as the classifier's `thresholds` names them.

    Raises
    ------
    ValueError
        If a dict names something else than a binary attribute, or a rule is none.

    Examples
    --------
    >>> attributes = Attributes(["hood", "zip"], [np.array([0, 1])] * 2, [True, True])
    >>> threshold_rules({"zip": "f1"}, attributes)
    {'hood': 0.5, 'zip': 'f1'}
    """
    pairs = zip(attributes.names, attributes.is_binary, strict=True)
    binary = [name for name, is_binary in pairs if is_binary]
    if not isinstance(thresholds, dict):
        return dict.fromkeys(binary, check_rule(thresholds))
    for name in thresholds:
        if name not in binary:
            raise ValueError(
                f"thresholds must name binary attributes. Got {name!r}. They are {binary}."
            )
    return {name: check_rule(thresholds.get(name, DEFAULT), name) for name in binary}


@dataclass(frozen=True)
class Decisions:
    """Calibration, thresholds and what a category rules out, of the attributes.

    Parameters
    ----------
    attributes : Attributes
    thresholds : dict
        Of each binary attribute, above which it is there; NaN for one that abstains.
    calibration : Calibration or None
    category_factors : dict, default={}
        As from `attrlearn.decisions.category_factors.category_factors`.

    Examples
    --------
    >>> attributes = Attributes(["hood"], [np.array([0, 1])], [True])
    >>> Decisions(attributes, {"hood": 0.3}, None).predict(np.array([[0.6, 0.4], [0.8, 0.2]]))
    array([[1],
           [0]])
    """

    attributes: Attributes
    thresholds: dict[Any, float]
    calibration: Calibration | None
    category_factors: dict[Any, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def untuned(
        cls,
        attributes: Attributes,
        rules: dict[Any, Rule],
        calibration: Calibration | None,
        category_factors: dict[Any, pd.DataFrame],
    ) -> Self:
        """Return the decisions before any labelled cell is seen: 0.5 where a rule needs some."""
        thresholds = {
            name: DEFAULT if is_tuned(rule) else float(rule)  # type: ignore[arg-type]
            for name, rule in rules.items()
        }
        return cls(attributes, thresholds, calibration, category_factors)

    def apply(self, probabilities: np.ndarray, categories: np.ndarray) -> np.ndarray:
        """Return what the model says (N, C) where its network says `probabilities` (N, C).

        `categories` (N,) are as from `attrlearn.checks.inputs.encode_categories`.
        """
        rates = self.calibrate(probabilities)
        return weigh_classes(rates, self.attributes, self.category_factors, categories)

    def calibrate(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the rates (N, C) of a network's probabilities (N, C)."""
        if self.calibration is None:
            return probabilities
        return self.calibration.apply(probabilities, self.attributes)

    def fit_calibration(
        self, probabilities: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray
    ) -> Self:
        """Return the decisions with temperature and bias from labelled cells."""
        assert self.calibration is not None
        arguments = probabilities, targets, sample_weight, self.attributes, self.calibration
        return replace(self, calibration=fit_calibration(*arguments))

    def tune_thresholds(
        self,
        rules: dict[Any, Rule],
        probabilities: np.ndarray,
        targets: np.ndarray,
        sample_weight: np.ndarray,
        *,
        abstain: bool,
    ) -> Self:
        """Return the decisions with thresholds that the rules choose on labelled cells.

        Parameters
        ----------
        rules : dict
            As from `threshold_rules`.
        probabilities : ndarray of shape (N, C)
            Calibrated, of rows that were not learnt from.
        targets : ndarray of shape (N, A), int
            Column of each cell's class among all C, -1 where missing.
        sample_weight : ndarray of shape (N, A)
        abstain : bool
            Whether an attribute without a threshold abstains, rather than keeps 0.5.
        """
        thresholds, untuned = {}, []
        for name, rule in rules.items():
            a = self.attributes.names.index(name)
            cells = (targets[:, a] != MISSING) & (sample_weight[:, a] > 0)
            positive = self.attributes.starts[a] + 1
            y = (targets[cells, a] == positive).astype(np.int64)
            tuned = tune_threshold(y, probabilities[cells, positive], rule, sample_weight[cells, a])
            thresholds[name] = tuned.threshold
            if np.isnan(tuned.threshold):
                thresholds[name] = np.nan if abstain else DEFAULT
                untuned.append(f"{name!r} ({tuned.reason})")
        if untuned:
            what = "abstain" if abstain else f"keep {DEFAULT}"
            warn(
                f"No threshold could be tuned for {len(untuned)} attributes, which {what}: "
                f"{', '.join(untuned)}. Label more cells, or pass a threshold for them.",
                AttributeWarning,
            )
        return replace(self, thresholds=thresholds)

    def predict(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the classes (N, A): int if all attributes are binary, else object.

        A binary attribute is there where its probability is above its threshold, 0.5 if it
        abstains; a categorical one has its most probable class.
        """
        classes = self.attributes.most_probable(probabilities)
        for name, threshold in self.thresholds.items():
            a = self.attributes.names.index(name)
            above = probabilities[:, self.attributes.starts[a] + 1] > np.nan_to_num(
                threshold, nan=DEFAULT
            )
            classes[:, a] = self.attributes.classes[a][above.astype(int)]
        return classes

    def confidence(self, probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return the probability (N, A) of the predicted classes (N, A)."""
        out = np.empty(classes.shape, dtype=probabilities.dtype)
        for a, p in enumerate(self.attributes.split(probabilities)):
            column = pd.Index(self.attributes.classes[a]).get_indexer(classes[:, a])
            out[:, a] = p[np.arange(len(p)), column]
        return out

    def calibration_table(self) -> pd.DataFrame | None:
        """Return temperature and bias of each class, indexed by attribute and class."""
        if self.calibration is None:
            return None
        names, classes = self.attributes.names, self.attributes.classes
        index = [(n, c) for n, known in zip(names, classes, strict=True) for c in known.tolist()]
        return pd.DataFrame(
            {
                "temperature": np.repeat(self.calibration.temperature, self.attributes.n_classes),
                "bias": self.calibration.bias,
            },
            pd.MultiIndex.from_tuples(index, names=["attribute", "class"]),
        )

    @property
    def abstains(self) -> np.ndarray:
        """(A,) whether an attribute has no threshold and predicts nothing."""
        missing = [self.thresholds.get(name, DEFAULT) for name in self.attributes.names]
        return np.isnan(missing)
