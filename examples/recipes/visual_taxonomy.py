"""Many categorical attributes with gaps, and the product category as an input.

An efficientnet_b0 trained for ten epochs; ids like 42 stand for ``000042.jpg``; images are decoded
as they are needed. Prints, for each category and on average, the mean over its attributes of the
harmonic mean of micro and macro F1, and leaves ``model.joblib``. ``--data table.csv`` has the
columns ``id``, ``Category`` and the attributes, with the images in a folder ``images`` beside it;
without it garments are drawn.
The same as one command, where the table spells ids as files are named::

    attrlearn train table.csv --image-dir images --image-column id --category-column Category \\
        --backbone efficientnet_b0 --features last --no-standardize --hidden-dim none \\
        --dropout 0.5 --max-epochs 10 --validation 0.2 --out model.joblib
"""

import argparse
from pathlib import Path
from tempfile import mkdtemp

import joblib
import pandas as pd

from attrlearn import AttributeClassifier, make_attribute_images
from attrlearn.metrics import harmonic_f1_score
from attrlearn.model_selection import AttributeShuffleSplit

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path)
parser.add_argument("--id-width", type=int, default=6, help="digits of an id in a file name")
parser.add_argument("--category", default="Category", help="column with the category")
parser.add_argument("--attributes", nargs="+", help="columns to learn (all the others)")
parser.add_argument("--out", type=Path, default=Path("visual_taxonomy"))
parser.add_argument("--n", type=int, default=400, help="garments to draw without --data")
parser.add_argument("--backbone", default="efficientnet_b0")
parser.add_argument("--weights", default="DEFAULT")
parser.add_argument("--image-size", type=int, default=224)
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()

if options.data:
    table = pd.read_csv(options.data, dtype=str)
    names = table["id"].str.zfill(options.id_width) + ".jpg"
    paths = [options.data.parent / "images" / name for name in names]
    X = pd.DataFrame({"image": paths, "category": table[options.category]})
    y = table.drop(columns=["id", options.category])[options.attributes or slice(None)]
else:
    X, y = make_attribute_images(options.n, mkdtemp(), random_state=0)
y = y.astype("string").astype("category")  # numbers are codes of classes
((train, test),) = AttributeShuffleSplit(1, test_size=0.2, random_state=0).split(X, y)

clf = AttributeClassifier(
    options.backbone,
    weights=None if options.weights == "none" else options.weights,
    image_size=options.image_size,
    features="last",
    standardize=False,
    hidden_dim=None,  # one linear layer for all attributes
    dropout=0.5,
    max_epochs=options.epochs,
    random_state=0,
    on_bad_image="drop",
    verbose=1,
).fit(X.iloc[train], y.iloc[train])

options.out.mkdir(parents=True, exist_ok=True)
joblib.dump(clf, options.out / "model.joblib")
shown, known = X.iloc[test], y.iloc[test]
predicted = clf.predict_table(shown)[list(y)]
of_category = {}
for category, rows in shown.groupby("category").groups.items():
    of_attribute = {  # 2 micro macro / (micro + macro), of the classes of one attribute
        name: harmonic_f1_score(known.loc[rows, [name]], predicted.loc[rows, [name]])
        for name in y
        if known.loc[rows, name].nunique() > 1
    }
    of_category[category] = pd.Series(of_attribute, dtype=float).mean()
    print(f"{category}: {of_category[category]:.3f} over {len(of_attribute)} attributes")
print(f"mean: {pd.Series(of_category).mean():.3f}")
