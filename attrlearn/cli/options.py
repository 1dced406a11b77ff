"""The options of commands that stand for parameters of the library.

An option that is not given is left to the default of the library, which is written there alone.
"""

import argparse
import ast
import re
import shlex
from collections.abc import Callable, Collection
from typing import Any

__all__ = [
    "EMBEDDER_OPTIONS",
    "ESTIMATOR_OPTIONS",
    "LABELLING_OPTIONS",
    "LABEL_OPTIONS",
    "PREDICTION_OPTIONS",
    "add_estimator_options",
    "add_label_options",
    "fraction",
    "given_options",
    "integer_between",
    "speak_of_options",
    "text_or_none",
]


def fraction(text: str) -> float:
    """Return the number that a text spells, at least 0 and below 1.

    Examples
    --------
    >>> fraction(".25")
    0.25
    """
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and below 1. Got {text}.")
    return number


def integer_between(lowest: int, highest: int) -> Callable[[str], int]:
    """Return what reads an integer in a range, both ends included.

    Examples
    --------
    >>> integer_between(1, 65535)("8501")
    8501
    """

    def parse(text: str) -> int:
        if not (text.isdecimal() and lowest <= int(text) <= highest):
            raise argparse.ArgumentTypeError(
                f"must be an integer from {lowest} to {highest}. Got {text!r}."
            )
        return int(text)

    return parse


def text_or_none(text: str) -> str | None:
    """Return the text itself; None for the word none.

    Examples
    --------
    >>> text_or_none("resnet18"), text_or_none("1e5"), text_or_none("none")
    ('resnet18', '1e5', None)
    """
    return None if text.lower() == "none" else text


