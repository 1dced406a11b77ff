"""A resnet18 fine-tuned on attributes with NA: batches of 16, 20 epochs, a curve per iteration.

Shows the progress with the loss and the time left, and leaves ``model.joblib``, for
``attrlearn app``, and the curve, titled Aimonk_multilabel_problem. ``--data labels.txt`` is a
headerless list with the images in a folder ``images`` beside it; without it garments are drawn.
"""

import argparse
from pathlib import Path
from tempfile import mkdtemp

import joblib
from matplotlib.figure import Figure

from attrlearn import AttributeClassifier, LossCurveDisplay, make_attribute_images, read_labels
from attrlearn.metrics import attribute_report, format_report
from attrlearn.model_selection import AttributeShuffleSplit

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path)
parser.add_argument("--out", type=Path, default=Path("aimonk"))
parser.add_argument("--backbone", default="resnet18")
parser.add_argument("--weights", default="DEFAULT")
parser.add_argument("--image-size", type=int, default=224)
parser.add_argument("--epochs", type=int, default=20)
options = parser.parse_args()

if options.data:
    X, y = read_labels(options.data, options.data.parent / "images", on_missing_image="drop")
else:
    X, y = make_attribute_images(400, mkdtemp(), random_state=0)
    y = y[["long", "buttons", "pockets", "border"]]
((train, test),) = AttributeShuffleSplit(1, test_size=0.2, random_state=0).split(X, y)

clf = AttributeClassifier(
    options.backbone,
    weights=None if options.weights == "none" else options.weights,
    trainable="all",
    features="last",
    hidden_dim=None,  # one linear layer in place of the last
    dropout=0.5,
    image_size=options.image_size,
    batch_size=16,
    max_epochs=options.epochs,
    random_state=0,
    verbose=1,
).fit(X.iloc[train], y.iloc[train])

options.out.mkdir(parents=True, exist_ok=True)
joblib.dump(clf, options.out / "model.joblib")
figure = Figure(layout="constrained")
title = "Aimonk_multilabel_problem"
LossCurveDisplay.from_estimator(clf, title=title, ax=figure.subplots())
figure.savefig(options.out / f"{title}.png")
print(clf.history_.round(3))
print(format_report(attribute_report(y.iloc[test], clf.predict_proba(X.iloc[test]))))
