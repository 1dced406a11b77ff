import argparse
import inspect
import re
from typing import get_args

import pytest

from attrlearn import AttributeClassifier, read_labels
from attrlearn.cli.options import (
    ESTIMATOR_OPTIONS,
    LABEL_OPTIONS,
    add_estimator_options,
    add_label_options,
    given,
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
    return given(arguments, LABEL_OPTIONS), given(arguments, ESTIMATOR_OPTIONS)


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
        (["--dropout", "half"], "argument --dropout: invalid float value: 'half'"),
        (["--on-duplicate", "last"], "argument --on-duplicate: invalid choice: 'last'"),
    ],
)
def test_a_value_of_another_type_is_an_error(argv, words, capsys):
    with pytest.raises(SystemExit):
        parse(*argv)
    assert words in capsys.readouterr().err
