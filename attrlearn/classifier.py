"""The estimator: the door between numpy and pandas outside and torch inside."""

from collections.abc import Callable
from copy import deepcopy
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Self
from warnings import warn

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

import attrlearn
from attrlearn.data.batches import FeatureReader, PictureReader, consecutive, open_reader
from attrlearn.data.inputs import (
    Inputs,
    check_inputs,
    encode_categories,
    is_single,
    known_categories,
    warn_of_unknown,
)
from attrlearn.data.targets import (
    MISSING,
    Attributes,
    applicable_attributes,
    check_attributes,
    check_table,
    encode_targets,
)
from attrlearn.data.weights import class_weights
from attrlearn.metrics import balanced_accuracy_score
from attrlearn.nn.backbones import build_backbone
from attrlearn.nn.network import AttributeNetwork
from attrlearn.training.loop import History, split, train
from attrlearn.training.precision import autocast, resolve_device
from attrlearn.training.schedule import build_optimizer, build_schedule
from attrlearn.training.seeds import seeded
from attrlearn.training.sources import FeatureSource, Source, open_source

__all__ = ["AttributeClassifier"]

HEAD_PARAMETERS = ("attention", "category_dim", "hidden_dim", "norm", "dropout")
NETWORK_PARAMETERS = ("backbone", "weights", "trainable", "image_size", *HEAD_PARAMETERS)


