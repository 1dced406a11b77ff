"""Candidates of a search, and how those of one form are trained side by side."""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from numbers import Integral
from time import perf_counter
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from torch import Tensor

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.inputs import Inputs, check_inputs, encode_categories, warn_of_unlearnt
from attrlearn.checks.weights import class_weights
from attrlearn.classifier import AttributeClassifier
from attrlearn.decisions.decisions import threshold_rules
from attrlearn.features.extractor import ROWS_AT_ONCE
from attrlearn.images.reader import no_bad_images
from attrlearn.nn.backbones import Backbone
from attrlearn.nn.device import resolve_device, send
from attrlearn.nn.losses import build_loss
from attrlearn.training.examples import LoadedRows
from attrlearn.training.seeds import recording_gradients, seeded
from attrlearn.training.session import Session
from attrlearn.training.sources import Source, open_source
from attrlearn.training.together import Regimen, fit_together

__all__ = ["Candidate", "Estimators", "train_side_by_side"]

T = TypeVar("T")

# Candidates that differ in these alone learn from the same rows, in networks of one form.
OWN_PACE = (
    "optimizer",
    "learning_rate",
    "weight_decay",
    "schedule",
    "class_weight",
    "dropout",
)
DECISIONS = ("calibrate", "thresholds", "on_untuned")
# What decides how images become features.
FEATURES = (
    "backbone",
    "weights",
    "features",
    "augment",
    "augment_views",
    "image_size",
    "resize",
    "cache_dir",
    "device",
    "dtype",
    "engine",
)


