"""``attrlearn predict``: images to lines, or to a table."""

import argparse
import sys
import warnings
from collections.abc import Collection, Container, Iterator
from contextlib import nullcontext
from hashlib import blake2b
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from attrlearn import AttributeClassifier, __version__
from attrlearn.checks.image_types import name_of
from attrlearn.checks.inputs import check_inputs, warn_of_unknown
from attrlearn.checks.text_columns import NA_VALUES
from attrlearn.cli.files import (
    cache_output,
    check_apart,
    check_writable,
    is_stream,
    whole_file,
)
from attrlearn.cli.options import PREDICTION_OPTIONS, given_options
from attrlearn.cli.resume import part_of, partial_table, to_csv
from attrlearn.decisions.prediction_table import binary_attributes
from attrlearn.exceptions import UnknownCategoryWarning, UnreadableImageWarning
from attrlearn.labels.duplicates import locate_images, path_column
from attrlearn.labels.image_lookup import IMAGE_SUFFIXES, list_images
from attrlearn.labels.places import folder_of_images, name_and_suffix, path_or_url
from attrlearn.labels.tables import read_table

__all__ = ["check_names", "load_model", "report_bad", "run"]

JOB = ("threshold", "min_confidence", "all_classes")  # options on which what is written depends
CHUNK = 256  # images that are predicted before their lines are written
TABLE_SUFFIXES = {".csv", ".parquet", ".pq", ".tsv", ".txt"}


def run(arguments: argparse.Namespace) -> int:
    """Predict the images chunk by chunk."""
    check_writable(arguments.out)
    clf = load_model(arguments.model)
    clf.set_params(on_bad_image="drop", **given_options(arguments, PREDICTION_OPTIONS))
    if arguments.threshold is not None:
        clf.thresholds_ = dict.fromkeys(clf.thresholds_, arguments.threshold)
    _check_all_classes(arguments)
    _check_resume(arguments)
    X = pd.concat([_list_images(name, arguments) for name in arguments.images], ignore_index=True)
    X["category"] = np.array([known or arguments.category for known in X["category"]], object)
    cure = "Pass --category, or a table with a column category."
    warn_of_unknown(check_inputs(X).categories, clf.categories_, len(X), cure)
    if not len(clf.categories_):
        X = X[["image"]]
    check_names(clf.attribute_names_, X.columns)
    inputs = [("MODEL", arguments.model), *(("the input", name) for name in arguments.images)]
    outputs = {"--out": arguments.out}
    if arguments.resume:
        outputs["--resume"] = part_of(arguments.out)
    check_apart(outputs | cache_output(clf.cache_dir), inputs)
    check_apart(outputs, (("the image", path) for path in X["image"]))
    _check_format(arguments.out)
    with warnings.catch_warnings():
        # The rows are warned of by now, and report_bad names every image.
        warnings.simplefilter("ignore", UnknownCategoryWarning)
        warnings.simplefilter("ignore", UnreadableImageWarning)
        n_bad = (_go_on if arguments.resume else _write_anew)(clf, X, arguments)
    if arguments.out and not is_stream(arguments.out):
        print(f"predictions: {arguments.out}")
    return 1 if n_bad else 0


def _write_anew(clf: AttributeClassifier, X: pd.DataFrame, arguments: argparse.Namespace) -> int:
    """Write or print the predictions of all images; return how many could not be read."""
    n_bad = 0
    with whole_file(arguments.out) if arguments.out else nullcontext() as file:
        for number, table in enumerate(_tables(clf, X, arguments)):
            bad = report_bad(table, "predict")
            n_bad += bad.sum()
            if file:
                with open(file, "ab") as lines:
                    lines.write(to_csv(table, header=not number))
            else:
                for line in _lines(clf, table[~bad]):
                    print(line)
                sys.stdout.flush()
    return n_bad


def _go_on(clf: AttributeClassifier, X: pd.DataFrame, arguments: argparse.Namespace) -> int:
    """Write the predictions that a killed run has not; return how many images of all are bad."""
    job = {name: vars(arguments)[name] for name in JOB} | {
        "model": blake2b(Path(arguments.model).read_bytes(), digest_size=16).hexdigest(),
        "attrlearn": __version__,
        "columns": list(X),
    }
    with partial_table(arguments.out, X, job) as partial:
        n_before = partial.n_rows
        if n_before:
            print(f"resumed: {n_before} of {len(X)} rows are there", file=sys.stderr)
        n_bad = len(partial.bad)
        for table in _tables(clf, X[n_before:], arguments):
            n_bad += report_bad(table, "predict").sum()
            partial.append(table)
    report_bad(pd.DataFrame(partial.bad, columns=["image", "image_error"]), "predict")
    return n_bad


def _check_all_classes(arguments: argparse.Namespace) -> None:
    """Raise if the probabilities of all classes were asked for as lines, or with decisions."""
    if not arguments.all_classes:
        return
    if not arguments.out:
        raise ValueError("--all-classes must come with --out. Got no file. Name a CSV file.")
    if arguments.threshold is not None or arguments.min_confidence:
        raise ValueError(
            "--all-classes writes probabilities, without decisions. Got --threshold or "
            "--min-confidence. Leave them out."
        )