def literal(text: str) -> Any:
    """Return the Python literal that a text spells, else the word.

    Examples
    --------
    >>> [literal(text) for text in ("128", "none", "balanced", "{'hood': {1: 3}}")]
    [128, None, 'balanced', {'hood': {1: 3}}]
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return text_or_none(text)


LABEL_OPTIONS: dict[str, dict[str, Any]] = {
    "image_dir": {
        "metavar": "DIR",
        "help": "folder of the images, or its URL (that of the labels file)",
    },
    "image_column": {"metavar": "NAME", "help": "column with the file names (the first)"},
    "category_column": {"metavar": "NAME", "help": "column with the category of the item"},
    "group_column": {"metavar": "NAME", "help": "column that images of one product share"},
    "attribute_columns": {"metavar": "NAME", "nargs": "+", "help": "attributes (all the others)"},
    "categorical": {"metavar": "NAME", "nargs": "+", "help": "attributes that hold class codes"},
    "na_values": {
        "metavar": "TEXT",
        "nargs": "*",
        "help": "what marks a missing cell, beside nothing at all (NA, N/A, #N/A, nan, null, ...)",
    },
    "on_duplicate": {
        "choices": ["raise", "first", "merge", "keep"],
        "help": "what to do with several rows of one image (raise)",
    },
    "on_missing_image": {
        "choices": ["raise", "drop", "keep"],
        "help": "what to do with rows whose image is not there (raise)",
    },
}

ESTIMATOR_OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "backbone": (text_or_none, "a model of torchvision, by name (resnet18)"),
    "weights": (text_or_none, "a file with a state dict, none, or DEFAULT: download (DEFAULT)"),
    "trainable": (
        literal,
        "head, last_block, all, or modules as \"['features.17', 'features.18']\" (head)",
    ),
    "features": (
        text_or_none,
        "of the backbone: stages, last, or auto: those of all stages if it is frozen (auto)",
    ),
    "standardize": (bool, "bring features to mean 0 and variance 1 (yes)"),
    "attention": (bool, "weigh each feature by the others (no)"),
    "category_dim": (int, "width of the category embedding (50)"),
    "hidden_dim": (
        literal,
        "width of the hidden layer, or none; several, as '(None, 128)', are averaged (auto)",
    ),
    "norm": (text_or_none, "in the hidden layer: layer, batch or none (layer)"),
    "dropout": (literal, "share of the inputs of the heads dropped in training (auto)"),
    "loss": (text_or_none, "bce, focal or asymmetric (bce)"),
    "focal_gamma": (float, "of the focal loss: how much less cells predicted well count (2)"),
    "label_smoothing": (float, "share of a label that is spread over all classes (0)"),
    "class_weight": (literal, "balanced, none, or as \"{'hood': {1: 3}}\" (balanced)"),
    "missing": (text_or_none, "what missing cells are taken for: ignore or negative (ignore)"),
    "categorical_attributes": (
        literal,
        "0/1 attributes taken as categorical, as \"['hood']\" (from_dtype)",
    ),
    "optimizer": (text_or_none, "adamw, adam or sgd (adamw)"),
    "learning_rate": (float, "the highest of the schedule (0.001)"),
    "backbone_learning_rate": (
        literal,
        "that of a backbone that is fine-tuned, or none: a tenth if pretrained (none)",
    ),
    "weight_decay": (float, "decay of the weights (0.01)"),
    "schedule": (text_or_none, "constant, cosine or onecycle (cosine)"),
    "clip_grad_norm": (literal, "greatest norm of the gradient of a step, or none (none)"),
    "freeze_epochs": (int, "epochs that train the head alone before a backbone (0)"),
    "ema_decay": (literal, "decay of a moving average of the weights, or none (none)"),
    "max_epochs": (int, "passes over the rows (20)"),
    "batch_size": (int, "images at once (32)"),
    "accumulate_steps": (int, "batches per optimiser step (1)"),
    "gradient_checkpointing": (bool, "fine-tune in less memory and more time (no)"),
    "compile": (bool, "fine-tune with compiled code, which a C++ compiler makes first (no)"),
    "early_stopping": (bool, "hold images out, stop when their score no longer rises (no)"),
    "validation_fraction": (float, "share of the images held out for it (0.1)"),
    "n_iter_no_change": (int, "epochs without a better score after which to stop (5)"),
    "scoring": (text_or_none, "loss, average_precision, roc_auc, f1, ... (loss)"),
    "calibrate": (literal, "probabilities are rates: True, class_weight or False (False)"),
    "thresholds": (
        literal,
        "of binary attributes: a number, f1, balanced_accuracy, 'precision>=0.9', or as "
        "\"{'hood': 'f1'}\" (0.5)",
    ),
    "on_untuned": (text_or_none, "attributes without a threshold: keep (0.5) or abstain (keep)"),
    "augment": (text_or_none, "how images change at random: flip, light, strong or none (flip)"),
    "augment_views": (
        literal,
        "views of an image that a frozen backbone sees, or none: two (none)",
    ),
    "image_size": (int, "height and width of the images in pixels, once resized (224)"),
    "resize": (text_or_none, "squash, pad or crop (squash)"),
    "cache_dir": (text_or_none, "folder that keeps features for other runs, auto or none (auto)"),
    "on_bad_image": (
        text_or_none,
        "what to do with images that cannot be read: raise or drop (raise)",
    ),
    "device": (text_or_none, "auto, or cpu, cuda, mps, ... (auto)"),
    "dtype": (text_or_none, "auto, float32 or bfloat16 (auto)"),
    "engine": (
        text_or_none,
        "what runs a backbone that no longer learns: auto, torch or openvino (auto)",
    ),
    "n_jobs": (literal, "threads that decode images, or none: those of torch (none)"),
    "random_state": (literal, "seed, or none: another each time (none)"),
    "warm_start": (bool, "stored in the model, for a further fit in Python (no)"),
    "time_limit": (literal, "seconds after which training ends with what it has, or none (none)"),
    "checkpoint_dir": (
        text_or_none,
        "folder from which a training that was killed goes on when started again, or none (none)",
    ),
    "checkpoint_every": (float, "seconds from one state in it to the next (300)"),
    "verbose": (int, "1: progress on standard error (1 on a terminal, else 0)"),
}

EMBEDDER_OPTIONS = (
    "backbone",
    "weights",
    "features",
    "image_size",
    "resize",
    "batch_size",
    "cache_dir",
    "device",
    "dtype",
    "engine",
    "random_state",
)

PREDICTION_OPTIONS = ("cache_dir", "device", "engine")
# What becomes of several rows of an image, or of an image that is not there, its page decides.
LABELLING_OPTIONS = tuple(name for name in LABEL_OPTIONS if not name.startswith("on_"))

_PARAMETERS = {
    "train": (*LABEL_OPTIONS, *ESTIMATOR_OPTIONS, "test_size"),
    "evaluate": (*LABEL_OPTIONS, *PREDICTION_OPTIONS),
    "predict": (*PREDICTION_OPTIONS, "image_dir", "image_column", "category_column"),
    "app": ("device", "engine"),
    "audit": (*LABEL_OPTIONS, *EMBEDDER_OPTIONS, "max_distance"),
    "label": (*LABELLING_OPTIONS, *EMBEDDER_OPTIONS),
}
_NO_OPTION = ", or pass X_val and y_val"  # a cure that a command does not have
_LITERAL = r"""'[^']*'|"[^"]*"|\[[^]]*\]|[\w+-]+(?:\.\w+)*"""


