"""Four attributes with NA: a masked loss with neg/pos weights, and the files of the set-up.

A resnet50 with one linear layer on top, fine-tuned by Adam at 1e-4. Leaves ``deep-model.pth`` (the
weights), the model itself for ``infer.py``, and ``loss_curve.png``. ``--data labels.txt`` is a
headerless list with the images in a folder ``images`` beside it; without it garments are drawn.
"""

import argparse
from pathlib import Path
from tempfile import mkdtemp

import joblib
import torch
from matplotlib.figure import Figure

from attrlearn import AttributeClassifier, LossCurveDisplay, make_attribute_images, read_labels

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path)
parser.add_argument("--out", type=Path, default=Path("masked"))
parser.add_argument("--backbone", default="resnet50")
parser.add_argument("--weights", default="DEFAULT")
parser.add_argument("--image-size", type=int, default=224)
parser.add_argument("--epochs", type=int, default=20)
options = parser.parse_args()

if options.data:
    X, y = read_labels(options.data, options.data.parent / "images", on_missing_image="drop")
else:
    X, y = make_attribute_images(400, mkdtemp(), random_state=0)
    y = y[["long", "buttons", "pockets", "border"]]

clf = AttributeClassifier(
    options.backbone,
    weights=None if options.weights == "none" else options.weights,
    trainable="all",
    features="last",
    hidden_dim=None,  # one linear layer, as in the script, which drops nothing
    dropout=0.0,
    image_size=options.image_size,
    optimizer="adam",
    learning_rate=1e-4,
    backbone_learning_rate=1e-4,
    weight_decay=0.0,
    schedule="constant",
    class_weight="balanced",  # the ratio of the two weights is negatives to positives
    max_epochs=options.epochs,
    random_state=0,
).fit(X, y)

options.out.mkdir(parents=True, exist_ok=True)
torch.save(clf.network_.state_dict(), options.out / "deep-model.pth")
joblib.dump(clf, options.out / "model.joblib")
figure = Figure(layout="constrained")
LossCurveDisplay.from_estimator(clf, ax=figure.subplots())
figure.savefig(options.out / "loss_curve.png")
