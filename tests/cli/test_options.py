import argparse
import inspect
import re
import shlex
from typing import get_args

import pytest

from attrlearn import AttributeClassifier, read_labels
from attrlearn.cli.options import (
    ESTIMATOR_OPTIONS,
    LABEL_OPTIONS,
    add_estimator_options,
    add_label_options,
    given_options,
    speak_of_options,
)

ESTIMATOR = {
    name: parameter.default
    for name, parameter in inspect.signature(AttributeClassifier).parameters.items()
}
LABELS = dict(inspect.signature(read_labels).parameters)


def parse(*argv):
    parser = argparse.ArgumentParser()
    add_label_options(parser.add_argument_group())
    add_estimator_options(parser.add_argument_group())
    arguments = parser.parse_args(argv)
    return given_options(arguments, LABEL_OPTIONS), given_options(arguments, ESTIMATOR_OPTIONS)


def test_every_parameter_of_the_estimator_is_an_option_in_the_order_of_the_signature():
    assert list(ESTIMATOR_OPTIONS) == list(ESTIMATOR)


def test_every_parameter_of_read_labels_but_the_file_is_an_option():
    assert ["path", *LABEL_OPTIONS] == list(LABELS)


@pytest.mark.parametrize("name", sorted(set(ESTIMATOR) - {"verbose"}))
def test_the_default_in_the_help_is_that_of_the_signature(name):
    kind, text = ESTIMATOR_OPTIONS[name]
    default = re.search(r"\(([^()]*)\)$", text)[1]
    parsed = {"no": False, "yes": True}[default] if kind is bool else kind(default)
    assert parsed == ESTIMATOR[name]
    assert type(parsed) is type(ESTIMATOR[name])


@pytest.mark.parametrize("name", ["on_duplicate", "on_missing_image"])
def test_choices_and_default_are_those_of_the_signature(name):
    settings = LABEL_OPTIONS[name]
    assert tuple(settings["choices"]) == get_args(LABELS[name].annotation)
    assert settings["help"].endswith(f"({LABELS[name].default})")


def test_the_missing_marks_in_the_help_are_defaults():
    marks = re.search(r"\((.*), \.\.\.\)$", LABEL_OPTIONS["na_values"]["help"])[1].split(", ")
    assert set(marks) < set(LABELS["na_values"].default)


def test_what_is_not_given_is_left_to_the_library():
    assert parse() == ({}, {})


@pytest.mark.parametrize(
    ("argv", "parameters"),
    [
        (["--backbone", "none"], {"backbone": None}),
        (["--weights", "1e5"], {"weights": "1e5"}),
        (["--weights", "None"], {"weights": None}),
        (["--attention"], {"attention": True}),
        (["--no-attention"], {"attention": False}),
        (["--hidden-dim", "128"], {"hidden_dim": 128}),
        (["--hidden-dim", "none"], {"hidden_dim": None}),
        (["--dropout", "0"], {"dropout": 0.0}),
        (["--learning-rate", "3e-4"], {"learning_rate": 3e-4}),
        (["--class-weight", "{'hood': {1: 3}}"], {"class_weight": {"hood": {1: 3}}}),
        (["--class-weight", "none"], {"class_weight": None}),
        (["--categorical-attributes", "['a', 2]"], {"categorical_attributes": ["a", 2]}),
        (["--n-jobs", "-1"], {"n_jobs": -1}),
        (["--random-state", "7"], {"random_state": 7}),
        (["--device", "cuda:0"], {"device": "cuda:0"}),
    ],
)
def test_a_value_is_of_the_type_of_its_parameter(argv, parameters):
    assert parse(*argv) == ({}, parameters)


def test_options_of_the_labels_are_text():
    argv = "--image-column 1 --category-column none --attribute-columns 0 1 --na-values -1 ?"
    assert parse(*argv.split())[0] == {
        "image_column": "1",
        "category_column": "none",
        "attribute_columns": ["0", "1"],
        "na_values": ["-1", "?"],
    }


def test_no_mark_but_the_empty_cell_can_be_asked_for():
    assert parse("--na-values")[0] == {"na_values": []}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--max-epochs", "2.5"], "argument --max-epochs: invalid int value: '2.5'"),
        (["--learning-rate", "half"], "argument --learning-rate: invalid float value: 'half'"),
        (["--on-duplicate", "last"], "argument --on-duplicate: invalid choice: 'last'"),
    ],
)
def test_a_value_of_another_type_is_an_error(argv, words, capsys):
    with pytest.raises(SystemExit):
        parse(*argv)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Pass weights='a/b.pth', or weights=None.", "Pass --weights a/b.pth, or --weights none."),
        ('Replace it, or pass on_bad_image="drop".', "Replace it, or pass --on-bad-image drop."),
        ("Set warm_start=False or attention=True.", "Set --no-warm-start or --attention."),
        ("Pass categorical=['a b', 'c'], or", "Pass --categorical 'a b' c, or"),
        ("Pass categorical_attributes=['a'].", "Pass --categorical-attributes \"['a']\"."),
        ("Got batch_size=1.", "Got --batch-size 1."),
        ("Lower learning_rate=0.5.", "Lower --learning-rate 0.5."),
        ("weights must be a file.", "--weights must be a file."),
        (
            "The 'norm' parameter of AttributeClassifier must be 'a'. Got 'b' instead.",
            "--norm must be 'a'. Got 'b' instead.",
        ),
        ("test_size must leave rows.", "--validation must leave rows."),
        ("The training loss must stay finite.", "The training loss must stay finite."),
        ("Save the weights of the backbone.", "Save the weights of the backbone."),
        ("Got 'weights=None' and \"image_dir=x\".", "Got 'weights=None' and \"image_dir=x\"."),
        ("image_dir.csv, line 1: my-image_dir", "image_dir.csv, line 1: my-image_dir"),
        ("Got the attribute 'image_size', 'x'.", "Got the attribute 'image_size', 'x'."),
    ],
)
def test_messages_speak_of_options_and_leave_what_is_the_users(message, expected):
    assert speak_of_options(message, "train") == expected


def test_messages_speak_only_of_options_that_the_command_has():
    message = "Pass engine='torch', device=\"auto\" or norm='layer'."
    assert speak_of_options(message, "predict") == (
        "Pass --engine torch, --device auto or norm='layer'."
    )
    assert speak_of_options(message, "cache") == message


def test_a_list_in_an_error_is_an_option_that_is_read_as_this_list():
    words = speak_of_options("categorical_attributes=['hood', 'a b'].", "train").rstrip(".")
    assert parse(*shlex.split(words))[1] == {"categorical_attributes": ["hood", "a b"]}
    words = speak_of_options("categorical=['hood', 'a b']", "train")
    assert parse(*shlex.split(words))[0] == {"categorical": ["hood", "a b"]}
