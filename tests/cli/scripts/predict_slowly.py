"""Runs `attrlearn` with the arguments of this one, in chunks of four rows that take a moment."""

import sys
import time

from attrlearn import AttributeClassifier
from attrlearn.cli import main, predict

if __name__ == "__main__":
    predict.CHUNK = 4
    predict_table = AttributeClassifier._predict_table

    def slowly(self, inputs, *rest):
        time.sleep(0.3)
        return predict_table(self, inputs, *rest)

    AttributeClassifier._predict_table = slowly
    sys.exit(main(sys.argv[1:]))