def _check_resume(arguments: argparse.Namespace) -> None:
    """Raise if there is no file in which what was written could be found again."""
    if arguments.resume and (not arguments.out or is_stream(arguments.out)):
        raise ValueError(
            f"--resume must come with --out FILE. Got {arguments.out or 'no file'!r}. Name a CSV "
            "file."
        )


def _check_format(path: str | None) -> None:
    """Raise if the name of the table promises another format than CSV."""
    if path and not is_stream(path) and Path(path).suffix.lower() not in {"", ".csv", ".txt"}:
        raise ValueError(f"--out must be a CSV file. Got {path!r}. End its name in .csv.")


def load_model(path: str) -> AttributeClassifier:
    """The fitted classifier in a file; ValueError if there is none."""
    rule = f"MODEL must be a file written by attrlearn train. Got {path!r}, which"
    try:
        model = joblib.load(path)
    except Exception as error:  # a damaged pickle fails in as many ways as there are classes
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{rule} cannot be read: {reason}. Check the path.") from error
    if not isinstance(model, AttributeClassifier) or not hasattr(model, "network_"):
        raise ValueError(f"{rule} holds no fitted AttributeClassifier. Check the path.")
    return model


def check_names(attributes: Container[Any], columns: Collection[Any]) -> None:
    """Raise if an attribute is called like a column that the table of predictions begins with."""
    for name in columns:
        if name in attributes:
            raise ValueError(
                "The attributes must not have the name of a column that predictions begin with, "
                f"{' or '.join(map(repr, columns))}. Got the attribute {name!r}. Rename its column."
            )


def _list_images(name: str, arguments: argparse.Namespace) -> pd.DataFrame:
    """The paths `image` and the `category`, '' if unknown, of a folder, a table or one image."""
    path = path_or_url(name)
    if isinstance(path, Path) and path.is_dir():
        files = list_images(path)
        if not files:
            raise ValueError(
                f"A folder must hold images. Got {name!r}, where no file ends in one of "
                f"{' '.join(sorted(IMAGE_SUFFIXES))}. Name the files."
            )
        return pd.DataFrame({"image": path_column(files), "category": ""})
    if name_and_suffix(path)[1] not in TABLE_SUFFIXES:
        return pd.DataFrame({"image": path_column([name]), "category": ""})
    folder = folder_of_images(path, arguments.image_dir)
    table = read_table(path, NA_VALUES, folder)
    column = arguments.image_column or (
        "image" if "image" in table.columns else next(iter(table.columns))
    )
    kind = arguments.category_column or "category"
    for option, wanted in (("--image-column", column), ("--category-column", kind)):
        if wanted not in table.columns and wanted != "category":
            raise ValueError(
                f"{option} must name a column of {name!r}. Got {wanted!r}. "
                f"There are {list(table.columns)}."
            )
    nothing = np.empty((len(table.lines), 0), dtype=int)
    images = locate_images(table, column, folder, nothing, is_checked=False).images
    cells = table.columns.get(kind, np.full(len(images), "", dtype=object))
    categories = ["" if cell.strip() in NA_VALUES else cell.strip() for cell in cells]
    return pd.DataFrame({"image": path_column(images), "category": categories})


def _tables(
    clf: AttributeClassifier, X: pd.DataFrame, arguments: argparse.Namespace
) -> Iterator[pd.DataFrame]:
    """Yield the rows of X beside their predictions, or the probabilities of all classes."""
    if not len(X):
        return
    parts = (X[start : start + CHUNK] for start in range(0, len(X), CHUNK))
    # None: where standard error is no terminal
    with tqdm(total=len(X), unit="image", disable=None if arguments.out else True) as progress:
        tables: Iterator[pd.DataFrame] = map(clf.predict_proba_table, parts)
        if not arguments.all_classes:
            tables = clf.iter_predict_table(
                X, chunk_size=CHUNK, min_confidence=arguments.min_confidence
            )
        for table in tables:
            yield pd.concat([X.loc[table.index], table], axis=1)
            progress.update(len(table))


def report_bad(table: pd.DataFrame, command: str) -> np.ndarray:
    """(rows,) whether the image could not be read; standard error says why."""
    bad = table["image_error"].notna().to_numpy()
    for path, reason in table.loc[bad, ["image", "image_error"]].itertuples(index=False):
        shown = name_of(path)
        print(f"attrlearn {command}: could not read image {shown!r}: {reason}", file=sys.stderr)
    return bad


def _lines(clf: AttributeClassifier, table: pd.DataFrame) -> Iterator[str]:
    """One line per image: its binary attributes that are there, the class of the others."""
    binary = binary_attributes(clf)
    for row in table.to_dict("records"):
        found = []
        for name in clf.attribute_names_:
            value, proba = row[name], row[f"{name}_proba"]
            if pd.isna(value) or (name in binary and value == 0):
                continue
            found.append(f"{name if name in binary else f'{name}={value}'} {proba:.2f}")
        yield f"{row['image']}: {', '.join(found) or '-'}"
