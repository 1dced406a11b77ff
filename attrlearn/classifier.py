"""The estimator: the door between numpy and pandas outside and torch inside."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from attrlearn.checks.attributes import Attributes
from attrlearn.checks.image_types import is_single
from attrlearn.checks.inputs import (
    Inputs,
    check_inputs,
    check_same_features,
    encode_categories,
    known_categories,
    warn_of_unknown,
    warn_of_unlearnt,
)
from attrlearn.checks.labelled_rows import LabelledRows, select_rows
from attrlearn.checks.pairing import check_paired
from attrlearn.checks.targets import check_attributes, check_table
from attrlearn.checks.text_columns import warn_of_marks, warn_of_text
from attrlearn.checks.weights import check_sample_weight, class_weights
from attrlearn.decisions.calibration import Calibration, undo_class_weight
from attrlearn.decisions.category_factors import category_factors
from attrlearn.decisions.decisions import Decisions, threshold_rules
from attrlearn.decisions.thresholds import Rule, is_tuned
from attrlearn.exceptions import naming_argument, naming_cure, warn
from attrlearn.features.pipeline import FeaturePipeline
from attrlearn.images.augmentation import POLICIES, Augment
from attrlearn.images.reader import ImageReader, no_bad_images
from attrlearn.metrics import balanced_accuracy_score
from attrlearn.model_selection import AttributeShuffleSplit
from attrlearn.nn.backbones import Backbone, build_backbone
from attrlearn.nn.device import resolve_device, resolve_dtype, warn_of_idle_gpus, warn_of_shared_gpu
from attrlearn.nn.heads import member_widths
from attrlearn.nn.losses import LOSSES, Loss, build_loss
from attrlearn.nn.network import AttributeNetwork
from attrlearn.pickling import NetworkPickleMixin
from attrlearn.prediction import predict_probabilities
from attrlearn.training.examples import LoadedRows
from attrlearn.training.fingerprint import describe_parameters, hash_of_network, hash_of_rows
from attrlearn.training.fit import EpochObserver, NoObserver, Score, fit_network
from attrlearn.training.history import History
from attrlearn.training.out_of_fold import N_FOLDS, predict_out_of_fold
from attrlearn.training.schedule import (
    BuildOptimizer,
    BuildSchedule,
    build_optimizer,
    parameter_groups,
)
from attrlearn.training.seeds import recording_gradients, seeded
from attrlearn.training.session import Session, open_session
from attrlearn.training.sources import open_features, open_source
from attrlearn.training.standardization import standardize
from attrlearn.training.state import TrainingState
from attrlearn.training.validation import (
    ValidationPredictions,
    ValidationSet,
    get_scorer,
    predict_log_probabilities,
)

__all__ = ["AttributeClassifier"]

COMMITTEE = (None, 128)  # of heads, by the width of their hidden layer
OUT_OF_FOLD_SHARE = 0.8  # of the time: five trainings on four fifths of the rows beside one
MANY_FEATURES = 1_000  # from which on four of five can be dropped
HEAD_PARAMETERS = ("standardize", "attention", "category_dim", "hidden_dim", "norm", "dropout")
NETWORK_PARAMETERS = (
    "backbone",
    "weights",
    "trainable",
    "features",
    "image_size",
    *HEAD_PARAMETERS,
)
# What may change from one run of a fit to the next.
RUN_PARAMETERS = (
    "cache_dir",
    "checkpoint_dir",
    "checkpoint_every",
    "n_jobs",
    "time_limit",
    "verbose",
    "warm_start",
)


class AttributeClassifier(CallbackSupportMixin, NetworkPickleMixin, ClassifierMixin, BaseEstimator):
    """Learn the attributes of images from a table with gaps.

    A pretrained backbone turns each image into features; these, an embedding of the image's
    category and a committee of heads give the class probabilities of all attributes. The loss is
    the cross-entropy over the labelled cells alone.

    Parameters
    ----------
    backbone : str or None, default="resnet18"
        A classification model of torchvision, by its name in
        ``torchvision.models.list_models(module=torchvision.models)``. None: X holds features.
    weights : "DEFAULT", path or None, default="DEFAULT"
        The pretrained weights of torchvision (downloaded once), a file with a state dict in
        torchvision's layout (``.pth``, read with ``weights_only=True``, or ``.safetensors``), or
        random weights. The classifier in the file is ignored, anything else must match.
    trainable : {"head", "last_block", "all"} or list of str, default="head"
        What is fine-tuned beside attention, embedding and heads. "head": nothing, and the backbone
        runs once per image. "last_block": the part of the backbone after the last change of
        spatial size (of a vision transformer the last two encoder blocks); what comes before runs
        once per image too, where memory allows. "all": all of it. A list names modules of the
        torchvision model, such as ``["features.17", "features.18"]``. Measured to begin with:
        ``freeze_epochs=2`` and `early_stopping`, with ``backbone_learning_rate=3e-4`` and 8 epochs
        for "last_block", 1e-3 and 12 epochs for "all".
    features : {"auto", "stages", "last"}, default="auto"
        "last": what the backbone's last layer gives. "stages": beside it, of each stage before, the
        mean and the standard deviation over the positions of its last activation, which know more
        of texture, colour and edges (as in Head2Toe, Evci et al., 2022). A stage is a run of
        blocks with activations of one shape; of a vision transformer it is the class token after
        each of the last four encoder blocks. No second pass is needed. Stages give 3,072 features
        at most: the widest lose the standard deviation first. "auto": "stages" of a frozen
        backbone, "last" of one that is fine-tuned. No effect with ``backbone=None``.
    standardize : bool, default=True
        Whether features are brought to mean 0 and variance 1, by the rows that `fit` learns from.
        Not those of a backbone that is fine-tuned, which move.
    attention : bool, default=False
        Whether a squeeze-and-excitation gate weighs each feature by all of them.
    category_dim : int, default=50
        Width of the category embedding.
    hidden_dim : "auto", int, None, or tuple of int and None, default="auto"
        Width of a hidden layer that all attributes share. None: the heads are linear. A tuple is
        a committee: each member is a head of its own, all learn at once as one batched computation,
        and their probabilities are averaged. ``(None, None, 128, 128)`` has two of each form, which
        begin with different random weights. "auto": ``(None, 128)``; None where a backbone is
        fine-tuned.
    norm : {"layer", "batch"} or None, default="layer"
        Normalisation in the hidden layer. "batch" needs batches of two rows or more.
    dropout : "auto" or float, default="auto"
        Share in [0, 1) of the inputs of the linear heads that is dropped at random in training.
        "auto": 0.8; 0.5 where a backbone is fine-tuned, or there are fewer than 1,000 features.
    loss : {"bce", "focal", "asymmetric"} or callable, default="bce"
        "bce": binary cross-entropy; for a categorical attribute the cross-entropy of its classes.
        "focal" (Lin et al., 2017): cells that are predicted well count less, times
        ``(1 - p) ** focal_gamma``, p the probability of the labelled class. "asymmetric" (Ridnik et
        al., 2021): easy zeros of binary attributes count less, those below 0.05 not at all, for
        attributes that few images have. All leave gaps out and take the weights of classes and
        cells. A callable maps log-probabilities (B, C), the classes of all attributes side by side
        (logits of their softmax as well), targets (B, A), the column of each cell's class or -1
        where missing, and weights (B, A), 0 where missing, to the weighted sum over the cells.
    focal_gamma : float, default=2.0
        Of ``loss="focal"``, 0 or more; 0 is "bce".
    label_smoothing : float, default=0.0
        Share in [0, 1) of a label that is spread over all classes of its attribute, 0 and 1 of a
        binary one: for labels of which some are wrong. A callable `loss` does without.
    class_weight : "balanced", dict or None, default="balanced"
        "balanced" weighs a class n / (k · count), from the n labelled cells and k observed classes
        of its attribute, before a share of the rows becomes the validation set. A dict is
        ``{attribute: {class: weight}}``; what it does not name has weight 1, and a class of weight
        0 is not learnt from.
    missing : {"ignore", "negative"}, default="ignore"
        What a missing cell of a binary attribute teaches. "negative": that it is 0, for tables that
        tell only what is there. The validation set, thresholds and calibration are judged by
        labelled cells alone; those of categorical attributes are always ignored.
    categorical_attributes : "from_dtype" or list of names or positions, default="from_dtype"
        Attributes that are categorical although they hold numbers.
    optimizer : {"adamw", "adam", "sgd"} or callable, default="adamw"
        "sgd" uses Nesterov momentum of 0.9. A callable maps groups of parameters, each with its
        learning rate and weight decay, to an optimiser, as the classes of `torch.optim` do.
    learning_rate : float, default=1e-3
        Peak learning rate of the schedule.
    backbone_learning_rate : float or None, default=None
        That of the part of the backbone that is fine-tuned. None: a tenth of `learning_rate`, or
        all of it where the backbone begins with random weights, ``weights=None``.
    weight_decay : float, default=1e-2
        Of weight matrices and kernels; biases and the parameters of norms are not decayed.
    schedule : {"constant", "cosine", "onecycle"} or callable, default="cosine"
        Course of the learning rates, per optimiser step. "cosine" warms up for 5% of the steps. A
        callable maps an optimiser and the number of steps to a scheduler of
        `torch.optim.lr_scheduler`.
    clip_grad_norm : float or None, default=None
        Greatest norm of the gradient of a step; a longer one is scaled down.
    freeze_epochs : int, default=0
        How many of `max_epochs` train the head alone at first, on kept features, when the backbone
        is fine-tuned. These and the others each follow the whole `schedule`; with `early_stopping`
        these are not scored.
    ema_decay : float or None, default=None
        In [0, 1), such as 0.99: the exponential moving average of the weights over the optimiser
        steps is what is validated and kept, ``average = ema_decay * average + (1 - ema_decay) *
        weights`` after each (Polyak & Juditsky, 1992). In the first steps the decay is lower. None:
        no average.
    max_epochs : int, default=20
    batch_size : int, default=32
        Images that the network sees at once, in `fit` and in prediction. Processes of torchrun,
        which fine-tune together, deal them out.
    accumulate_steps : int, default=1
        Batches per optimiser step. The gradient is that of one batch of
        ``batch_size * accumulate_steps`` rows, whatever their gaps.
    gradient_checkpointing : bool, default=False
        Whether a backbone that is fine-tuned keeps only what goes into its blocks for the backward
        pass, which computes the rest anew (Chen et al., 2016): for larger backbones, images or
        batches than fit into memory. A step gives the same and takes 1.4 times as long.
    compile : bool, default=False
        Whether `torch.compile` makes code of its own for a backbone that is fine-tuned, which needs
        a C++ compiler; without one, a warning says so and training goes on. On the CPU where it
        was measured it did not pay. Not together with `gradient_checkpointing`. No effect on
        features that are kept.
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
    calibrate : bool or "class_weight", default=False
        Whether probabilities are rates: "class_weight" divides the class weights out again, which
        costs nothing; True then fits a temperature and biases to each attribute, on the cells that
        thresholds are tuned on. `predict` follows the rates.
    thresholds : float, str, callable or dict, default=0.5
        Above which probability a binary attribute is there. A number in [0, 1]; "f1" or
        "balanced_accuracy", of which the highest is sought; a target such as "precision>=0.9" or
        "recall>=0.8", of which the threshold with the best of the other is; a callable that maps y
        (n,) of 0 and 1 and p (n,) to a threshold; or a dict of these by attribute, 0.5 for those
        that it leaves out. Thresholds are tuned on labelled cells that were not learnt from: of the
        validation set with `early_stopping`; else out of five folds, on kept features, which trains
        the head five times more; else, where a backbone is fine-tuned, of `validation_fraction` of
        the rows, which are held out for that. A categorical attribute has its most probable class.
    on_untuned : {"keep", "abstain"}, default="keep"
        What an attribute does with fewer than five labelled cells of a class, or whose target is
        out of reach; a warning names it and the best that it can reach. "keep": 0.5. "abstain":
        `predict_table` holds NA, and `predict`, which must name a class, goes by 0.5.
    augment : {"flip", "light", "strong"}, callable or None, default="flip"
        How training images change at random. "flip" mirrors them left to right. "light" does so
        too, cuts a part out, and varies brightness, contrast and saturation. "strong" mirrors, cuts
        out, and adds TrivialAugment (Müller & Hutter, 2021) and random erasing (Zhong et al.,
        2020). A callable, such as a transform of torchvision, maps a uint8 tensor (3, H, W) to
        another. A change can make a label wrong: mirroring that of a zip on the left or of text,
        colours that of a colour, a cut that of what was at the edge. Choose what your attributes
        bear. No effect with ``backbone=None``.
    augment_views : int or None, default=None
        Views of each image that go through what is frozen of the backbone, once; each batch draws
        one per image. The first is the image as it is, so that 1 means no change; "flip" has two at
        most. None: 2, and none of a callable, for which a frozen backbone runs in each epoch.
        Unused with ``trainable="all"``, where images change anew in each epoch.
    image_size : int, default=224
        Height and width of the images, in pixels.
    resize : {"squash", "pad", "crop"}, default="squash"
        "squash" ignores the aspect ratio, "pad" fits the image in on white, "crop" cuts the
        centre out.
    cache_dir : "auto", path or None, default="auto"
        Folder that keeps the features of a frozen backbone for other fits, processes and runs.
        "auto": the user's cache folder, or the one that the environment variable
        ``ATTRLEARN_CACHE`` names. None: none. `fit` keeps those of all images; prediction reads and
        keeps those of files alone, nothing of images in memory. What takes more than a quarter of
        the memory is learnt from in a temporary file: in this folder, else in the system's.
    on_bad_image : {"raise", "drop"}, default="raise"
        What becomes of images that cannot be read. "drop": `fit` leaves the rows out and lists
        them in `bad_images_`; `predict_proba` gives NaN, `predict_table` NA and the reason;
        `score` leaves them out; `predict` raises.
    device : str, default="auto"
        "auto": CUDA, else MPS, else the CPU. Or a device of torch.
    dtype : {"auto", "float32", "bfloat16"}, default="auto"
        Of the backbone, and of its features where they are kept. "auto": bfloat16 where the
        hardware is fast at it (a GPU, or a CPU with AVX512-BF16 or AMX-BF16), else float32; results
        then depend on the machine, unless the environment variable ``ATTRLEARN_DTYPE`` says which
        of the two it is.
    engine : {"auto", "torch", "openvino"}, default="auto"
        Inference backend: what runs a backbone that no longer learns. "auto": OpenVINO where the
        second or more that it takes to convert a backbone is paid back, for a frozen one with
        pretrained weights, on a CPU, if it is installed (``pip install 'attrlearn[openvino]'``);
        torch for one that is fine-tuned or begins with random weights. The converted model is kept
        in `cache_dir`. "openvino" is OpenVINO for any backbone, but while it learns.
    n_jobs : int or None, default=None
        Threads that decode images; None: as many as torch computes with, -1: all cores.
    random_state : int, RandomState or None, default=None
        An int gives the same network each time on the same machine (on a GPU up to rounding). No
        global generator changes.
    warm_start : bool, default=False
        Whether a further `fit` goes on from the fitted network, with the same attributes and the
        same parameters of the network. If the last one ended early, by `time_limit` or an
        interrupt, and rows and parameters are the same, it makes the steps that were left, with
        schedule and optimiser as they were; else it begins a new schedule.
    time_limit : float or None, default=None
        Seconds for the whole `fit`, after which it ends at the next step, with the weights of the
        best epoch so far, or those of now. Features are computed before the first step, and that is
        always made. Where thresholds or calibration are tuned out of fold, four fifths are kept for
        that. None: no limit.
    checkpoint_dir : path or None, default=None
        Folder in which `fit` keeps its state: killed and started again with the same arguments it
        goes on from there, and ends as if nothing had happened, on a CPU bit for bit. What is of
        other rows, parameters or weights, damaged, or from a newer version is an error. One `fit`
        at a time; the state is removed when it has ended. None: none.
    checkpoint_every : float, default=300.0
        Seconds from one state to the next.
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
    category_factors_ : dict
        ``{attribute: DataFrame of float, (categories, classes)}`` of the categorical attributes and
        the categories of `categories_`: what the probability of a class is multiplied by, after
        which those of the attribute sum to 1 again. Below 1 for a class that other categories have
        and no labelled cell of this one, the lower the more cells it has and the less the
        categories are alike; else 1. An unknown category rules nothing out.
    class_weight_ : dict
        ``{attribute: {class: weight}}`` as used.
    thresholds_ : dict
        ``{attribute: threshold}`` of the binary attributes, NaN for one that abstains.
    calibration_ : DataFrame or None
        Temperature and bias by attribute and class, with `calibrate`: rates are
        ``softmax(log(p) / temperature + bias)`` of the network's probabilities p.
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
    evidence of the image is even. With ``class_weight=None`` or `calibrate` they are rates: of the
    images with 0.2, a fifth has the attribute.

    Images of one `group` in X are kept on one side when rows are held out or folded.

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
    attribute_names_: list[Any]
    n_attributes_: int
    categories_: np.ndarray
    applicable_: pd.DataFrame
    category_factors_: dict[Any, pd.DataFrame]
    classes_: np.ndarray | list[np.ndarray]
    class_weight_: dict[Any, dict[Any, float]]
    thresholds_: dict[Any, float]
    calibration_: pd.DataFrame | None
    n_epochs_: int
    _attributes: Attributes
    _calibration: Calibration | None
    _history: History
    _resize: str
    _unfinished: TrainingState | None = None  # where a fit that ended early was
    _is_learning: bool = False  # as callbacks and scorers get it during a fit

    # What scikit-learn's metadata routing passes on unasked.
    __metadata_request__fit: ClassVar[dict] = {"categories": True, "sample_weight": True}
    __metadata_request__score: ClassVar[dict] = {"categories": True, "sample_weight": True}

    _parameter_constraints: ClassVar[dict] = {
        "backbone": [str, None],
        "weights": [str, PathLike, None],
        "trainable": [StrOptions({"head", "last_block", "all"}), list, tuple],
        "features": [StrOptions({"auto", "stages", "last"})],
        "standardize": ["boolean"],
        "attention": ["boolean"],
        "category_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            None,
            tuple,
            list,
        ],
        "norm": [StrOptions({"layer", "batch"}), None],
        "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "loss": [StrOptions(set(LOSSES)), callable],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "missing": [StrOptions({"ignore", "negative"})],
        "categorical_attributes": [StrOptions({"from_dtype"}), "array-like"],
        "optimizer": [StrOptions({"adamw", "adam", "sgd"}), callable],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "backbone_learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"constant", "cosine", "onecycle"}), callable],
        "clip_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "freeze_epochs": [Interval(Integral, 0, None, closed="left")],
        "ema_decay": [Interval(Real, 0, 1, closed="left"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "accumulate_steps": [Interval(Integral, 1, None, closed="left")],
        "gradient_checkpointing": ["boolean"],
        "compile": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "scoring": [str, callable],
        "calibrate": ["boolean", StrOptions({"class_weight"})],
        "thresholds": [Interval(Real, 0, 1, closed="both"), str, callable, dict],
        "on_untuned": [StrOptions({"keep", "abstain"})],
        "augment": [StrOptions(set(POLICIES)), callable, None],
        "augment_views": [Interval(Integral, 1, None, closed="left"), None],
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
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "checkpoint_dir": [str, PathLike, None],
        "checkpoint_every": [Interval(Real, 0, None, closed="left")],
        "verbose": [Interval(Integral, 0, None, closed="left"), "boolean"],
    }

    def __init__(
        self,
        backbone: str | None = "resnet18",
        *,
        weights: str | PathLike | None = "DEFAULT",
        trainable: str | list[str] = "head",
        features: str = "auto",
        standardize: bool = True,
        attention: bool = False,
        category_dim: int = 50,
        hidden_dim: str | int | Sequence[int | None] | None = "auto",
        norm: str | None = "layer",
        dropout: str | float = "auto",
        loss: str | Loss = "bce",
        focal_gamma: float = 2.0,
        label_smoothing: float = 0.0,
        class_weight: str | dict | None = "balanced",
        missing: str = "ignore",
        categorical_attributes: str | list = "from_dtype",
        optimizer: str | BuildOptimizer = "adamw",
        learning_rate: float = 1e-3,
        backbone_learning_rate: float | None = None,
        weight_decay: float = 1e-2,
        schedule: str | BuildSchedule = "cosine",
        clip_grad_norm: float | None = None,
        freeze_epochs: int = 0,
        ema_decay: float | None = None,
        max_epochs: int = 20,
        batch_size: int = 32,
        accumulate_steps: int = 1,
        gradient_checkpointing: bool = False,
        compile: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        scoring: str | Callable[..., float] = "loss",
        calibrate: bool | str = False,
        thresholds: Rule | dict[Any, Rule] = 0.5,
        on_untuned: str = "keep",
        augment: str | Callable[[Tensor], Tensor] | None = "flip",
        augment_views: int | None = None,
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
        time_limit: float | None = None,
        checkpoint_dir: str | PathLike | None = None,
        checkpoint_every: float = 300.0,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.trainable = trainable
        self.features = features
        self.standardize = standardize
        self.attention = attention
        self.category_dim = category_dim
        self.hidden_dim = hidden_dim
        self.norm = norm
        self.dropout = dropout
        self.loss = loss
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.missing = missing
        self.categorical_attributes = categorical_attributes
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.backbone_learning_rate = backbone_learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip_grad_norm = clip_grad_norm
        self.freeze_epochs = freeze_epochs
        self.ema_decay = ema_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.accumulate_steps = accumulate_steps
        self.gradient_checkpointing = gradient_checkpointing
        self.compile = compile
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.calibrate = calibrate
        self.thresholds = thresholds
        self.on_untuned = on_untuned
        self.augment = augment
        self.augment_views = augment_views
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
        self.time_limit = time_limit
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
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
            A DataFrame has a column `image` with the paths and optionally `category` and `group`,
            the same for photos that belong together; others are ignored. A path may be a URL, such
            as ``https://...``, ``s3://...`` or ``zip://a.jpg::file:///shots.zip``
            (``pip install 'attrlearn[remote]'``). Images are a list of PIL images, uint8 arrays
            (H, W, 3) or the contents of image files (bytes, bytearray, memoryview, or open binary
            files such as BytesIO), or one uint8 array (N, H, W, 3). With ``backbone=None``: an
            array (N, D) of features, or a DataFrame of numeric columns and optionally `category`
            and `group`. An array of float16, float32 or float64, such as a ``numpy.memmap`` of more
            than fits into memory, is read batch by batch and not copied.
        y : array-like or DataFrame of shape (N, A)
            One column per attribute. Missing cells are NaN, None, NA, and -1 among numbers.
            Numeric and bool columns are binary and hold only 0 and 1. Text and pandas `category`
            columns are categorical, with the classes of the dtype, else the observed ones. A text
            that marks a missing cell, such as '', 'NA', 'nan' or '?', is an error in a text column;
            the classes of a `category` column are an explicit choice, and may be such a text.
            Text columns that spell 0 and 1, and those with about as many classes as labelled rows,
            are warned about unless `categorical_attributes` names them.
        categories : array-like of shape (N,), optional
            Kind of the depicted item, if X does not carry it; None or NaN where unknown.
        sample_weight : array-like of shape (N,) or (N, A), optional
            How much a row, or a cell, counts in the loss, the class weights and the tuning of
            thresholds: 0 or more.
        X_val, y_val : as X and y, optional
            Rows to hold out, in place of a random share of X, with `early_stopping`, `calibrate` or
            tuned thresholds. X_val carries its categories in itself.

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
            If an image cannot be read, unless ``on_bad_image="drop"``; its attributes `row`,
            `image` and `reason` say which and why.
        OSError
            If the weights cannot be read.
        ImportError
            If X holds URLs, and the extra ``remote`` is not installed.
        MemoryError
            If a training step does not fit into memory.
        KeyboardInterrupt
            After an interrupt, with the fitted attributes set from what was learnt so far.

        Notes
        -----
        Started by torchrun, the processes share the work: each computes features of its share of
        the images, and where a backbone is fine-tuned the gradient of its share of each batch. All
        end with the same fitted estimator.
        """
        self._validate_params()
        self._widths(fixed=True)
        self._check_compile()
        callbacks = _Callbacks(self, X, y, sample_weight)
        inputs, rows, attributes = self._check_rows(X, y, categories, sample_weight)
        rules = threshold_rules(self.thresholds, attributes)
        tunes = self._tunes(rules)
        chosen = self._check_validation_rows(X_val, y_val, inputs, attributes, tunes)
        device = resolve_device(self.device)
        warn_of_shared_gpu(device)
        with (
            self._open_session(device) as session,
            recording_gradients(),
            seeded(session.draw_seed(self.random_state), device) as generator,
        ):
            warn_of_idle_gpus(self.device, session.processes.n)
            self._identify(session, device, (inputs, rows), *([chosen] if chosen else []))
            last = self._last_network(inputs, attributes)
            backbone = last.backbone if last else self._build_backbone()
            pipeline = self._pipeline(device, self.resize)
            load = partial(self._load, backbone, pipeline, as_built=last is None)
            augment = self._check_augment(backbone)
            n_frozen = self._check_freeze_epochs(backbone)
            readable, train, bad_images = load(inputs, rows, augment, keep_features=n_frozen > 0)
            weights = class_weights(train.rows.count(attributes), attributes, self.class_weight)
            applicable = train.rows.applicable(attributes.names)
            train, validation, split_seed = train.weigh(weights), None, None
            if chosen is not None:
                validation = self._load_validation_rows(load, chosen, X_val, y_val)
                validation = validation.weigh(weights)
            elif self.early_stopping or (tunes and train.source.suffix is not None):
                split_seed = self._draw_split_seed(generator)
                train, validation = self._split(train, readable, split_seed, (X, y, sample_weight))
            self._check_batches(len(train), fixed=backbone is None or backbone.is_frozen)
            known = self.categories_ if last else train.rows.learnt_categories()
            warn_of_unlearnt(inputs.categories, known)
            network = last or self._build_network(backbone, inputs, attributes, len(known), train)
            fitted = self._describe(train, inputs, attributes, rules, known, applicable)
            fitted = replace(fitted, bad_images=bad_images, split_seed=split_seed)
            callbacks.describe = fitted.to_dict
            if tunes and validation is None:
                session.reserve(OUT_OF_FOLD_SHARE)
            self._go_on(session, network, is_warm=last is not None)
            history = self._train(
                network,
                train,
                fitted,
                generator,
                session,
                score=self._validation_score(validation, fitted, device),
                observer=callbacks,
                history=self._history if last else History(),
                max_epochs=self.max_epochs,
            )
            with session.catching_interrupts():
                if tunes and session.interrupt is None:
                    judged = self._judge(
                        network, train, validation, fitted, generator, session, len(history)
                    )
                    decisions = self._tune(fitted.decisions, rules, *judged)
                    fitted = replace(fitted, decisions=decisions)
            self._become(fitted, network, history)
            self._unfinished = session.unfinished
            session.close()
        callbacks.end_fit()
        if session.interrupt is not None:
            raise session.interrupt
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
            give. float32; NaN for an image that ``on_bad_image="drop"`` leaves out.

        Raises
        ------
        ImageError
            If an image cannot be read, unless ``on_bad_image="drop"``.

        Notes
        -----
        All predictions look the features of a frozen backbone up in the cache (`cache_dir`) and
        add what they compute to it for images given as paths alone. Nothing of an image in
        memory or of an open file is looked up or kept.
        """
        inputs = self._check(X, categories)
        probabilities, _ = self._predict(inputs, self.on_bad_image)
        return self._attributes.by_attribute(probabilities)

    def tune(self, X: Any, y: Any, categories: Any = None, *, sample_weight: Any = None) -> Self:
        """Tune thresholds, and with `calibrate` the rates, on other labelled rows.

        Nothing is trained: `thresholds_` and `calibration_` are chosen anew, by what the
        parameters `thresholds`, `calibrate` and `on_untuned` say now.

        Parameters
        ----------
        X, y, categories, sample_weight
            As in `fit`, of rows that were not learnt from.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or an argument breaks a rule.
        ImageError
            If an image cannot be read, unless ``on_bad_image="drop"``.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 4))
        >>> y = X[:, :1] + rng.normal(size=(200, 1)) > 1
        >>> clf = AttributeClassifier(None, random_state=0).fit(X[:100], y[:100])
        >>> clf.set_params(thresholds="f1").tune(X[100:], y[100:]).thresholds_["Attr1"] != 0.5
        True
        """
        self._validate_params()
        check_paired({"X": X, "y": y, "categories": categories, "sample_weight": sample_weight})
        inputs = self._check(X, categories)
        rules = threshold_rules(self.thresholds, self._attributes)
        table = self._attributes.check_known(check_table(y, len(inputs), self.attribute_names_))
        rows = LabelledRows.of(inputs, table, self._attributes, sample_weight)
        codes = encode_categories(inputs.categories, self.categories_, len(inputs))
        probabilities, _ = self._run_network(inputs, codes, self.on_bad_image)
        readable = np.flatnonzero(~np.isnan(probabilities[:, 0]))
        weights = [np.array([*by_class.values()]) for by_class in self.class_weight_.values()]
        calibration = undo_class_weight(weights) if self.calibrate else None
        start = Decisions.untuned(self._attributes, rules, calibration, self.category_factors_)
        decisions = self._tune(start, rules, rows.take(readable), probabilities[readable])
        self.__dict__.update(_describe_decisions(decisions))
        return self

    def predict(self, X: Any, categories: Any = None) -> np.ndarray:
        """Predict the class of every attribute.

        A binary one is there where its probability is above its threshold (`thresholds_`), and a
        categorical one has its most probable class.

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
        ImageError
            If an image cannot be read, whatever `on_bad_image` says: it has no class.
        """
        inputs = self._check(X, categories)
        with naming_cure('call predict_table with on_bad_image="drop"'):
            probabilities, _ = self._predict(inputs, "raise")
        return self._decisions.predict(probabilities)

    def predict_table(
        self, X: Any, categories: Any = None, *, min_confidence: float = 0.0
    ) -> pd.DataFrame:
        """Predict as a table for people.

        Parameters
        ----------
        X : as in `fit`, or one image
        categories : as in `fit`, or the category of the one image
        min_confidence : float, default=0.0
            Probability of the predicted class below which NA is predicted in its place.

        Returns
        -------
        DataFrame of N rows, with the index of X
            Per attribute ``<attribute>``, the predicted class, and ``<attribute>_proba``: where the
            classes are 0 and 1 the probability of 1, whatever is predicted, so that sorting by it
            puts the likeliest images first; else that of the predicted class. NA where an attribute
            has no threshold and abstains; NA and NaN where the
            attribute does not apply to the category (`applicable_`), and for an image that
            ``on_bad_image="drop"`` leaves out. With ``on_bad_image="drop"`` a last column
            `image_error` says why an image could not be read, NA where it could.

        Raises
        ------
        ImageError
            If an image cannot be read, unless ``on_bad_image="drop"``.
        ValueError
            If two columns would have one name, as with attributes `hood` and `hood_proba`.
        """
        return self._predict_table(
            self._check_people(X, categories, min_confidence), min_confidence
        )

    def iter_predict_table(
        self,
        X: Any,
        categories: Any = None,
        *,
        chunk_size: int = 1_000,
        min_confidence: float = 0.0,
    ) -> Iterator[pd.DataFrame]:
        """Predict as tables for people, a chunk of rows at a time.

        One below the other the tables are what `predict_table` gives, up to the rounding of
        probabilities. While a table is worked on, nothing else is held than X itself.

        Parameters
        ----------
        X, categories, min_confidence
            As in `predict_table`.
        chunk_size : int, default=1_000
            Rows of a table; the last one may have fewer. Each passes through memory as a whole,
            512 images at a time.

        Returns
        -------
        iterator of DataFrame
            Each is predicted when it is asked for. X, `categories` and the parameters are checked,
            and unknown categories are warned about, before.

        Raises
        ------
        ImageError
            By the iterator, if an image cannot be read, unless ``on_bad_image="drop"``; its `row`
            is the position in X. With it, there is a warning for each chunk that lacks images.
        ValueError
            If an argument breaks a rule of `predict_table`, or `chunk_size` is below 1.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.normal(size=(25, 4)), rng.choice([0, 1], (25, 2))
        >>> clf = AttributeClassifier(None, max_epochs=1).fit(X, y)
        >>> [len(table) for table in clf.iter_predict_table(X, chunk_size=10)]
        [10, 10, 5]
        """
        if not (isinstance(chunk_size, Integral) and chunk_size >= 1):
            raise ValueError(
                f"chunk_size must be a number of rows, 1 or more. Got {chunk_size!r}. Pass 1000."
            )
        inputs = self._check_people(X, categories, min_confidence)
        self._check_columns()
        size = int(chunk_size)
        return (
            self._predict_table(inputs.between(start, start + size), min_confidence)
            for start in range(0, len(inputs), size)
        )

    def predict_proba_table(self, X: Any, categories: Any = None) -> pd.DataFrame:
        """Predict the probabilities of all classes as a table for people.

        Parameters
        ----------
        X : as in `fit`, or one image
        categories : as in `fit`, or the category of the one image

        Returns
        -------
        DataFrame of N rows, with the index of X
            A column ``<attribute>=<class>`` per class, of a binary attribute ``<attribute>=1``
            alone. NaN, and with ``on_bad_image="drop"`` a column `image_error`, as in
            `predict_table`.

        Raises
        ------
        ImageError
            If an image cannot be read, unless ``on_bad_image="drop"``.
        """
        inputs = self._check_people(X, categories)
        probabilities, hidden, errors = self._predict_for_people(inputs)
        columns = {}
        for a, p in enumerate(self._attributes.split(probabilities)):
            name = self.attribute_names_[a]
            for k in range(self._attributes.is_binary[a], p.shape[1]):
                column = pd.Series(p[:, k], inputs.index).mask(hidden[:, a])
                columns[f"{name}={self._attributes.classes[a][k]}"] = column
        return pd.DataFrame(columns | errors, inputs.index)

    def score(self, X: Any, y: Any, categories: Any = None, sample_weight: Any = None) -> float:
        """Balanced accuracy on the labelled cells, averaged over the attributes.

        Parameters
        ----------
        X, y, categories, sample_weight
            As in `fit`.

        Returns
        -------
        float
            In [0, 1]. An attribute with fewer than two labelled classes is left out, with a
            warning; NaN if that leaves none.

        Raises
        ------
        ValueError
            If an argument breaks a rule of `fit`.
        ImageError
            If an image cannot be read, unless ``on_bad_image="drop"``.
        """
        check_paired({"X": X, "y": y, "categories": categories, "sample_weight": sample_weight})
        inputs = self._check(X, categories)
        truth = self._attributes.check_known(check_table(y, len(inputs), self.attribute_names_))
        probabilities, _ = self._predict(inputs, self.on_bad_image)
        readable = ~np.isnan(probabilities[:, 0])
        predicted = self._decisions.predict(np.nan_to_num(probabilities))
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, truth)
        # Not fewer rows: none may be readable.
        truth = truth.where(np.broadcast_to(readable[:, None], truth.shape))
        return float(
            balanced_accuracy_score(
                truth, predicted, sample_weight=sample_weight, classes=self.classes_
            )
        )

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

    def _pipeline(self, device: torch.device, resize: str) -> FeaturePipeline:
        """How images become features."""
        return FeaturePipeline(
            device, self.dtype, self.engine, resize, self.batch_size, self.n_jobs, self.cache_dir
        )

    def _check_rows(
        self, X: Any, y: Any, categories: Any, sample_weight: Any
    ) -> tuple[Inputs, LabelledRows, Attributes]:
        """What to learn from, checked."""
        check_paired({"X": X, "y": y, "categories": categories, "sample_weight": sample_weight})
        inputs = check_inputs(X, categories, features=self.backbone is None)
        table, attributes = check_attributes(y, len(inputs), self.categorical_attributes)
        warn_of_text(table, self.categorical_attributes)
        warn_of_marks(known_categories(inputs.categories))
        rows = LabelledRows.of(inputs, table, attributes, sample_weight, missing=self.missing)
        return inputs, rows, attributes

    def _check_validation_rows(
        self, X_val: Any, y_val: Any, inputs: Inputs, attributes: Attributes, tunes: bool
    ) -> tuple[Inputs, LabelledRows] | None:
        """The validation set that the user gives, if any; raise unless the scoring knows of it."""
        if self._asks_scorer:
            get_scorer(self.scoring)
        if (X_val is None) != (y_val is None):
            got = "X_val" if y_val is None else "y_val"
            raise ValueError(f"X_val and y_val must be given together. Got {got} alone. Pass both.")
        if X_val is None:
            return None
        if not (self.early_stopping or tunes):
            raise ValueError(
                "X_val and y_val must come with early_stopping=True, calibrate=True or tuned "
                "thresholds. Got early_stopping=False. Set it, or leave them out."
            )
        check_paired({"X_val": X_val, "y_val": y_val})
        with naming_argument("X_val, y_val"):
            inputs_val = check_inputs(X_val, features=self.backbone is None)
            check_same_features(inputs_val, inputs)
            table = attributes.check_known(check_table(y_val, len(inputs_val), attributes.names))
        warn_of_unknown(inputs_val.categories, known_categories(inputs.categories), len(inputs_val))
        return inputs_val, LabelledRows.of(inputs_val, table, attributes)

    def _check_augment(self, backbone: Backbone | None) -> Augment:
        """The augmentation, with a warning if it makes a frozen backbone run in each epoch."""
        kept = self.augment_views is not None
        if callable(self.augment) and backbone and backbone.is_frozen and not kept:
            warn(
                "A callable augment runs the frozen backbone again in each of the "
                f"{self.max_epochs} epochs. augment_views=4 runs it on 4 views of each image, once."
            )
        return self.augment

    def _check_compile(self) -> None:
        """Raise unless at most one of the two says how a backbone is run in training."""
        if self.compile and self.gradient_checkpointing:
            raise ValueError(
                "compile must be False with gradient_checkpointing=True. Got True. Leave one of "
                "the two out: compiled code chooses itself what to compute anew."
            )

    def _check_freeze_epochs(self, backbone: Backbone | None) -> int:
        """How many epochs train the head before a backbone that is fine-tuned."""
        if backbone is None or backbone.is_frozen:
            return 0
        if self.freeze_epochs >= self.max_epochs:
            raise ValueError(
                "freeze_epochs must leave epochs that train the backbone. Got "
                f"{self.freeze_epochs} of max_epochs={self.max_epochs}. Lower it, or pass "
                "trainable='head'."
            )
        return self.freeze_epochs

    def _check_batches(self, n_rows: int, *, fixed: bool) -> None:
        """Raise if batch-norm in the hidden layer would see single rows."""
        smallest = min(n_rows, self.batch_size)
        if any(self._widths(fixed=fixed)) and self.norm == "batch" and smallest < 2:
            raise ValueError(
                f"norm='batch' must have batches of two rows or more. Got {n_rows} rows and "
                f"batch_size={self.batch_size}. Pass norm='layer'."
            )

    def _last_network(self, inputs: Inputs, attributes: Attributes) -> AttributeNetwork | None:
        """The network of the last fit, with `warm_start`; copied, as a fit may fail."""
        if not (self.warm_start and hasattr(self, "network_")):
            return None
        changed = [n for n, v in self._network_parameters.items() if getattr(self, n) != v]
        if changed:
            raise ValueError(
                f"{changed} must be those of the last fit with warm_start=True. Got "
                f"{[getattr(self, n) for n in changed]}. Set warm_start=False to start anew."
            )
        before, now = self._attributes.describe(), attributes.describe()
        if before != now:
            raise ValueError(
                f"y must have the attributes and classes of the last fit with warm_start=True. "
                f"Got {now}. The last fit had {before}. Set warm_start=False to start anew."
            )
        self._check_features(inputs)
        warn_of_unknown(inputs.categories, self.categories_, len(inputs))
        return deepcopy(self.network_)

    def _build_backbone(self) -> Backbone | None:
        """A new backbone; None if X holds features."""
        if self.backbone is None:
            return None
        features = self.features
        if features == "auto":
            features = "stages" if self.trainable == "head" else "last"
        return build_backbone(
            self.backbone, self.weights, self.trainable, self.image_size, features
        )

    def _widths(self, *, fixed: bool) -> list[int | None]:
        """Width of the hidden layer of each head; `fixed`: whether features never change."""
        if isinstance(self.hidden_dim, str):
            return list(COMMITTEE) if fixed else [None]
        return member_widths(self.hidden_dim)

    def _head_options(self, n_features: int, *, fixed: bool) -> dict[str, Any]:
        """The parameters of the head, none of them "auto"."""
        options = {name: getattr(self, name) for name in HEAD_PARAMETERS}
        options["hidden_dim"] = self._widths(fixed=fixed)
        options["standardize"] = self.standardize and fixed
        if isinstance(self.dropout, str):
            options["dropout"] = 0.8 if fixed and n_features >= MANY_FEATURES else 0.5
        return options

    def _build_network(
        self,
        backbone: Backbone | None,
        inputs: Inputs,
        attributes: Attributes,
        n_categories: int,
        train: LoadedRows,
    ) -> AttributeNetwork:
        """A new network on a backbone, or on the features that X holds, for rows to learn from."""
        device = resolve_device(self.device)
        n_features = inputs.n_features if backbone is None else backbone.n_features
        fixed = backbone is None or backbone.is_frozen
        network = AttributeNetwork(
            backbone,
            n_features,
            attributes.n_classes,
            attributes.is_binary,
            n_categories,
            self._head_options(n_features, fixed=fixed),
        )
        network.float().to(device)
        standardize(network, train, device)
        return network

    def _load(
        self,
        backbone: Backbone | None,
        pipeline: FeaturePipeline,
        inputs: Inputs,
        rows: LabelledRows,
        augment: Augment,
        *,
        as_built: bool,
        keep_features: bool = False,
    ) -> tuple[np.ndarray, LoadedRows, pd.DataFrame]:
        """Positions of the rows that can be read, these rows, and a table of the other images.

        With `keep_features` also their features as a backbone that is yet to be trained gives them;
        `as_built` as in `FeatureExtractor`.
        """
        reader = pipeline.open_reader(inputs, backbone, self.on_bad_image)
        extractor = pipeline.extractor(backbone, as_built=as_built) if backbone else None
        readable, source = open_source(reader, extractor, augment, self.augment_views, self.verbose)
        loaded = LoadedRows(rows.take(readable), source)
        if keep_features:
            assert extractor is not None
            assert isinstance(reader, ImageReader)
            views = augment, self.augment_views
            _, features = open_features(reader, extractor, *views, self.verbose)
            loaded = replace(loaded, frozen=features)
        return readable, loaded, reader.report_bad()

    def _load_validation_rows(
        self,
        load: Callable[..., tuple[np.ndarray, LoadedRows, pd.DataFrame]],
        chosen: tuple[Inputs, LabelledRows],
        X_val: Any,
        y_val: Any,
    ) -> "_ValidationRows":
        """The validation set that the user gives, those rows that can be read."""
        inputs, rows = chosen
        with naming_argument("X_val"):
            readable, loaded, _ = load(inputs, rows, None)
        if isinstance(y_val, pd.DataFrame):
            y_val = y_val[list(rows.table)]  # scorers compare by position
        return _ValidationRows(
            loaded, select_rows(X_val, readable), select_rows(y_val, readable), None
        )

    def _draw_split_seed(self, generator: torch.Generator) -> int:
        """Seed of the split; with `warm_start` the last one.

        So the network has not learnt from the rows that validate it.
        """
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        if self.warm_start and getattr(self, "_split_seed", None) is not None:
            return self._split_seed
        return seed

    def _split(
        self, loaded: LoadedRows, readable: np.ndarray, seed: int, passed: tuple[Any, Any, Any]
    ) -> tuple[LoadedRows, "_ValidationRows"]:
        """The rows to learn from, and a random share of them as the validation set."""
        if len(loaded) - ceil(self.validation_fraction * len(loaded)) < 1:
            raise ValueError(
                "validation_fraction must leave rows to learn from. Got "
                f"{self.validation_fraction} of {len(loaded)} rows. Lower it, or pass X_val and "
                "y_val."
            )
        splitter = AttributeShuffleSplit(1, test_size=self.validation_fraction, random_state=seed)
        table = loaded.rows.counted()
        ((learnt, out),) = splitter.split(table, table, loaded.rows.groups)
        if not self._asks_scorer:
            passed = None, None, None  # a tenth of X may be more than memory holds
        arguments = (select_rows(values, readable[out]) for values in passed)
        validation = _ValidationRows(loaded.take(out).labelled(), *arguments)
        return loaded.take(learnt), validation

    def _train(
        self,
        network: AttributeNetwork,
        train: LoadedRows,
        fitted: "_Fitted",
        generator: torch.Generator,
        session: Session,
        *,
        score: Score | None,
        observer: EpochObserver,
        history: History,
        max_epochs: int,
    ) -> History:
        """Train the network in place, and return what became of it."""
        device = resolve_device(self.device)
        fit = partial(
            fit_network,
            network,
            n_iter_no_change=self.n_iter_no_change,
            observer=observer,
            session=session,
            loss=self._build_loss(fitted),
            schedule=self.schedule,
            clip_grad_norm=self.clip_grad_norm,
            ema_decay=self.ema_decay,
            batch_size=self.batch_size,
            accumulate_steps=self.accumulate_steps,
            gradient_checkpointing=self.gradient_checkpointing,
            compile=self.compile,
            dtype=resolve_dtype(self.dtype, device),
            generator=generator,
            verbose=self.verbose,
        )
        head = parameter_groups(
            network.head.parameters(), self.learning_rate, self.weight_decay, n_dims_of_bias=2
        )
        if train.frozen is not None:
            max_epochs -= self.freeze_epochs
            if not session.is_past("freeze_epochs"):
                history = fit(
                    replace(train, source=train.frozen).examples(fitted.categories, device),
                    phase="freeze_epochs",
                    score=None,
                    history=history,
                    optimizer=build_optimizer(self.optimizer, head),
                    max_epochs=self.freeze_epochs,
                )
            if session.is_ended:
                return history
        return fit(
            train.examples(fitted.categories, device),
            phase="main",
            score=score,
            history=history,
            optimizer=build_optimizer(self.optimizer, head + self._backbone_groups(network)),
            max_epochs=max_epochs,
        )

    def _open_session(self, device: torch.device) -> AbstractContextManager[Session]:
        """The session of a fit on a device."""
        return open_session(self.time_limit, self.checkpoint_dir, self.checkpoint_every, device)

    def _identify(
        self,
        session: Session,
        device: torch.device,
        *parts: tuple[Inputs, LabelledRows],
    ) -> None:
        """Tell a session what this fit is of, from rows to learn from and to validate by."""
        parameters = {n: v for n, v in self.get_params().items() if n not in RUN_PARAMETERS}
        if not isinstance(self.random_state, Integral):
            del parameters["random_state"]
        parameters["dtype"] = str(resolve_dtype(self.dtype, device))
        parameters["device"] = device.type
        parameters["processes"] = session.processes.n
        described = describe_parameters(parameters)
        session.identify("parameters", lambda: described)
        session.identify("rows of X and y", partial(hash_of_rows, parts))

    def _go_on(self, session: Session, network: AttributeNetwork, *, is_warm: bool) -> None:
        """Let a session go on from where this fit, or with `warm_start` the last one, has ended."""
        begun_with = None
        if is_warm and self._unfinished is not None and session.go_on_from(self._unfinished):
            begun_with = self._unfinished.record["of"].get("weights to begin with")
        if session.folder is not None:
            hashed = begun_with or hash_of_network(network)
            session.identify("weights to begin with", lambda: hashed)

    def _build_loss(self, fitted: "_Fitted") -> Loss:
        """What training minimises."""
        return build_loss(self.loss, fitted.attributes, self.focal_gamma, self.label_smoothing)

    def _backbone_groups(self, network: AttributeNetwork) -> list[dict[str, Any]]:
        """What of the backbone is trained, with its own learning rate."""
        if network.backbone is None:
            return []
        share = 1.0 if self.weights is None else 0.1
        rate = self.backbone_learning_rate or share * self.learning_rate
        return parameter_groups(network.backbone.parameters(), rate, self.weight_decay)

    def _validation_score(
        self, validation: "_ValidationRows | None", fitted: "_Fitted", device: torch.device
    ) -> Score | None:
        """What scores the network after each epoch, with `early_stopping`."""
        if validation is None or not self.early_stopping:
            return None
        validation_set = validation.validation_set(fitted.categories, device)
        loss, dtype = self._build_loss(fitted), resolve_dtype(self.dtype, device)

        def score(network: AttributeNetwork, history: History) -> float:
            outputs = validation_set.log_probabilities(network, self.batch_size, dtype)
            if self.scoring == "loss":
                return validation_set.negative_loss(outputs, loss)
            codes = validation_set.examples.categories.cpu().numpy()
            probabilities = fitted.decisions.apply(outputs.exp().cpu().numpy(), codes)
            as_fitted = copy(self)._become(fitted, network, history, is_learning=True)
            predictions = ValidationPredictions(as_fitted, fitted.decisions, probabilities)
            return validation_set.score(get_scorer(self.scoring), predictions)

        return score

    def _judge(
        self,
        network: AttributeNetwork,
        train: LoadedRows,
        validation: "_ValidationRows | None",
        fitted: "_Fitted",
        generator: torch.Generator,
        session: Session,
        n_epochs: int,
    ) -> tuple[LabelledRows, np.ndarray]:
        """Rows that were not learnt from, and their probabilities (N, C).

        Those of the validation set; without one, all rows, by networks of `n_epochs` that learnt
        from other folds.
        """
        device = resolve_device(self.device)
        dtype = resolve_dtype(self.dtype, device)
        parts = session.parts(N_FOLDS)

        def predict(network: AttributeNetwork, loaded: LoadedRows) -> np.ndarray:
            examples = loaded.examples(fitted.categories, device)
            outputs = predict_log_probabilities(network, examples, self.batch_size, dtype)
            return outputs.exp().cpu().numpy()

        def fit_and_predict(learnt: LoadedRows, rest: LoadedRows) -> np.ndarray:
            of_fold = self._build_network(
                network.backbone, fitted.inputs, fitted.attributes, len(fitted.categories), learnt
            )
            part = next(parts)
            self._train(
                of_fold,
                learnt,
                fitted,
                generator,
                part,
                score=None,
                observer=NoObserver(),
                history=History(),
                max_epochs=n_epochs,
            )
            if part.interrupt is not None:
                raise part.interrupt
            return predict(of_fold, rest)

        if validation is not None:
            return validation.loaded.rows, predict(network, validation.loaded)
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        return train.labelled().rows, predict_out_of_fold(train, fit_and_predict, seed)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the state of a fit that ended early, several times the network in size."""
        state = super().__getstate__()
        state.pop("_unfinished", None)
        return state

    @property
    def _asks_scorer(self) -> bool:
        """Whether a scorer judges each epoch, by the rows as they were given."""
        return self.early_stopping and self.scoring != "loss"

    def _describe(
        self,
        train: LoadedRows,
        inputs: Inputs,
        attributes: Attributes,
        rules: dict[Any, Rule],
        known: np.ndarray,
        applicable: pd.DataFrame,
    ) -> "_Fitted":
        """What is known before the network has learnt, from rows whose classes are weighed."""
        assert train.rows.class_weight is not None
        weights = attributes.split(train.rows.class_weight)
        calibration = undo_class_weight(weights) if self.calibrate else None
        counts = train.rows.count_by_category(known, attributes)
        factors = category_factors(counts, known, attributes)
        return _Fitted(
            attributes=attributes,
            decisions=Decisions.untuned(attributes, rules, calibration, factors),
            categories=known,
            applicable=applicable,
            class_weight=weights,
            inputs=inputs,
            resize=self.resize,
            network_parameters={name: getattr(self, name) for name in NETWORK_PARAMETERS},
        )

    def _tunes(self, rules: dict[Any, Rule]) -> bool:
        """Whether decisions are tuned on rows that are not learnt from."""
        return self._fits_calibration or any(map(is_tuned, rules.values()))

    @property
    def _fits_calibration(self) -> bool:
        """Whether temperature and biases are fitted: True, that of numpy too, as a search gives."""
        return not isinstance(self.calibrate, str) and bool(self.calibrate)

    def _tune(
        self,
        decisions: Decisions,
        rules: dict[Any, Rule],
        rows: LabelledRows,
        probabilities: np.ndarray,
    ) -> Decisions:
        """Calibration and thresholds from labelled rows and their probabilities (N, C)."""
        cells = rows.targets, rows.weights
        if self._fits_calibration:
            decisions = decisions.fit_calibration(probabilities, *cells)
        return decisions.tune_thresholds(
            rules,
            decisions.calibrate(probabilities),
            *cells,
            abstain=self.on_untuned == "abstain",
        )

    def _become(
        self,
        fitted: "_Fitted",
        network: AttributeNetwork,
        history: History,
        *,
        is_learning: bool = False,
    ) -> Self:
        """Set the attributes of the fitted estimator, and none of an earlier fit."""
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        self.__dict__.update(fitted.to_dict(network, history), _is_learning=is_learning)
        return self

    def _check(self, X: Any, categories: Any) -> Inputs:
        """X and categories as the fitted network takes them."""
        check_is_fitted(self)
        check_paired({"X": X, "categories": categories})
        inputs = check_inputs(X, categories, features=self.network_.backbone is None)
        self._check_features(inputs)
        warn_of_unknown(inputs.categories, self.categories_, len(inputs))
        return inputs

    def _check_features(self, inputs: Inputs) -> None:
        """Raise unless X holds the features of fit, if it holds features."""
        if inputs.features is not None:
            validate_data(self, inputs.feature_table(), reset=False, skip_check_array=True)

    def _check_columns(self) -> None:
        """Raise if two columns of the table for people would have one name."""
        names = [f"{name}_proba" for name in self.attribute_names_]
        names += ["image_error"] * (self.on_bad_image == "drop")
        taken = next((name for name in self.attribute_names_ if name in names), None)
        if taken is not None:
            raise ValueError(
                f"predict_table must have one column per name. Got the attribute {taken!r}, which "
                "is also the name of another column. Call predict and predict_proba, or rename the "
                "attribute and fit again."
            )

    @property
    def _decisions(self) -> Decisions:
        """What the fitted estimator makes of probabilities."""
        return Decisions(
            self._attributes, self.thresholds_, self._calibration, self.category_factors_
        )

    def _check_people(self, X: Any, categories: Any, min_confidence: float = 0.0) -> Inputs:
        """The rows of a table for people; X may be one image."""
        if not 0 <= min_confidence <= 1:
            raise ValueError(
                f"min_confidence must be a probability in [0, 1]. Got {min_confidence}. Pass 0 to "
                "predict everything."
            )
        check_is_fitted(self)
        if self.network_.backbone is not None and is_single(X):
            X, categories = [X], None if categories is None else [categories]
        return self._check(X, categories)

    def _predict_table(self, inputs: Inputs, min_confidence: float) -> pd.DataFrame:
        """What `predict_table` says of rows."""
        probabilities, hidden, errors = self._predict_for_people(inputs)
        classes = self._decisions.predict(np.nan_to_num(probabilities))
        confidence = self._decisions.confidence(probabilities, classes)
        unsure = hidden | self._decisions.abstains | (confidence < min_confidence)
        columns = {}
        for a, p in enumerate(self._attributes.split(probabilities)):
            name, known = self.attribute_names_[a], self._attributes.classes[a]
            shown = p[:, 1] if list(known) == [0, 1] else confidence[:, a]
            # Of all classes, so that each part of a table has the same.
            dtype = pd.Series(list(known)).convert_dtypes().dtype
            values = pd.Series(classes[:, a], inputs.index).astype(dtype)
            columns[name] = values.mask(unsure[:, a], pd.NA)
            columns[f"{name}_proba"] = pd.Series(shown, inputs.index).mask(hidden[:, a])
        return pd.DataFrame(columns | errors, inputs.index)

    def _predict_for_people(
        self, inputs: Inputs
    ) -> tuple[np.ndarray, np.ndarray, dict[str, pd.Series]]:
        """Probabilities (N, C); (N, A) which to hide.

        And a column `image_error` where images that cannot be read are dropped.
        """
        probabilities, bad = self._predict(inputs, self.on_bad_image)
        codes = encode_categories(inputs.categories, self.applicable_.index, len(inputs))
        # The unknown category comes first, and rules nothing out.
        ruled_out = np.vstack([np.zeros(self.n_attributes_, bool), ~self.applicable_.to_numpy()])
        hidden = ruled_out[codes] | np.isnan(probabilities[:, :1])
        errors = {}
        if self.on_bad_image == "drop":
            rows = range(inputs.first_row, inputs.first_row + len(inputs))
            reasons = bad.set_index("row")["reason"].reindex(rows)
            errors["image_error"] = reasons.astype("string").set_axis(inputs.index)
        return probabilities, hidden, errors

    def _predict(self, inputs: Inputs, on_bad_image: str) -> tuple[np.ndarray, pd.DataFrame]:
        """Class probabilities (N, C), and a table of the images that cannot be read."""
        codes = encode_categories(inputs.categories, self.categories_, len(inputs))
        probabilities, bad_images = self._run_network(inputs, codes, on_bad_image)
        return self._decisions.apply(probabilities, codes), bad_images

    def _run_network(
        self, inputs: Inputs, codes: np.ndarray, on_bad_image: str
    ) -> tuple[np.ndarray, pd.DataFrame]:
        """The same, as the network gives them."""
        pipeline = self._pipeline(resolve_device(self.device), self._resize)
        backbone = self.network_.backbone
        if self._is_learning and backbone is not None and not backbone.is_frozen:
            pipeline = replace(pipeline, engine="torch")  # until the next epoch, no conversion pays
        return predict_probabilities(self.network_, inputs, codes, pipeline, on_bad_image)


@dataclass(frozen=True)
class _ValidationRows:
    """Rows of the validation set, as the network and as a scorer sees them."""

    loaded: LoadedRows
    X: Any
    y: Any
    sample_weight: Any

    def validation_set(self, known: np.ndarray, device: torch.device) -> ValidationSet:
        """For a network that knows these categories."""
        examples = self.loaded.examples(known, device)
        return ValidationSet(self.X, self.y, self.sample_weight, examples)

    def weigh(self, class_weight: list[np.ndarray]) -> Self:
        """The rows, the weight of each cell times that of its class."""
        return replace(self, loaded=self.loaded.weigh(class_weight))


@dataclass(frozen=True)
class _Fitted:
    """What `fit` finds out beside the network."""

    attributes: Attributes
    decisions: Decisions
    categories: np.ndarray
    applicable: pd.DataFrame
    class_weight: list[np.ndarray]
    inputs: Inputs
    resize: str
    network_parameters: dict[str, Any]
    bad_images: pd.DataFrame = field(default_factory=no_bad_images)
    split_seed: int | None = None

    def to_dict(self, network: AttributeNetwork, history: History) -> dict[str, Any]:
        """All attributes of the fitted estimator."""
        names, classes = self.attributes.names, self.attributes.classes
        return {
            "attribute_names_": names,
            "n_attributes_": len(names),
            "classes_": np.arange(len(names)) if all(self.attributes.is_binary) else classes,
            "categories_": self.categories,
            "applicable_": self.applicable,
            "class_weight_": {
                name: dict(zip(values.tolist(), weights.tolist(), strict=True))
                for name, values, weights in zip(names, classes, self.class_weight, strict=True)
            },
            "network_": network,
            "loss_curve_": history.loss_curve,
            "validation_scores_": history.validation_scores,
            "history_": history.to_frame(),
            "n_epochs_": len(history),
            "best_epoch_": history.best_epoch,
            "bad_images_": self.bad_images,
            "_attributes": self.attributes,
            "_history": history,
            "_resize": self.resize,
            "_split_seed": self.split_seed,
            **_describe_decisions(self.decisions),
            "_network_parameters": self.network_parameters,
            **self.inputs.feature_attributes(),
        }


def _describe_decisions(decisions: Decisions) -> dict[str, Any]:
    """The attributes of the fitted estimator that tell of its decisions."""
    return {
        "_calibration": decisions.calibration,
        "thresholds_": decisions.thresholds,
        "calibration_": decisions.calibration_table(),
        "category_factors_": decisions.category_factors,
    }


class _Callbacks:
    """Tells scikit-learn's callbacks of a fit and its epochs."""

    describe: Callable[[AttributeNetwork, History], dict[str, Any]]

    def __init__(self, estimator: AttributeClassifier, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(max_subtasks=estimator.max_epochs)
        self._fit.call_on_fit_task_begin(**self._told)

    def begin(self) -> None:
        """An epoch begins."""
        epoch = self._fit.subcontext(task_name="epoch")
        self._epoch: CallbackContext = epoch.call_on_fit_task_begin(**self._told)

    def end(self, network: AttributeNetwork, history: History) -> bool:
        """An epoch has ended; return whether to stop."""
        return self._epoch.call_on_fit_task_end(
            **self._told,
            reconstruction_attributes=lambda: {
                **self.describe(network.snapshot(), history),
                "_is_learning": True,
            },
        )

    def end_fit(self) -> None:
        """The fit has ended."""
        self._fit.call_on_fit_task_end(**self._told, reconstruction_attributes={})
