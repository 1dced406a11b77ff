"""What people type: the command `attrlearn`.

Nothing heavy is imported before the arguments are parsed, so that ``--help`` answers at once.
"""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module

from attrlearn import __version__
from attrlearn.cli.options import (
    EMBEDDER_OPTIONS,
    LABELLING_OPTIONS,
    add_estimator_options,
    add_label_options,
    fraction,
    integer_between,
    speak_of_options,
    text_or_none,
)

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; None: those of the process.

    Returns
    -------
    int
        0; 1 if some images could not be read; 2 if the input breaks a rule, with the reason on
        standard error; 130 if interrupted.

    Examples
    --------
    >>> main(["--version"])
    attrlearn ...
    0
    """
    try:
        arguments = _build_parser().parse_args(argv)
    except SystemExit as answered:  # argparse has printed the help, or what is wrong
        return int(answered.code or 0)
    words = partial(_one_line, command=arguments.command)
    with _names_of_any_encoding(), warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *_, **__: print(
            f"attrlearn: warning: {words(message)}", file=sys.stderr
        )
        try:
            return import_module(f"attrlearn.cli.{arguments.command}").run(arguments)
        except BrokenPipeError:  # a reader such as `head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (ValueError, TypeError, OSError, ImportError) as error:
            print(f"attrlearn {arguments.command}: error: {words(error)}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130


def _build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="attrlearn",
        description="Learn the attributes of images from a labels file with gaps.",
    )
    parser.add_argument("--version", action="version", version=f"attrlearn {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="draw images, learn them, show how well; no files")
    demo.add_argument(
        "--out", default="attrlearn-demo", metavar="DIR", help="folder to write (%(default)s)"
    )
    _fill_train(
        commands.add_parser(
            "train",
            help="learn from a labels file and a folder of images",
            usage="%(prog)s LABELS --out MODEL [--image-dir DIR] [--plot PNG] [--validation F] ...",
            epilog="Defaults are in parentheses; the word none stands for Python's None.",
        )
    )
    _fill_predict(commands.add_parser("predict", help="predict the attributes of images"))
    _fill_evaluate(
        commands.add_parser(
            "evaluate",
            help="compare a model with a labels file that it has not learnt from",
            usage="%(prog)s MODEL LABELS [--image-dir DIR] [--out DIR] [--attribute NAME ...] ...",
        )
    )
    _fill_audit(
        commands.add_parser(
            "audit",
            help="look for what is wrong with images and labels before training",
            usage="%(prog)s LABELS [--image-dir DIR] [--html FILE] [--csv DIR] ...",
        )
    )
    _fill_app(commands.add_parser("app", help="a page that predicts what is uploaded to it"))
    _fill_label(
        commands.add_parser(
            "label",
            help="a page that fills the gaps of a labels file, key by key",
            usage="%(prog)s LABELS [--image-dir DIR] [--attribute NAME ...] [--undo] ...",
            epilog="Defaults are in parentheses; the word none stands for Python's None.",
        )
    )
    _fill_cache(
        commands.add_parser("cache", help="features and models kept on disk: how much, or clear")
    )
    return parser


def _fill_train(train: argparse.ArgumentParser) -> None:
    """Add the arguments of ``attrlearn train``."""
    train.add_argument(
        "labels", metavar="LABELS", help="labels file or its URL: text, CSV, TSV, parquet"
    )
    train.add_argument("--out", required=True, metavar="MODEL", help="file for the model")
    train.add_argument("--plot", metavar="PNG", help="file for the plot of the loss curve")
    train.add_argument("--title", help="title of that plot")
    train.add_argument(
        "--validation",
        type=fraction,
        default=0.0,
        metavar="F",
        help="hold out this share of the rows and print the metrics of each attribute on it (0)",
    )
    add_label_options(train.add_argument_group("reading the labels"))
    add_estimator_options(train.add_argument_group("model"))


def _fill_predict(predict: argparse.ArgumentParser) -> None:
    """Add the arguments of ``attrlearn predict``."""
    predict.add_argument("model", metavar="MODEL", help="file written by train; open only your own")
    predict.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE|DIR|CSV",
        help="images; folders, with those below them, but nothing that is hidden; or tables with a "
        "column image and optionally category; images and tables may be URLs",
    )
    predict.add_argument("--out", metavar="CSV", help="write a table in place of lines")
    predict.add_argument(
        "--resume",
        action="store_true",
        help="with --out: write to CSV.part first, and go on with what a killed run left there",
    )
    predict.add_argument(
        "--image-dir",
        metavar="DIR",
        help="folder of the images of a table, or its URL (that of the table)",
    )
    predict.add_argument(
        "--image-column", metavar="NAME", help="column of a table with the paths (image, or first)"
    )
    predict.add_argument(
        "--category-column", metavar="NAME", help="column of a table with categories (category)"
    )
    predict.add_argument("--category", help="category of the images to which no table gives one")
    _add_device_options(predict)
    _add_cache_option(predict)
    predict.add_argument(
        "--threshold",
        type=fraction,
        metavar="P",
        help="probability above which a binary attribute is there (that of the model)",
    )
    predict.add_argument(
        "--min-confidence",
        type=fraction,
        default=0.0,
        metavar="P",
        help="leave out what is predicted with a lower probability (%(default)s)",
    )
    predict.add_argument(
        "--all-classes",
        action="store_true",
        help="with --out: a column with the probability of each class",
    )


def _fill_app(app: argparse.ArgumentParser) -> None:
    """Add the arguments of ``attrlearn app``."""
    app.add_argument("model", metavar="MODEL", help="file written by train; open only your own")
    _add_page_options(app)
    app.add_argument(
        "--max-upload",
        type=integer_between(1, 1000),
        default=25,
        metavar="MB",
        help="size of the largest image that may be uploaded, in MB (%(default)s)",
    )
    _add_device_options(app)


def _fill_label(label: argparse.ArgumentParser) -> None:
    """Add the arguments of ``attrlearn label``."""
    label.add_argument("labels", metavar="LABELS", help="labels file: text, CSV, TSV, parquet")
    label.add_argument("--attribute", nargs="+", metavar="NAME", help="attributes to fill (all)")
    label.add_argument("--user", metavar="NAME", help="who labels, for the log (your login)")
    label.add_argument(
        "--undo", action="store_true", help="take the last page of decisions back, without a page"
    )
    label.add_argument(
        "--no-model",
        dest="with_model",
        action="store_false",
        help="cells come in the order of the file: no features are computed, nothing is learnt",
    )
    _add_page_options(label)
    add_label_options(label.add_argument_group("reading the labels"), LABELLING_OPTIONS)
    add_estimator_options(label.add_argument_group("features to learn from"), EMBEDDER_OPTIONS)


def _add_page_options(parser: argparse.ArgumentParser) -> None:
    """Add where a page is served."""
    parser.add_argument(
        "--host",
        default="localhost",
        help="address to listen on; 0.0.0.0 lets the whole network in (%(default)s)",
    )
    parser.add_argument(
        "--port", type=integer_between(1, 65535), default=8501, help="port (%(default)s)"
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="do not open a browser"
    )


def _fill_evaluate(evaluate: argparse.ArgumentParser) -> None:
    """Add the arguments of ``attrlearn evaluate``."""
    evaluate.add_argument(
        "model", metavar="MODEL", help="file written by train; open only your own"
    )
    evaluate.add_argument(
        "labels", metavar="LABELS", help="labels file or its URL: text, CSV, TSV, parquet"
    )
    evaluate.add_argument(
        "--out",
        metavar="DIR",
        help="folder for the report (CSV, JSON), its figures and confusion matrices (PNG, CSV); "
        "those of an earlier evaluation are replaced",
    )
    evaluate.add_argument(
        "--attribute",
        nargs="+",
        metavar="NAME",
        help="attributes of which a confusion matrix is written (all categorical ones)",
    )
    _add_device_options(evaluate)
    _add_cache_option(evaluate)
    add_label_options(evaluate.add_argument_group("reading the labels, as in train"))


def _fill_audit(audit: argparse.ArgumentParser) -> None:
    """Add the arguments of ``attrlearn audit``."""
    audit.add_argument(
        "labels", metavar="LABELS", help="labels file or its URL: text, CSV, TSV, parquet"
    )
    audit.add_argument("--html", metavar="FILE", help="write a page with the images too")
    audit.add_argument(
        "--csv", metavar="DIR", help="folder for all findings as tables, and the groups"
    )
    audit.add_argument("--title", help="title of that page (the name of the labels file)")
    audit.add_argument(
        "--max-distance",
        type=float,
        metavar="D",
        help="of near-duplicates: of the features of a backbone (0.1), else of thumbnails (0.5)",
    )
    audit.add_argument("--n-jobs", type=int, metavar="N", help="threads (all cores)")
    labels = audit.add_argument_group("reading the labels; here the last two default to keep")
    add_label_options(labels)
    backbone = audit.add_argument_group("near-duplicates by the features of a backbone")
    add_estimator_options(backbone, EMBEDDER_OPTIONS)


def _add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add what a model is predicted with."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (%(default)s)")
    parser.add_argument(
        "--engine", default=argparse.SUPPRESS, help="auto, torch or openvino (that of the training)"
    )


def _add_cache_option(parser: argparse.ArgumentParser) -> None:
    """Add where the features of a model are kept."""
    parser.add_argument(
        "--cache-dir",
        type=text_or_none,
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="folder that keeps features for other runs, auto or none (that of the training)",
    )


def _fill_cache(cache: argparse.ArgumentParser) -> None:
    """Add the arguments of ``attrlearn cache``."""
    what = cache.add_mutually_exclusive_group()
    what.add_argument("--info", action="store_true", help="print what it holds (the default)")
    what.add_argument("--clear", action="store_true", help="remove all of it")
    cache.add_argument("--cache-dir", metavar="DIR", help="folder of the cache (the user's)")


@contextmanager
def _names_of_any_encoding() -> Iterator[None]:
    """Print what standard output cannot encode, such as bytes of a file name, as escapes."""
    out = sys.stdout
    if not isinstance(out, io.TextIOWrapper):
        yield
        return
    before = out.errors
    out.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        out.reconfigure(errors=before)


def _one_line(message: object, command: str) -> str:
    """A message without line breaks, in the words of the command."""
    return speak_of_options(" ".join(str(message).splitlines()), command)