def add_label_options(
    group: argparse._ArgumentGroup, names: Collection[str] = tuple(LABEL_OPTIONS)
) -> None:
    """Add one option per parameter of `read_labels`, or of those that are named."""
    for name in names:
        group.add_argument(_flag(name), default=argparse.SUPPRESS, **LABEL_OPTIONS[name])


def add_estimator_options(
    group: argparse._ArgumentGroup, names: Collection[str] = tuple(ESTIMATOR_OPTIONS)
) -> None:
    """Add one option per parameter of `AttributeClassifier`, or of those named."""
    for name in names:
        kind, text = ESTIMATOR_OPTIONS[name]
        settings: dict[str, Any] = {"type": kind, "metavar": "VALUE"}
        if kind is bool:
            settings = {"action": argparse.BooleanOptionalAction}
        group.add_argument(_flag(name), default=argparse.SUPPRESS, help=text, **settings)


def given_options(arguments: argparse.Namespace, names: Collection[str]) -> dict[str, Any]:
    """Return the parameters among `names` that were given."""
    return {name: value for name, value in vars(arguments).items() if name in names}


def speak_of_options(message: str, command: str) -> str:
    """Write the parameters of the library that a message names as the options of a command.

    Quoted text, which is the user's, stays as it is.

    Examples
    --------
    >>> speak_of_options("Check image_dir, or pass on_missing_image='drop'.", "train")
    'Check --image-dir, or pass --on-missing-image drop.'
    >>> speak_of_options("Got 'image_dir=3'. Pass weights=None.", "train")
    "Got 'image_dir=3'. Pass --weights none."
    """
    if command not in _PARAMETERS:
        return message
    names = "|".join(_PARAMETERS[command])
    compound = "|".join(name for name in _PARAMETERS[command] if "_" in name)
    mentions = (
        rf"(?<![\w./\\-])(?P<name>{names})=(?P<value>{_LITERAL})",
        rf"The '(?P<checked>{names})' parameter of \w+",  # by scikit-learn
        r"""(?<!\w)(?:'[^']*'|"[^"]*")""",
        rf"^(?P<subject>{names})(?= must )",
        rf"(?<![\w./\\-])(?P<bare>{compound})(?![\w/\\-]|\.\w)",
    )
    return re.sub("|".join(mentions), _as_option, message.replace(_NO_OPTION, ""))


def _as_option(mention: re.Match[str]) -> str:
    """What a user types in place of a parameter, with its value if there is one."""
    if mention["name"]:
        return _with_value(mention["name"], mention["value"])
    name = mention["checked"] or mention["subject"] or mention["bare"]
    return _flag(name) if name else mention[0]


def _with_value(name: str, literal: str) -> str:
    """An option with the value that a literal of Python stands for."""
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        value = literal
    if isinstance(value, bool):
        return _flag(name if value else f"no_{name}")
    if isinstance(value, list) and name in LABEL_OPTIONS:
        return " ".join([_flag(name), *(shlex.quote(str(item)) for item in value)])
    if isinstance(value, list):
        return f'{_flag(name)} "{literal}"'
    return f"{_flag(name)} {'none' if value is None else shlex.quote(str(value))}"


def _flag(name: str) -> str:
    """A parameter's name as an option."""
    return "--validation" if name == "test_size" else "--" + name.replace("_", "-")
