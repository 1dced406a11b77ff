"""``attrlearn demo``: draw pictures, learn their attributes, show how well."""

import argparse
import shutil
import tempfile
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


def run(arguments: argparse.Namespace) -> int:
    """Draw, train from random weights, and report on held-out images."""
    out = Path(arguments.out)
    check_writable(str(out / "model.joblib"))
    X, y = _draw(out / "images")
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
    save_model(clf, str(out / "model.joblib"))
    save_curve(clf, str(out / "loss_curve.png"), "attrlearn demo")
    shown = X.iloc[np.sort(held_out)]
    with whole_file(out / "predictions.csv") as name:
        pd.concat([shown, clf.predict_table(shown)], axis=1).to_csv(name, index=False)
    print(f"predictions: {out / 'predictions.csv'}")
    print(describe(clf, X.iloc[held_out], y.iloc[held_out]))
    histograms = _histogram_score(X, y, rows, held_out)
    print(f"for comparison, logistic regression on colour histograms: {histograms:.3f} mean AP")
    return 0


def _draw(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The synthetic set, in a folder that may hold that of the last demo."""
    with tempfile.TemporaryDirectory() as new:
        make_attribute_images(N_IMAGES, new, random_state=0)
        shutil.copytree(new, folder, dirs_exist_ok=True)
    return read_labels(folder / "labels.csv", category_column="category")


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
