"""77 attributes: a squeeze-and-excitation gate, a category embedding, a hidden batch-norm block.

A resnet18 whose features are weighed by the gate, joined by 50 numbers of the product category, and
shared by all heads through a hidden layer; AdamW, batches accumulated to 128, dropout 0.5. Leaves
``model.joblib`` and ``report.csv``. ``--data table.csv`` has a column ``image``, one ``category``
and attributes of 0, 1 and NA, with the images in a folder ``images`` beside it; without it garments
are drawn. One process trains on one device.
"""

import argparse
from pathlib import Path
from tempfile import mkdtemp

import joblib

from attrlearn import AttributeClassifier, make_attribute_images, read_labels
from attrlearn.metrics import attribute_report, format_report
from attrlearn.model_selection import AttributeShuffleSplit

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path)
parser.add_argument("--out", type=Path, default=Path("enhanced"))
parser.add_argument("--backbone", default="resnet18")
parser.add_argument("--weights", default="DEFAULT")
parser.add_argument("--image-size", type=int, default=224)
parser.add_argument("--epochs", type=int, default=20)
options = parser.parse_args()

if options.data:
    folder = options.data.parent / "images"
    X, y = read_labels(options.data, folder, category_column="category", on_missing_image="drop")
else:
    X, y = make_attribute_images(400, mkdtemp(), random_state=0)
    y = y.select_dtypes("number")
((train, test),) = AttributeShuffleSplit(1, test_size=0.2, random_state=0).split(X, y)

clf = AttributeClassifier(
    options.backbone,
    weights=None if options.weights == "none" else options.weights,
    image_size=options.image_size,
    features="last",
    standardize=False,  # batch-norm follows
    attention=True,
    category_dim=50,
    hidden_dim=512,
    norm="batch",
    dropout=0.5,
    loss="bce",
    optimizer="adamw",
    batch_size=32,
    accumulate_steps=4,
    max_epochs=options.epochs,
    random_state=0,
    verbose=1,
).fit(X.iloc[train], y.iloc[train])

options.out.mkdir(parents=True, exist_ok=True)
joblib.dump(clf, options.out / "model.joblib")
report = attribute_report(y.iloc[test], clf.predict_proba(X.iloc[test]))
report.to_csv(options.out / "report.csv")
print(format_report(report))