class Candidate(AttributeClassifier):
    """A candidate that has learnt from the training rows of a fold: its `fit` does nothing more.

    Attributes
    ----------
    seconds : float
        Its share of the training.
    """

    seconds: float = 0.0
    _error: Exception | None = None
    _answer: tuple[Inputs, np.ndarray]

    @classmethod
    def of(cls, estimator: AttributeClassifier, parameters: dict[str, Any]) -> Self:
        """A clone of an estimator with these parameters."""
        candidate = object.__new__(cls)
        candidate.__dict__.update(
            vars(clone(estimator).set_params(**clone(parameters, safe=False)))
        )
        return candidate

    def fit(self, X: Any, y: Any, categories: Any = None, **others: Any) -> Self:
        """Raise what went wrong in training, if anything did."""
        if self._error is not None:
            raise self._error
        return self

    @property
    def _draws_weights(self) -> bool:
        """Whether its backbone begins with random weights."""
        return self.backbone is not None and self.weights is None

    def learns_beside_others(self) -> bool:
        """Whether its parameters are such that its network can be one of several."""
        from_features = self.backbone is None
        frozen = from_features or self.trainable == "head"
        kept = from_features or not callable(self.augment) or self.augment_views is not None
        known_weights = not self._draws_weights or isinstance(self.random_state, Integral)
        one_by_one = (
            self.early_stopping
            or self.clip_grad_norm is not None
            or self.ema_decay is not None
            or self.time_limit is not None
            or self.checkpoint_dir is not None
            or self.accumulate_steps != 1
            or callable(self.loss)
            or callable(self.optimizer)
            or (self.norm == "batch" and any(self._widths(fixed=True)))
        )
        return frozen and kept and known_weights and not one_by_one

    def features_key(self) -> str:
        """Text that is the same for candidates with the same features."""
        names = FEATURES if self.backbone is not None else ("backbone",)
        drawn = [self.random_state] if self._draws_weights else []
        return repr([getattr(self, name) for name in names] + drawn)

    def form_key(self) -> str:
        """Text that is the same for candidates that can learn side by side."""
        free = (*OWN_PACE, *DECISIONS)
        form = sorted((n, v) for n, v in self.get_params().items() if n not in free)
        return repr([*form, self.dropout != 0])  # what drops nothing draws nothing

    def pace_key(self) -> str:
        """Text that is the same for candidates that learn the same."""
        return repr([getattr(self, name) for name in OWN_PACE])

    def open_features(self, X: Any) -> "SharedFeatures":
        """The features of all rows."""
        self._validate_params()
        device = resolve_device(self.device)
        inputs = check_inputs(X, features=self.backbone is None)
        with recording_gradients(), seeded(self.random_state, device):
            backbone = self._build_backbone()
            state = torch.get_rng_state()
            pipeline = self._pipeline(device, self.resize)
            reader = pipeline.open_reader(inputs, backbone, "raise")
            extractor = pipeline.extractor(backbone, as_built=True) if backbone else None
            views = self.augment, self.augment_views
            _, source = open_source(reader, extractor, *views, self.verbose)
        return SharedFeatures(backbone, source, state if self._draws_weights else None)

    def learn(
        self,
        others: "list[Candidate]",
        X: Any,
        y: Any,
        train: np.ndarray,
        features: "SharedFeatures",
    ) -> None:
        """Train the networks of candidates with the form of this one, as `fit` does on the rows."""
        device = resolve_device(self.device)
        passed = _safe_indexing(X, train), _safe_indexing(y, train)
        inputs, rows, attributes = self._check_rows(*passed, None, None)
        loaded = LoadedRows(rows, features.source.take(train))
        self._check_batches(len(loaded), fixed=True)
        weighed = {}
        for c in others:
            weights = class_weights(rows.count(attributes), attributes, c.class_weight)
            weighed[c.pace_key()] = loaded.weigh(weights)

        def known(c: Candidate) -> tuple[Any, ...]:
            """A class weight of 0 can leave a category unknown."""
            return tuple(weighed[c.pace_key()].rows.learnt_categories())

        for candidates in _grouped(others, known):
            self._learn(candidates, inputs, weighed, attributes, features, device)

    def _learn(
        self,
        candidates: "list[Candidate]",
        inputs: Inputs,
        weighed: dict[str, LoadedRows],
        attributes: Attributes,
        features: "SharedFeatures",
        device: torch.device,
    ) -> None:
        """The same of those that know the same categories; rows by pace, their classes weighed."""
        started = perf_counter()
        by_pace = _grouped(candidates, Candidate.pace_key)
        rows = [weighed[alike[0].pace_key()] for alike in by_pace]
        known = rows[0].rows.learnt_categories()
        warn_of_unlearnt(inputs.categories, known)
        with recording_gradients(), seeded(self.random_state, device) as generator:
            if features.random_state is not None:
                torch.set_rng_state(features.random_state)
            network = self._build_network(
                features.backbone, inputs, attributes, len(known), rows[0]
            )
            examples = [loaded.examples(known, device) for loaded in rows]
            results = fit_together(
                network,
                examples[0],
                [
                    alike[0]._regimen(network.n_features, of_pace.weights)
                    for alike, of_pace in zip(by_pace, examples, strict=True)
                ],
                loss=build_loss(self.loss, attributes, self.focal_gamma, self.label_smoothing),
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                generator=generator,
            )
            state = torch.get_rng_state(), generator.get_state()
            seconds = (perf_counter() - started) / len(candidates)
            for alike, loaded, learnt in zip(by_pace, rows, results, strict=True):
                judged = None  # the same network, and so the same other folds
                for c in alike:
                    begun = perf_counter()
                    if isinstance(learnt, ValueError):
                        c._error = learnt
                        continue
                    network, history = learnt
                    rules = threshold_rules(c.thresholds, attributes)
                    applicable = loaded.rows.applicable(attributes.names)
                    fitted = c._describe(loaded, inputs, attributes, rules, known, applicable)
                    if c._tunes(rules):
                        if judged is None:
                            torch.set_rng_state(state[0])
                            generator.set_state(state[1])
                            judged = c._judge(
                                network, loaded, None, fitted, generator, Session(), len(history)
                            )
                        decisions = c._tune(fitted.decisions, rules, *judged)
                        fitted = replace(fitted, decisions=decisions)
                    c._become(fitted, network, history)
                    c.seconds = seconds + perf_counter() - begun

    def _regimen(self, n_features: int, weights: Tensor) -> Regimen:
        """How its network learns; weights (N, A) of the cells."""
        return Regimen(
            str(self.optimizer),
            self.learning_rate,
            self.weight_decay,
            self.schedule,
            self._head_options(n_features, fixed=True)["dropout"],
            weights,
        )

    def answer_for(self, inputs: Inputs, rows: np.ndarray, features: "SharedFeatures") -> None:
        """Predict some rows, those of the inputs, for a scorer that will ask for them."""
        if self._error is not None:
            return
        device = resolve_device(self.device)
        network = self.network_.to(device)
        codes = encode_categories(inputs.categories, self.categories_, len(inputs))
        size = self.batch_size if self.backbone is None else ROWS_AT_ONCE  # as in prediction
        parts = torch.arange(len(rows)).split(int(size))
        batches = features.source.unchanged().take(rows).batches(list(parts), torch.Generator())
        probabilities = [
            network.probabilities(send(batch, device), torch.from_numpy(codes[part]).to(device))
            for part, batch in zip(parts, batches, strict=True)
        ]
        self._answer = inputs, torch.cat(probabilities).cpu().numpy()

    def _run_network(
        self, inputs: Inputs, codes: np.ndarray, on_bad_image: str
    ) -> tuple[np.ndarray, pd.DataFrame]:
        """Probabilities of the rows that it has predicted already, or of others."""
        predicted, probabilities = self._answer
        if inputs.holds_the_same_as(predicted):
            return probabilities.copy(), no_bad_images()
        return super()._run_network(inputs, codes, on_bad_image)