class AttributeClassifier(ClassifierMixin, BaseEstimator):
    """Learn the attributes of pictures from a table with gaps.

    A pretrained backbone turns each picture into features; attention, an embedding of the
    picture's category and one linear head per attribute turn those into class probabilities. The
    loss is the cross-entropy over the labelled cells alone.

    Parameters
    ----------
    backbone : str or None, default="resnet18"
        A classification model of torchvision, by its name in
        ``torchvision.models.list_models(module=torchvision.models)``. None: X holds features.
    weights : "DEFAULT", path or None, default="DEFAULT"
        The pretrained weights of torchvision (downloaded once), a file with a state dict in
        torchvision's layout (``.pth``, read with ``weights_only=True``, or ``.safetensors``), or
        random weights. The classifier in the file is ignored, anything else must match.
    trainable : {"head", "last_block", "all"}, default="head"
        What `fit` changes beside attention, embedding and heads. "head": nothing, and the backbone
        runs once per picture. "last_block": the part of the backbone after the last change of
        spatial size (of a vision transformer the last two encoder blocks). "all": all of it.
    attention : bool, default=False
        Whether to weigh each feature by what the others say.
    category_dim : int, default=50
        Width of the category embedding.
    hidden_dim : int or None, default=None
        Width of a hidden layer that all attributes share. None: the heads are linear.
    norm : {"layer", "batch"} or None, default="layer"
        Normalisation in the hidden layer. "batch" needs batches of two rows or more.
    dropout : float, default=0.5
        Share in [0, 1) of the inputs of the heads that is dropped at random in training.
    loss : {"bce"}, default="bce"
        Binary cross-entropy; for a categorical attribute the cross-entropy of its classes.
    class_weight : "balanced", dict or None, default="balanced"
        "balanced" weighs a class n / (k · count), from the n labelled cells and k observed classes
        of its attribute. A dict is ``{attribute: {class: weight}}``; what it does not name has
        weight 1.
    categorical_attributes : "from_dtype" or list of names or positions, default="from_dtype"
        Attributes that are categorical although they hold numbers.
    optimizer : {"adamw", "adam", "sgd"}, default="adamw"
        "sgd" uses Nesterov momentum of 0.9.
    learning_rate : float, default=1e-3
        The highest of the schedule.
    weight_decay : float, default=1e-2
    schedule : {"constant", "cosine", "onecycle"}, default="cosine"
        Course of the learning rate, per optimiser step.
    max_epochs : int, default=20
    batch_size : int, default=32
        Pictures that the network sees at once, in `fit` and in prediction.
    accumulate_steps : int, default=1
        Batches per optimiser step. The gradient is that of one batch of
        ``batch_size * accumulate_steps`` rows, whatever their gaps.
    augment : "flip", callable or None, default="flip"
        "flip" mirrors training pictures left to right at random. A callable maps a uint8 tensor
        (3, H, W) to another; it runs in each epoch, and so does the backbone, even a frozen one.
    image_size : int, default=224
        Height and width of the pictures, in pixels.
    resize : {"squash", "pad", "crop"}, default="squash"
        "squash" ignores the aspect ratio, "pad" fits the picture in on white, "crop" cuts the
        centre out.
    on_bad_image : {"raise", "drop"}, default="raise"
        What becomes of pictures that cannot be read. "drop": `fit` leaves the rows out and lists
        them in `bad_images_`; `predict_proba` gives NaN, `predict_table` NA; `score` leaves them
        out; `predict` raises.
    device : str, default="auto"
        "auto": CUDA, else MPS, else the CPU. Or a device of torch.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Of the computation; "auto" is float32.
    n_jobs : int or None, default=None
        Threads that decode pictures; None: as many as torch computes with, -1: all cores.
    random_state : int, RandomState or None, default=None
        An int gives the same network each time on the same machine (on a GPU up to rounding). No
        global generator changes.
    warm_start : bool, default=False
        Whether a further `fit` goes on from the fitted network, with the same attributes and the
        same parameters of the network.
    verbose : int, default=0
        1: progress, loss and time left on standard error.

    Attributes
    ----------
    classes_ : ndarray of shape (A,), or list of A arrays
        ``arange(A)`` if all attributes are binary, else the classes of each attribute.
    attribute_names_ : list
    n_attributes_ : int
        A.
    categories_ : ndarray of object
        The categories seen in `fit`, sorted.
    applicable_ : DataFrame of bool, (categories, attributes)
        False where at least 20 rows of the category were seen and no cell was labelled.
    class_weight_ : dict
        ``{attribute: {class: weight}}`` as used.
    network_ : torch.nn.Module
    loss_curve_ : ndarray of float
        Training loss, one value per optimiser step.
    history_ : DataFrame
        One row per epoch: mean loss, learning rate at its end, seconds.
    n_epochs_ : int
        Epochs trained.
    bad_images_ : DataFrame
        Rows that `fit` left out: row, image, reason.

    Notes
    -----
    With ``class_weight="balanced"`` probabilities refer to balanced classes: 0.5 is where the
    evidence of the picture is even. With ``class_weight=None`` they are rates.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from attrlearn import AttributeClassifier, make_attribute_images
    >>> X, y = make_attribute_images(40, mkdtemp(), random_state=0)
    >>> clf = AttributeClassifier(
    ...     "mobilenet_v3_small", weights=None, image_size=32, max_epochs=2, random_state=0
    ... )
    >>> clf.fit(X, y).predict(X).shape == y.shape
    True
    >>> len(clf.loss_curve_)
    4
    """

    network_: AttributeNetwork
    loss_curve_: np.ndarray
    history_: pd.DataFrame

    _parameter_constraints: ClassVar[dict] = {
        "backbone": [str, None],
        "weights": [str, PathLike, None],
        "trainable": [StrOptions({"head", "last_block", "all"})],
        "attention": ["boolean"],
        "category_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left"), None],
        "norm": [StrOptions({"layer", "batch"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "loss": [StrOptions({"bce"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "categorical_attributes": [StrOptions({"from_dtype"}), "array-like"],
        "optimizer": [StrOptions({"adamw", "adam", "sgd"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"constant", "cosine", "onecycle"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "accumulate_steps": [Interval(Integral, 1, None, closed="left")],
        "augment": [StrOptions({"flip"}), callable, None],
        "image_size": [Interval(Integral, 1, None, closed="left")],
        "resize": [StrOptions({"squash", "pad", "crop"})],
        "on_bad_image": [StrOptions({"raise", "drop"})],
        "device": [str],
        "dtype": [StrOptions({"auto", "float32", "bfloat16"})],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": [Interval(Integral, 0, None, closed="left"), "boolean"],
    }

    def __init__(
        self,
        backbone: str | None = "resnet18",
        *,
        weights: str | PathLike | None = "DEFAULT",
        trainable: str = "head",
        attention: bool = False,
        category_dim: int = 50,
        hidden_dim: int | None = None,
        norm: str | None = "layer",
        dropout: float = 0.5,
        loss: str = "bce",
        class_weight: str | dict | None = "balanced",
        categorical_attributes: str | list = "from_dtype",
        optimizer: str = "adamw",
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        schedule: str = "cosine",
        max_epochs: int = 20,
        batch_size: int = 32,
        accumulate_steps: int = 1,
        augment: str | Callable[[Tensor], Tensor] | None = "flip",
        image_size: int = 224,
        resize: str = "squash",
        on_bad_image: str = "raise",
        device: str = "auto",
        dtype: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.trainable = trainable
        self.attention = attention
        self.category_dim = category_dim
        self.hidden_dim = hidden_dim
        self.norm = norm
        self.dropout = dropout
        self.loss = loss
        self.class_weight = class_weight
        self.categorical_attributes = categorical_attributes
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.accumulate_steps = accumulate_steps
        self.augment = augment
        self.image_size = image_size
        self.resize = resize
        self.on_bad_image = on_bad_image
        self.device = device
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def fit(self, X: Any, y: Any, categories: Any = None) -> Self:
        """Learn the attributes.

        Parameters
        ----------
        X : array-like of N paths; DataFrame; or images
            A DataFrame has a column `image` with the paths and optionally `category`; others are
            ignored. Images are a list of PIL images, bytes or uint8 arrays (H, W, 3), or one uint8
            array (N, H, W, 3). With ``backbone=None``: an array (N, D) of features, or a DataFrame
            of numeric columns and optionally `category`.
        y : array-like or DataFrame of shape (N, A)
            One column per attribute. Missing cells are NaN, None, NA, and -1 among numbers.
            Numeric and bool columns are binary and hold only 0 and 1. Text and pandas `category`
            columns are categorical, with the classes of the dtype, else the observed ones.
        categories : array-like of shape (N,), optional
            Kind of the pictured item, if X does not carry it; None or NaN where unknown.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y or `categories` breaks a rule; the text names row and attribute.
        OSError
            If a picture or the weights cannot be read.
        """
        self._validate_params()
        inputs = check_inputs(X, categories, features=self.backbone is None)
        table, attributes = check_attributes(y, len(inputs), self.categorical_attributes)
        device = resolve_device(self.device)
        with seeded(self.random_state, device) as generator:
            known, network = self._open_network(inputs, attributes)
            reader = self._open_reader(inputs, self.on_bad_image)
            rows, source = self._open_source(reader, network.to(device))
            self._check_batches(len(rows))
            codes = encode_targets(table, attributes)[rows]
            category_codes = encode_categories(inputs.categories, known, len(inputs))[rows]
            weights = class_weights(codes, attributes, self.class_weight)
            targets = np.where(codes == MISSING, MISSING, codes + attributes.starts)
            history = self._train(network, source, targets, category_codes, weights, generator)
        self.bad_images_ = reader.report_bad()
        self._keep_names(attributes, weights, known, codes, category_codes)
        self._keep_training(network.eval(), history)
        self._feature_names = inputs.feature_names
        self._network_parameters = {name: getattr(self, name) for name in NETWORK_PARAMETERS}
        return self

    def predict_proba(self, X: Any, categories: Any = None) -> np.ndarray | list[np.ndarray]:
        """Predict the class probabilities of every attribute.

        Parameters
        ----------
        X, categories
            As in `fit`.

        Returns
        -------
        ndarray of shape (N, A), or list of A arrays of shape (N, classes)
            All attributes binary: the probability of 1. Any categorical: one array per attribute,
            its columns in the order of `classes_`, as scikit-learn's multi-output classifiers
            give. float32; NaN for a picture that ``on_bad_image="drop"`` leaves out.
        """
        probabilities = self._class_probabilities(self._check(X, categories), self.on_bad_image)
        if all(self._attributes.is_binary):
            return probabilities[:, 1::2]
        return self._attributes.split(probabilities)

    def predict(self, X: Any, categories: Any = None) -> np.ndarray:
        """Predict the most probable class of every attribute.

        Parameters
        ----------
        X, categories
            As in `fit`.

        Returns
        -------
        ndarray of shape (N, A)
            int if all attributes are binary, else object.

        Raises
        ------
        OSError
            If a picture cannot be read, whatever `on_bad_image` says: it has no class.
        """
        inputs = self._check(X, categories)
        return self._attributes.most_probable(self._class_probabilities(inputs, "raise"))

    def predict_table(self, X: Any, categories: Any = None) -> pd.DataFrame:
        """Predict as a table for people.

        Parameters
        ----------
        X : as in `fit`, or one picture
        categories : as in `fit`, or the category of the one picture

        Returns
        -------
        DataFrame of N rows, with the index of X
            Per attribute ``<attribute>``, the predicted class, and ``<attribute>_proba``, its
            probability; NA and NaN where the attribute does not apply to the category
            (`applicable_`), and for a picture that ``on_bad_image="drop"`` leaves out.
        """
        if self.backbone is not None and is_single(X):
            X, categories = [X], None if categories is None else [categories]
        inputs = self._check(X, categories)
        probabilities = self._class_probabilities(inputs, self.on_bad_image)
        unreadable = np.isnan(probabilities[:, 0])
        classes = self._attributes.most_probable(np.nan_to_num(probabilities))
        codes = encode_categories(inputs.categories, self.categories_, len(inputs))
        # The unknown category comes first, and rules nothing out.
        ruled_out = np.vstack([np.zeros(self.n_attributes_, bool), ~self.applicable_.to_numpy()])
        hidden = ruled_out[codes] | unreadable[:, None]
        columns = {}
        for a, p in enumerate(self._attributes.split(probabilities)):
            name, best = self.attribute_names_[a], p.max(axis=1)
            values = pd.Series(classes[:, a], inputs.index).convert_dtypes()
            columns[name] = values.mask(hidden[:, a], pd.NA)
            columns[f"{name}_proba"] = pd.Series(best, inputs.index).mask(hidden[:, a])
        return pd.DataFrame(columns, inputs.index)

    def score(self, X: Any, y: Any, categories: Any = None) -> float:
        """Balanced accuracy on the labelled cells, averaged over the attributes.

        Parameters
        ----------
        X, y, categories
            As in `fit`.

        Returns
        -------
        float
            In [0, 1]. An attribute with fewer than two labelled classes is left out, with a
            warning; NaN if that leaves none.
        """
        inputs = self._check(X, categories)
        truth = self._attributes.check_known(check_table(y, len(inputs), self.attribute_names_))
        probabilities = self._class_probabilities(inputs, self.on_bad_image)
        readable = ~np.isnan(probabilities[:, 0])
        predicted = self._attributes.most_probable(probabilities[readable])
        return float(balanced_accuracy_score(truth[readable], predicted))

    def _open_network(
        self, inputs: Inputs, attributes: Attributes
    ) -> tuple[np.ndarray, AttributeNetwork]:
        """Known categories and a new network, or those of the last fit with `warm_start`."""
        if self.warm_start and hasattr(self, "network_"):
            self._check_same(inputs, attributes)
            return self.categories_, deepcopy(self.network_)  # a fit that fails changes nothing
        known = known_categories(inputs.categories)
        backbone = None
        if inputs.features is not None:
            n_features = inputs.features.shape[1]
        else:
            assert self.backbone is not None
            backbone = build_backbone(self.backbone, self.weights, self.trainable, self.image_size)
            n_features = backbone.n_features
        head_options = {name: getattr(self, name) for name in HEAD_PARAMETERS}
        return known, AttributeNetwork(
            backbone,
            n_features,
            attributes.n_classes,
            attributes.is_binary,
            len(known),
            head_options,
        )

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
        self._check_features(inputs)
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

    def _open_reader(self, inputs: Inputs, on_bad_image: str) -> FeatureReader | PictureReader:
        """What reads the rows of X."""
        return open_reader(inputs, self.image_size, self.resize, self.n_jobs, on_bad_image)

    def _open_source(
        self, reader: FeatureReader | PictureReader, network: AttributeNetwork
    ) -> tuple[np.ndarray, Source]:
        """Rows that can be read, and what training reads them from."""
        if callable(self.augment) and network.backbone is not None and network.backbone.is_frozen:
            warn(
                "A callable augment runs the frozen backbone again in each of the "
                f"{self.max_epochs} epochs. augment='flip' runs it twice in all.",
                UserWarning,
                stacklevel=3,
            )
        return open_source(
            reader,
            network.backbone,
            self.augment,
            batch_size=self.batch_size,
            context=autocast(resolve_device(self.device), self.dtype),
            verbose=self.verbose,
        )

    def _train(
        self,
        network: AttributeNetwork,
        source: Source,
        targets: np.ndarray,
        categories: np.ndarray,
        weights: list[np.ndarray],
        generator: torch.Generator,
    ) -> History:
        """Train the network in place."""
        device = resolve_device(self.device)
        steps = split(torch.arange(len(targets)), self.batch_size * self.accumulate_steps)
        optimizer = build_optimizer(
            self.optimizer, network.parameters(), self.learning_rate, self.weight_decay
        )
        network.train()
        return train(
            network.classify if isinstance(source, FeatureSource) else network,
            source,
            torch.from_numpy(targets).to(device),
            torch.from_numpy(categories).to(device),
            torch.from_numpy(np.concatenate(weights)).float().to(device),
            optimizer=optimizer,
            schedule=build_schedule(self.schedule, optimizer, self.max_epochs * len(steps)),
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            accumulate_steps=self.accumulate_steps,
            generator=generator,
            context=autocast(device, self.dtype),
            verbose=self.verbose,
        )

    def _keep_names(
        self,
        attributes: Attributes,
        weights: list[np.ndarray],
        known: np.ndarray,
        codes: np.ndarray,
        category_codes: np.ndarray,
    ) -> None:
        """Set the fitted attributes that speak of y and the categories."""
        names, classes = attributes.names, attributes.classes
        self._attributes = attributes
        self.attribute_names_ = names
        self.n_attributes_ = len(names)
        self.classes_ = np.arange(len(names)) if all(attributes.is_binary) else classes
        self.class_weight_ = {
            name: dict(zip(values.tolist(), weight.tolist(), strict=True))
            for name, values, weight in zip(names, classes, weights, strict=True)
        }
        self.categories_ = known
        applicable = applicable_attributes(codes, category_codes, len(known))
        self.applicable_ = pd.DataFrame(applicable, known, names)

    def _keep_training(self, network: AttributeNetwork, history: History) -> None:
        """Set the fitted attributes that speak of the training; `warm_start` adds to them."""
        losses: np.ndarray = np.array(history.losses)
        epochs = pd.DataFrame(history.epochs)
        if self.warm_start and hasattr(self, "network_"):
            losses = np.concatenate([self.loss_curve_, losses])
            epochs = pd.concat([self.history_, epochs])
        self.network_ = network
        self.loss_curve_ = losses
        self.history_ = epochs.set_axis(pd.RangeIndex(1, len(epochs) + 1, name="epoch"))
        self.n_epochs_ = len(epochs)

    def _check(self, X: Any, categories: Any) -> Inputs:
        """X and categories as the fitted network takes them."""
        check_is_fitted(self)
        inputs = check_inputs(X, categories, features=self.backbone is None)
        self._check_features(inputs)
        warn_of_unknown(inputs.categories, self.categories_, len(inputs))
        return inputs

    def _check_features(self, inputs: Inputs) -> None:
        """Raise unless features, if X holds any, are those of fit in their order."""
        if inputs.features is None:
            return
        width, before = inputs.features.shape[1], self._feature_names
        if width != self.network_.n_features:
            raise ValueError(
                f"X must have the {self.network_.n_features} features of fit. Got {width}. "
                "Pass the same columns."
            )
        if before and inputs.feature_names and before != inputs.feature_names:
            new, old = next(
                pair for pair in zip(inputs.feature_names, before, strict=True) if len({*pair}) > 1
            )
            raise ValueError(
                f"X must have the columns of fit in their order. Got {new!r} where fit had {old!r}."
                " Pass X[columns]."
            )

    def _class_probabilities(self, inputs: Inputs, on_bad_image: str) -> np.ndarray:
        """(N, C) float32, the classes of all attributes side by side; NaN for a bad picture."""
        device = resolve_device(self.device)
        network = self.network_.to(device)
        reader = self._open_reader(inputs, on_bad_image)
        categories = encode_categories(inputs.categories, self.categories_, len(inputs))
        codes = torch.from_numpy(categories).to(device)
        out = np.full((len(inputs), sum(self._attributes.n_classes)), np.nan, dtype=np.float32)
        with autocast(device, self.dtype):
            for rows, batch in reader.batches(consecutive(len(inputs), self.batch_size)):
                if len(rows):
                    out[rows] = network.probabilities(batch.to(device), codes[rows]).cpu().numpy()
        reader.report_bad()
        return out

    def __getstate__(self) -> dict[str, Any]:
        """Pickle with tensors on the CPU, and the version."""
        state = {**super().__getstate__(), "_attrlearn_version": attrlearn.__version__}
        if "network_" in state:
            state["network_"] = deepcopy(state["network_"]).cpu()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickle, with a warning if another version wrote it."""
        version = state.pop("_attrlearn_version", "unknown")
        if version != attrlearn.__version__:
            warn(
                f"The model was written by attrlearn {version} and is read by "
                f"{attrlearn.__version__}: it may predict otherwise or fail. Fit it again, or "
                f"install attrlearn=={version}.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)
