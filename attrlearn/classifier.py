"""The estimator: the door between numpy and pandas outside and torch inside."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from attrlearn.data.inputs import (
    check_inputs,
    encode_categories,
    known_categories,
    warn_of_unlearnt,
)
from attrlearn.data.pairing import check_paired
from attrlearn.data.targets import check_attributes
from attrlearn.data.text_columns import warn_of_marks, warn_of_text
from attrlearn.data.weights import check_sample_weight, class_weights
from attrlearn.held_out import HeldOut, select
from attrlearn.learner import Labelled, Learner
from attrlearn.nn.losses import LOSSES
from attrlearn.training.precision import resolve_device, warn_of_shared_gpu
from attrlearn.training.seeds import recording_gradients, seeded

__all__ = ["AttributeClassifier"]


class AttributeClassifier(CallbackSupportMixin, Learner, ClassifierMixin, BaseEstimator):
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
        spatial size (of a vision transformer the last two encoder blocks); what comes before runs
        once per picture too, where memory allows. "all": all of it.
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
        weight 1, and a class of weight 0 is not learnt from.
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
    early_stopping : bool, default=False
        Whether to hold rows out, score them after each epoch, stop when the score no longer rises,
        and keep the weights of the best epoch. Otherwise all rows are learnt from and the last
        epoch is kept.
    validation_fraction : float, default=0.1
        Share in (0, 1) of the rows that is held out, each class of each attribute in proportion,
        unless `fit` gets `X_val` and `y_val`.
    n_iter_no_change : int, default=5
        Epochs in a row without a better score after which to stop.
    scoring : str or callable, default="loss"
        "loss": the negative of the weighted loss. A name in `attrlearn.metrics.SCORERS`, such as
        "average_precision", or any scorer ``(estimator, X, y) -> float``, the higher the better;
        it gets `sample_weight` too if `fit` does. The estimator it is given has predicted the
        held-out rows, and says nothing of others.
    augment : "flip", callable or None, default="flip"
        "flip" mirrors training pictures left to right at random. A callable maps a uint8 tensor
        (3, H, W) to another; it runs in each epoch, and so does the backbone, even a frozen one.
    image_size : int, default=224
        Height and width of the pictures, in pixels.
    resize : {"squash", "pad", "crop"}, default="squash"
        "squash" ignores the aspect ratio, "pad" fits the picture in on white, "crop" cuts the
        centre out.
    cache_dir : "auto", path or None, default="auto"
        Folder that keeps the features of a frozen backbone for other fits, processes and runs.
        "auto": the user's cache folder, or the one that the environment variable
        ``ATTRLEARN_CACHE`` names. None: none. `fit` keeps those of all images; prediction reads and
        keeps those of files alone, nothing of images in memory.
    on_bad_image : {"raise", "drop"}, default="raise"
        What becomes of pictures that cannot be read. "drop": `fit` leaves the rows out and lists
        them in `bad_images_`; `predict_proba` gives NaN, `predict_table` NA and the reason;
        `score` leaves them out; `predict` raises.
    device : str, default="auto"
        "auto": CUDA, else MPS, else the CPU. Or a device of torch.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Of the backbone. "auto": bfloat16 where the hardware is fast at it (a GPU, or a CPU with
        AVX512-BF16 or AMX-BF16), else float32; results then depend on the machine, unless the
        environment variable ``ATTRLEARN_DTYPE`` says which of the two it is.
    engine : {"auto", "torch", "openvino"}, default="auto"
        What runs a backbone that no longer learns. "auto": OpenVINO on a CPU, if it is installed
        (``pip install 'attrlearn[openvino]'``).
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
        The categories that have an embedding, sorted: those with a labelled cell among the rows
        that were learnt from. Any other category counts as unknown.
    applicable_ : DataFrame of bool, (categories, attributes)
        Of all categories that `fit` saw: False where at least 20 rows of the category were seen
        and no cell was labelled.
    class_weight_ : dict
        ``{attribute: {class: weight}}`` as used.
    network_ : torch.nn.Module
    loss_curve_ : ndarray of float
        Training loss, one value per optimiser step.
    validation_scores_ : ndarray of float
        One per epoch, NaN for one that a `warm_start` made without `early_stopping`; empty if none
        was scored.
    history_ : DataFrame
        One row per epoch: mean loss, learning rate at its end, seconds, and with `early_stopping`
        the validation score.
    n_epochs_ : int
        Epochs trained.
    best_epoch_ : int
        The epoch, from 1, whose weights are kept: the best of the last `fit`, or without
        `early_stopping` the last one.
    bad_images_ : DataFrame
        Rows of X that `fit` left out: row, image, reason.
    n_features_in_ : int
        D, with ``backbone=None``.
    feature_names_in_ : ndarray of str, shape (D,)
        With ``backbone=None``, if X is a DataFrame with names of text.

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

    loss_curve_: np.ndarray
    history_: pd.DataFrame
    validation_scores_: np.ndarray

    # What scikit-learn's metadata routing passes on unasked.
    __metadata_request__fit: ClassVar[dict] = {"categories": True, "sample_weight": True}
    __metadata_request__score: ClassVar[dict] = {"categories": True, "sample_weight": True}

    _parameter_constraints: ClassVar[dict] = {
        "backbone": [str, None],
        "weights": [str, PathLike, None],
        "trainable": [StrOptions({"head", "last_block", "all"})],
        "attention": ["boolean"],
        "category_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left"), None],
        "norm": [StrOptions({"layer", "batch"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "loss": [StrOptions(set(LOSSES))],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "categorical_attributes": [StrOptions({"from_dtype"}), "array-like"],
        "optimizer": [StrOptions({"adamw", "adam", "sgd"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"constant", "cosine", "onecycle"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "accumulate_steps": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "scoring": [str, callable],
        "augment": [StrOptions({"flip"}), callable, None],
        "image_size": [Interval(Integral, 1, None, closed="left")],
        "resize": [StrOptions({"squash", "pad", "crop"})],
        "cache_dir": [str, PathLike, None],
        "on_bad_image": [StrOptions({"raise", "drop"})],
        "device": [str],
        "dtype": [StrOptions({"auto", "float32", "bfloat16"})],
        "engine": [StrOptions({"auto", "torch", "openvino"})],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
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
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        scoring: str | Callable[..., float] = "loss",
        augment: str | Callable[[Tensor], Tensor] | None = "flip",
        image_size: int = 224,
        resize: str = "squash",
        cache_dir: str | PathLike | None = "auto",
        on_bad_image: str = "raise",
        device: str = "auto",
        dtype: str = "auto",
        engine: str = "auto",
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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.augment = augment
        self.image_size = image_size
        self.resize = resize
        self.cache_dir = cache_dir
        self.on_bad_image = on_bad_image
        self.device = device
        self.dtype = dtype
        self.engine = engine
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        categories: Any = None,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Learn the attributes.

        Parameters
        ----------
        X : array-like of N paths; DataFrame; or images
            A DataFrame has a column `image` with the paths and optionally `category`; others are
            ignored. Images are a list of PIL images, uint8 arrays (H, W, 3) or the contents of
            image files (bytes, bytearray, memoryview, or open binary files such as BytesIO), or one
            uint8 array (N, H, W, 3). With ``backbone=None``: an array (N, D) of features, or a
            DataFrame of numeric columns and optionally `category`.
        y : array-like or DataFrame of shape (N, A)
            One column per attribute. Missing cells are NaN, None, NA, and -1 among numbers.
            Numeric and bool columns are binary and hold only 0 and 1. Text and pandas `category`
            columns are categorical, with the classes of the dtype, else the observed ones. A text
            that marks a missing cell, such as '', 'NA', 'nan' or '?', is an error in a text column;
            the classes of a `category` column are an explicit choice, and may be such a text.
            Text columns that spell 0 and 1, and those with about as many classes as labelled rows,
            are warned about unless `categorical_attributes` names them.
        categories : array-like of shape (N,), optional
            Kind of the pictured item, if X does not carry it; None or NaN where unknown.
        sample_weight : array-like of shape (N,) or (N, A), optional
            How much a row, or a cell, counts in the loss and in the class weights: 0 or more.
        X_val, y_val : as X and y, optional
            Rows to hold out with `early_stopping`, in place of a random share of X: so photos of
            one product can be kept on one side. X_val carries its categories in itself.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or an argument breaks a rule; the text names row and attribute. Rows
            belong together by position: two DataFrames whose indexes hold the same labels in
            different orders break one.
        ImageError
            If a picture cannot be read, unless ``on_bad_image="drop"``; its attributes `row`,
            `image` and `reason` say which and why.
        OSError
            If the weights cannot be read.
        """
        self._validate_params()
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        told = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        callbacks = self._init_callback_context(max_subtasks=self.max_epochs)
        callbacks.call_on_fit_task_begin(**told)
        check_paired({"X": X, "y": y, "categories": categories, "sample_weight": sample_weight})
        inputs = check_inputs(X, categories, features=self.backbone is None)
        table, attributes = check_attributes(y, len(inputs), self.categorical_attributes)
        warn_of_text(table, self.categorical_attributes)
        labelled = Labelled(inputs, table, check_sample_weight(sample_weight, table))
        to_hold_out = self._check_held_out(X_val, y_val, inputs, attributes)
        device = resolve_device(self.device)
        warn_of_shared_gpu(device)
        with recording_gradients(), seeded(self.random_state, device) as generator:
            last = self._last_network(inputs, attributes)
            backbone = last.backbone if last else self._build_backbone()
            seen = known_categories(inputs.categories)
            warn_of_marks(seen)
            load = partial(self._load, backbone, device, attributes, seen)
            rows, examples, bad = load(labelled, self.augment)
            weight = class_weights(examples.count(attributes), attributes, self.class_weight)
            examples = examples.weigh(weight)
            fitted = self._describe(inputs, attributes, seen, weight, examples)
            fitted["bad_images_"] = bad
            held_out = None
            if to_hold_out is not None:
                held_out = self._load_held_out(load, to_hold_out, weight, X_val, y_val)
            elif self.early_stopping:
                learnt, out, fitted["_split_seed"] = self._split(labelled, rows, generator)
                X, y, sample_weight = (select(v, rows[out]) for v in (X, y, sample_weight))
                held_out = HeldOut(X, y, sample_weight, examples.take(out).unchanged())
                examples = examples.take(learnt)
            self._check_batches(len(examples))
            known = self.categories_ if last else seen[examples.learnt_categories() - 1]
            warn_of_unlearnt(inputs.categories, known)
            codes = encode_categories(np.array([None, *seen]), known, 1 + len(seen))
            examples = examples.recode_categories(codes)
            if held_out is not None:
                held_out = held_out.recode_categories(codes)
            fitted["categories_"] = known
            network = last or self._build_network(backbone, inputs, attributes, len(known))
            network.to(device)
            fitted = self._learn(network, examples, held_out, generator, callbacks, told, fitted)
        self._become(fitted)
        callbacks.call_on_fit_task_end(**told, reconstruction_attributes={})
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Makes no difference: no parameter is an estimator. Transforms of torchvision have a
            method of this name too, with another meaning.

        Returns
        -------
        dict
        """
        return super().get_params(deep=False)

    def __sklearn_tags__(self) -> Tags:
        """Say what scikit-learn may ask of the estimator.

        It is no "classifier" there: cross-validation would look for classes in `y`, and stop at
        the gaps.
        """
        tags = super().__sklearn_tags__()
        tags.estimator_type = None
        tags.input_tags.two_d_array = self.backbone is None
        tags.input_tags.string = self.backbone is not None
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags
