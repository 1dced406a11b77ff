"""How an estimator learns: it loads rows, holds some out, and trains a network epoch by epoch."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, nullcontext
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any
from warnings import warn

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.callback import CallbackContext

from attrlearn.data.augment import Augment
from attrlearn.data.inputs import (
    Inputs,
    check_inputs,
    encode_categories,
    known_categories,
    warn_of_unknown,
)
from attrlearn.data.pairing import check_paired
from attrlearn.data.targets import (
    MISSING,
    Attributes,
    applicable_attributes,
    check_table,
    target_columns,
)
from attrlearn.data.weights import check_sample_weight
from attrlearn.held_out import HeldOut, about, get_scorer, select
from attrlearn.model_selection import AttributeShuffleSplit
from attrlearn.nn.backbones import Backbone, build_backbone
from attrlearn.nn.losses import LOSSES
from attrlearn.nn.network import AttributeNetwork
from attrlearn.predictor import Predictor
from attrlearn.training.early_stopping import BestEpoch
from attrlearn.training.examples import Examples
from attrlearn.training.loop import Epoch, split, train
from attrlearn.training.memory import keep_freed_memory
from attrlearn.training.precision import autocast, resolve_device, resolve_dtype
from attrlearn.training.schedule import build_optimizer, build_schedule
from attrlearn.training.sources import FeatureSource, open_source

__all__ = ["Learner"]

HEAD_PARAMETERS = ("attention", "category_dim", "hidden_dim", "norm", "dropout")
NETWORK_PARAMETERS = ("backbone", "weights", "trainable", "image_size", *HEAD_PARAMETERS)


@dataclass(frozen=True)
class Labelled:
    """Rows as the user gave them, checked.

    Attributes
    ----------
    inputs : Inputs
    table : DataFrame of shape (N, A)
        As from `check_table`.
    weights : ndarray of shape (N, A)
        As from `check_sample_weight`.
    """

    inputs: Inputs
    table: pd.DataFrame
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)


class Learner(Predictor):
    """The steps of `AttributeClassifier.fit`."""

    def _last_network(self, inputs: Inputs, attributes: Attributes) -> AttributeNetwork | None:
        """The network of the last fit, with `warm_start`; copied, as a fit may fail."""
        if not (self.warm_start and hasattr(self, "network_")):
            return None
        self._check_same(inputs, attributes)
        return deepcopy(self.network_)

    def _build_backbone(self) -> Backbone | None:
        """A new backbone; None if X holds features."""
        if self.backbone is None:
            return None
        return build_backbone(self.backbone, self.weights, self.trainable, self.image_size)

    def _build_network(
        self, backbone: Backbone | None, inputs: Inputs, attributes: Attributes, n_categories: int
    ) -> AttributeNetwork:
        """A new network on a backbone, or on the features that X holds."""
        if backbone is not None:
            n_features = backbone.n_features
        else:
            assert inputs.features is not None
            n_features = inputs.features.shape[1]
        return AttributeNetwork(
            backbone,
            n_features,
            attributes.n_classes,
            attributes.is_binary,
            n_categories,
            {name: getattr(self, name) for name in HEAD_PARAMETERS},
        ).float()

    def _check_same(self, inputs: Inputs, attributes: Attributes) -> None:
        """Raise unless the last fit had this network and these attributes; warn of categories."""
        changed = [n for n, v in self._network_parameters.items() if getattr(self, n) != v]
        if changed:
            raise ValueError(
                f"{changed} must be those of the last fit with warm_start=True. Got "
                f"{[getattr(self, n) for n in changed]}. Set warm_start=False to start anew."
            )
        before, now = (
            [(n, list(c), b) for n, c, b in zip(a.names, a.classes, a.is_binary, strict=True)]
            for a in (self._attributes, attributes)
        )
        if before != now:
            raise ValueError(
                f"y must have the attributes and classes of the last fit with warm_start=True. "
                f"Got {now}. The last fit had {before}. Set warm_start=False to start anew."
            )
        self._see_features(inputs, reset=False)
        warn_of_unknown(inputs.categories, self.categories_, len(inputs))

    def _check_batches(self, n_rows: int) -> None:
        """Raise if batch-norm in the hidden layer would see single rows."""
        if (
            self.hidden_dim is not None
            and self.norm == "batch"
            and min(n_rows, self.batch_size) < 2
        ):
            raise ValueError(
                f"norm='batch' must have batches of two rows or more. Got {n_rows} rows and "
                f"batch_size={self.batch_size}. Pass norm='layer'."
            )

    def _check_held_out(
        self, X_val: Any, y_val: Any, inputs: Inputs, attributes: Attributes
    ) -> Labelled | None:
        """The rows that the user holds out, if any; raise unless the scoring knows what to do."""
        if self.early_stopping and self.scoring != "loss":
            get_scorer(self.scoring)
        if (X_val is None) != (y_val is None):
            got = "X_val" if y_val is None else "y_val"
            raise ValueError(f"X_val and y_val must be given together. Got {got} alone. Pass both.")
        if X_val is None:
            return None
        if not self.early_stopping:
            raise ValueError(
                "X_val and y_val must come with early_stopping=True. Got early_stopping=False. "
                "Set it, or leave them out."
            )
        check_paired({"X_val": X_val, "y_val": y_val})
        with about("X_val, y_val"):
            held_out = check_inputs(X_val, features=self.backbone is None)
            seen = clone(self)._see_features(inputs, reset=True)
            seen._see_features(held_out, reset=False)
            table = attributes.check_known(check_table(y_val, len(held_out), attributes.names))
        warn_of_unknown(held_out.categories, known_categories(inputs.categories), len(held_out))
        return Labelled(held_out, table, check_sample_weight(None, table))

    def _load(
        self,
        backbone: Backbone | None,
        device: torch.device,
        attributes: Attributes,
        seen: np.ndarray,
        labelled: Labelled,
        policy: Augment,
    ) -> tuple[np.ndarray, Examples, pd.DataFrame]:
        """Rows that can be read, what they teach, and a table of those that cannot be read."""
        if callable(policy) and backbone and backbone.is_frozen:
            warn(
                "A callable augment runs the frozen backbone again in each of the "
                f"{self.max_epochs} epochs. augment='flip' runs it twice in all.",
                UserWarning,
                stacklevel=4,
            )
        reader = self._open_reader(labelled.inputs, backbone, self.resize, self.on_bad_image)
        extractor = self._extractor(backbone.to(device), keep=True) if backbone else None
        rows, source = open_source(reader, backbone, policy, extractor, self.verbose)
        targets = target_columns(labelled.table, attributes)[rows]
        categories = encode_categories(labelled.inputs.categories, seen, len(labelled))[rows]
        weights = np.where(targets == MISSING, 0, labelled.weights[rows])
        examples = Examples(
            source,
            torch.from_numpy(targets).to(device),
            torch.from_numpy(categories).to(device),
            torch.from_numpy(weights).float().to(device),
        )
        return rows, examples, reader.report_bad()

    def _load_held_out(
        self,
        load: Callable[..., tuple[np.ndarray, Examples, pd.DataFrame]],
        labelled: Labelled,
        weight: list[np.ndarray],
        X_val: Any,
        y_val: Any,
    ) -> HeldOut:
        """The rows that the user holds out, those that can be read."""
        with about("X_val"):
            rows, examples, _ = load(labelled, None)
        if isinstance(y_val, pd.DataFrame):
            y_val = y_val[list(labelled.table)]  # scorers compare by position
        return HeldOut(select(X_val, rows), select(y_val, rows), None, examples.weigh(weight))

    def _split(
        self, labelled: Labelled, rows: np.ndarray, generator: torch.Generator
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Positions among the rows to learn from and to hold out, and the seed of this split."""
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        if self.warm_start and hasattr(self, "_split_seed"):
            seed = self._split_seed  # lest the network has learnt from what judges it
        if len(rows) - ceil(self.validation_fraction * len(rows)) < 1:
            raise ValueError(
                "validation_fraction must leave rows to learn from. Got "
                f"{self.validation_fraction} of {len(rows)} rows. Lower it, or pass X_val and "
                "y_val."
            )
        counted = labelled.table.mask(labelled.weights == 0).iloc[rows]
        splitter = AttributeShuffleSplit(1, test_size=self.validation_fraction, random_state=seed)
        ((learnt, out),) = splitter.split(counted, counted)
        return learnt, out, seed

    def _learn(
        self,
        network: AttributeNetwork,
        examples: Examples,
        held_out: HeldOut | None,
        generator: torch.Generator,
        callbacks: CallbackContext,
        told: dict[str, Any],
        fitted: dict[str, Any],
    ) -> dict[str, Any]:
        """Train the network in place; the attributes of the fitted estimator, all of them."""
        best = BestEpoch(network, self.n_iter_no_change)
        epochs: list[Epoch] = []
        state = partial(self._state, fitted, epochs, best)
        with (
            keep_freed_memory() if self._runs_backbone(examples) else nullcontext(),
            closing(self._train(network, examples, generator)) as training,
        ):
            for _ in range(self.max_epochs):
                task = callbacks.subcontext(task_name="epoch").call_on_fit_task_begin(**told)
                epochs.append(next(training))
                stop = held_out is not None and best.update(self._score(network, held_out, state))
                asked = task.call_on_fit_task_end(
                    **told, reconstruction_attributes=lambda: state(network.snapshot())
                )
                if stop or asked:
                    break
        if held_out is not None:
            best.restore()
        return state(network)

    def _train(
        self, network: AttributeNetwork, examples: Examples, generator: torch.Generator
    ) -> Generator[Epoch, None, None]:
        """Train the network in place, an epoch at a time."""
        steps = split(torch.arange(len(examples)), self.batch_size * self.accumulate_steps)
        optimizer = build_optimizer(
            self.optimizer, network.parameters(), self.learning_rate, self.weight_decay
        )
        return train(
            network,
            examples,
            loss=LOSSES[self.loss],
            optimizer=optimizer,
            schedule=build_schedule(self.schedule, optimizer, self.max_epochs * len(steps)),
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            accumulate_steps=self.accumulate_steps,
            generator=generator,
            context=self._context(examples),
            verbose=self.verbose,
        )

    @staticmethod
    def _runs_backbone(examples: Examples) -> bool:
        """Whether training runs more than the heads."""
        source = examples.source
        return not (isinstance(source, FeatureSource) and source.views.ndim == 3)

    def _context(self, examples: Examples) -> AbstractContextManager:
        """Mixed precision where the backbone runs; the heads alone gain nothing by it."""
        if not self._runs_backbone(examples):
            return nullcontext()
        device = resolve_device(self.device)
        return autocast(device, resolve_dtype(self.dtype, device))

    def _score(
        self,
        network: AttributeNetwork,
        held_out: HeldOut,
        state: Callable[[AttributeNetwork], dict[str, Any]],
    ) -> float:
        """How good the network is on the held-out rows, the higher the better."""

        def fitted() -> Learner:
            estimator = copy(self)
            estimator._become(state(network))
            return estimator

        context = self._context(held_out.examples)
        loss = LOSSES[self.loss]
        return held_out.score(self.scoring, loss, network, fitted, self.batch_size, context)

    def _describe(
        self,
        inputs: Inputs,
        attributes: Attributes,
        seen: np.ndarray,
        weight: list[np.ndarray],
        examples: Examples,
    ) -> dict[str, Any]:
        """The fitted attributes that do not come from training."""
        names, classes = attributes.names, attributes.classes
        applicable = applicable_attributes(
            examples.targets.cpu().numpy(), examples.categories.cpu().numpy(), len(seen)
        )
        described = {
            "attribute_names_": names,
            "n_attributes_": len(names),
            "classes_": np.arange(len(names)) if all(attributes.is_binary) else classes,
            "class_weight_": {
                name: dict(zip(values.tolist(), by_class.tolist(), strict=True))
                for name, values, by_class in zip(names, classes, weight, strict=True)
            },
            "applicable_": pd.DataFrame(applicable, seen, names),
            "_resize": self.resize,
            "_attributes": attributes,
            "_network_parameters": {name: getattr(self, name) for name in NETWORK_PARAMETERS},
        }
        other = clone(self)._see_features(inputs, reset=True)
        names = {"n_features_in_", "feature_names_in_"} & vars(other).keys()
        return described | {name: getattr(other, name) for name in names}

    def _state(
        self,
        described: dict[str, Any],
        epochs: list[Epoch],
        best: BestEpoch,
        network: AttributeNetwork,
    ) -> dict[str, Any]:
        """All fitted attributes after some epochs; `warm_start` adds to those of the last fit."""
        losses = np.array([loss for epoch in epochs for loss in epoch.losses])
        rows = [vars(epoch) | {"losses": epoch.loss} for epoch in epochs]
        history = pd.DataFrame(rows).rename(columns={"losses": "loss"})
        if best.scores:
            # A scorer is asked before that of its own epoch is known.
            history["validation_score"] = pd.Series(best.scores)
        before = 0
        if self.warm_start and hasattr(self, "network_"):
            before = self.n_epochs_
            losses = np.concatenate([self.loss_curve_, losses])
            history = pd.concat([self.history_, history])
        scores = history.get("validation_score", pd.Series(dtype=float))
        return described | {
            "network_": network,
            "loss_curve_": losses,
            "validation_scores_": scores.to_numpy(),
            "history_": history.set_axis(pd.RangeIndex(1, len(history) + 1, name="epoch")),
            "n_epochs_": len(history),
            "best_epoch_": before + (best.epoch or len(epochs)),
        }

    def _become(self, fitted: dict[str, Any]) -> None:
        """Set the attributes of the fitted estimator, and none of an earlier fit."""
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        self.__dict__.update(fitted)
