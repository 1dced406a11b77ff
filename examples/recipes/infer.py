"""Print the list of the attributes that an image has.

``python infer.py masked/model.joblib image.jpg``. The model is a pickle: open only your own.
"""

import argparse

import joblib

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("model")
parser.add_argument("image")
options = parser.parse_args()

clf = joblib.load(options.model)
(row,) = clf.predict_table(options.image).to_dict("records")
print([name for name in clf.attribute_names_ if row[name] == 1])
