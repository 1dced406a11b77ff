"""The last layer of a resnet50, and the wish list of that set-up: one parameter per wish.

Each line of the table is one fit that differs from the first by what it is called after: a
validation set, another backbone, a fine-tuned last block, another schedule, the focal loss, tuned
thresholds, stronger augmentation. ``--data labels.txt`` is a headerless list with the images in a
folder ``images`` beside it; without it garments are drawn. ``--variants`` chooses some.
"""

import argparse
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
from sklearn.base import clone

from attrlearn import AttributeClassifier, make_attribute_images, read_labels
from attrlearn.metrics import average_precision_score, f1_score
from attrlearn.model_selection import AttributeShuffleSplit

VARIANTS = {
    "last layer": {},
    "validation set": {"early_stopping": True},
    "efficientnet": {"backbone": "efficientnet_b0"},
    "mobilenet": {"backbone": "mobilenet_v2"},
    "densenet": {"backbone": "densenet121"},
    "last block": {"trainable": "last_block"},
    "scheduler": {"schedule": "onecycle"},
    "focal loss": {"loss": "focal"},
    "tuned thresholds": {"thresholds": "f1"},
    "augmentation": {"augment": "strong"},
}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path)
parser.add_argument("--out", type=Path, default=Path("last_layer"))
parser.add_argument("--backbone", default="resnet50")
parser.add_argument("--weights", default="DEFAULT")
parser.add_argument("--image-size", type=int, default=224)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
options = parser.parse_args()

if options.data:
    X, y = read_labels(options.data, options.data.parent / "images", on_missing_image="drop")
else:
    X, y = make_attribute_images(400, mkdtemp(), random_state=0)
    y = y[["long", "buttons", "pockets", "border"]]
((train, test),) = AttributeShuffleSplit(1, test_size=0.2, random_state=0).split(X, y)

plain = AttributeClassifier(
    options.backbone,
    weights=None if options.weights == "none" else options.weights,
    image_size=options.image_size,
    features="last",
    standardize=False,
    hidden_dim=None,  # one linear layer in place of the last
    dropout=0.5,
    max_epochs=options.epochs,
    random_state=0,
)
options.out.mkdir(parents=True, exist_ok=True)
rows = {}
for name in options.variants:
    clf = clone(plain).set_params(**VARIANTS[name])
    if clf.backbone != options.backbone and clf.weights is not None:
        clf.set_params(weights="DEFAULT")  # a file is of one backbone
    clf.fit(X.iloc[train], y.iloc[train])
    rows[name] = {
        "F1": f1_score(y.iloc[test], clf.predict(X.iloc[test])),
        "mAP": average_precision_score(y.iloc[test], clf.predict_proba(X.iloc[test])),
    }
    table = pd.DataFrame(rows).T
    table.to_csv(options.out / "variants.csv")
    print(table.round(3).tail(1).to_string(header=len(rows) == 1), flush=True)