@dataclass(frozen=True)
class SharedFeatures:
    """Features of all rows, which candidates share.

    Attributes
    ----------
    backbone : Backbone or None
    source : Source
    random_state : Tensor or None
        State of torch's generator after a backbone with random weights was built.
    """

    backbone: Backbone | None
    source: Source
    random_state: Tensor | None


class Estimators(AttributeClassifier):
    """Candidates in the order in which scikit-learn's search clones its estimator."""

    _estimator: AttributeClassifier
    _queue: "deque[Candidate | None]"
    _asked = False

    @classmethod
    def of(
        cls, estimator: AttributeClassifier, candidates: "deque[Candidate | None]"
    ) -> "Estimators":
        """Return what gives these, for None a clone of the estimator, and such clones at last."""
        estimators = object.__new__(cls)
        estimators.__dict__.update(vars(estimator), _estimator=estimator, _queue=candidates)
        return estimators

    def __sklearn_clone__(self) -> Any:
        if not self._asked:  # the search clones what it is given, and then clones that
            asked = copy(self)
            asked._asked = True
            return asked
        candidate = self._queue.popleft() if self._queue else None
        return clone(self._estimator) if candidate is None else candidate


def train_side_by_side(
    estimator: Any,
    parameters: list[dict[str, Any]],
    splits: list[tuple[np.ndarray, np.ndarray]],
    X: Any,
    y: Any,
) -> dict[tuple[int, int], Candidate]:
    """Candidates that have learnt, by their number and that of the fold, as far as they can."""
    if type(estimator) is not AttributeClassifier or getattr(estimator, "_skl_callbacks", None):
        return {}
    trained: dict[tuple[int, int], Candidate] = {}
    able = []
    for number, values in enumerate(parameters):
        # Whoever fits it will say what is wrong with it.
        with suppress(Exception):
            candidate = Candidate.of(estimator, values)
            candidate._validate_params()
            if candidate.learns_beside_others():
                able.append((number, candidate))
    for numbered in _grouped(able, lambda pair: pair[1].features_key()):
        with suppress(Exception):
            features = numbered[0][1].open_features(X)
            for fold, (train, test) in enumerate(splits):
                of_fold = {number: copy(candidate) for number, candidate in numbered}
                _train_fold(list(of_fold.values()), X, y, train, test, features)
                trained |= {(number, fold): candidate for number, candidate in of_fold.items()}
    return trained


def _train_fold(
    candidates: list[Candidate],
    X: Any,
    y: Any,
    train: np.ndarray,
    test: np.ndarray,
    features: SharedFeatures,
) -> None:
    """Train all candidates on a fold, those of one form at once."""
    for alike in _grouped(candidates, Candidate.form_key):
        alike[0].learn(alike, X, y, train, features)
    inputs = check_inputs(_safe_indexing(X, test), features=features.backbone is None)
    for candidate in candidates:
        candidate.answer_for(inputs, test, features)


def _grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """The things with equal keys together, in the order in which they come."""
    groups = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return list(groups.values())
