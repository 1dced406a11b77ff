"""Prints how far the probabilities of a loaded model are from those expected.

Its arguments are the files of the model, of X and of the expected probabilities.
"""

import sys

import joblib
import numpy as np
import pandas as pd

if __name__ == "__main__":
    model, X, expected = sys.argv[1:]
    p = np.hstack(joblib.load(model).predict_proba(pd.read_pickle(X)))
    print(np.abs(p - np.load(expected)).max())
