"""``attrlearn demo``: draw images, learn their attributes, show how well."""

import argparse
import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from attrlearn import AttributeClassifier, make_attribute_images, read_labels
from attrlearn.cli.files import check_writable, whole_file
from attrlearn.cli.train import describe, save_curve, save_model
from attrlearn.metrics import average_precision_score

__all__ = ["run"]

N_IMAGES = 1000
NOTES = ".attrlearn-demo"  # in the folder: what a demo wrote there, so that it may overwrite it


def run(arguments: argparse.Namespace) -> int:
    """Draw, train from random weights, and report on held-out images."""
    out = Path(arguments.out)
    results = [out / name for name in ("model.joblib", "loss_curve.png", "predictions.csv")]
    _check_own(out, results)
    X, y = _draw(out)
    print(f"drawn: {len(X)} images and labels.csv in {out / 'images'}")
    rows, held_out = train_test_split(np.arange(len(X)), test_size=0.25, random_state=0)
    clf = AttributeClassifier(
        "resnet18",
        weights=None,
        trainable="all",
        image_size=64,
        schedule="onecycle",
        learning_rate=2e-3,
        max_epochs=4,
        batch_size=16,
        random_state=0,
        verbose=1,
    )
    clf.fit(X.iloc[rows], y.iloc[rows])
    save_model(clf, str(results[0]))
    save_curve(clf, str(results[1]), "attrlearn demo")
    shown = X.iloc[np.sort(held_out)]
    with whole_file(results[2]) as name:
        pd.concat([shown, clf.predict_table(shown)], axis=1).to_csv(name, index=False)
    _note(out, results, out)
    print(f"predictions: {results[2]}")
    print(describe(clf, X.iloc[held_out], y.iloc[held_out]))
    histograms = _histogram_score(X, y, rows, held_out)
    print(f"for comparison, logistic regression on colour histograms: {histograms:.3f} mean AP")
    return 0


def _check_own(out: Path, results: list[Path]) -> None:
    """Raise unless all that is there of what will be written is as the last demo wrote it."""
    for path in (*results, out / "images" / "labels.csv", out / NOTES):
        check_writable(str(path))
    notes = _read_notes(out)
    images = (path for path in (out / "images").glob("*") if path.name[0] != ".")
    for path in (*results, *images):
        if path.exists() and notes.get(str(path.relative_to(out))) != _digest(path):
            raise FileExistsError(
                "--out must be a folder that holds no files but those of the demo. Got "
                f"{str(path)!r}, which is another, or was changed. Name another folder."
            )


def _read_notes(out: Path) -> dict[str, str]:
    """Digests by path of what the last demo wrote."""
    if not (out / NOTES).exists():
        return {}
    lines = (out / NOTES).read_text(encoding="utf-8", errors="replace").splitlines()
    return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}


def _note(out: Path, paths: Iterable[Path], folder: Path) -> None:
    """Write down that files at their places in `folder` are, or will be, the demo's in `out`."""
    new = {str(path.relative_to(folder)): _digest(path) for path in paths}
    lines = [f"{digest}  {path}\n" for path, digest in (_read_notes(out) | new).items()]
    out.mkdir(parents=True, exist_ok=True)
    (out / NOTES).write_text("".join(lines), encoding="utf-8")


def _digest(path: Path) -> str:
    """Digest of the content; '-' of what is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "-"


def _draw(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The synthetic set, in a folder that may hold that of the last demo."""
    with tempfile.TemporaryDirectory() as new:
        make_attribute_images(N_IMAGES, Path(new, "images"), random_state=0)
        _note(out, Path(new, "images").iterdir(), Path(new))
        shutil.copytree(new, out, dirs_exist_ok=True)
    return read_labels(out / "images" / "labels.csv", category_column="category")


def _histogram_score(
    X: pd.DataFrame, y: pd.DataFrame, rows: np.ndarray, held_out: np.ndarray
) -> float:
    """Mean average precision of logistic regression on 16-bin histograms of the three channels."""
    histograms = np.array([Image.open(path).histogram() for path in X["image"]], dtype=float)
    features = histograms.reshape(len(X), 48, 16).sum(axis=2)
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    probabilities = []
    for name in y:
        labelled = rows[y[name].iloc[rows].notna()]
        model = LogisticRegression(max_iter=500, class_weight="balanced")
        model.fit(features[labelled], y[name].iloc[labelled])
        probabilities.append(model.predict_proba(features[held_out]))
    return float(average_precision_score(y.iloc[held_out], probabilities))
