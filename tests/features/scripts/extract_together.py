"""Extracts features as others do at the same time, once a line has been read from stdin.

Its arguments are the folder of the cache, a file with the paths of the images, and how many images
to compute before it stops to do anything at all (0: none). Prints "ready", then how many images it
has computed.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from attrlearn.features.extractor import FeatureExtractor
from attrlearn.images.reader import ImageReader
from attrlearn.nn.backbones import build_backbone

if __name__ == "__main__":
    folder, listed, last = sys.argv[1:]
    paths = Path(listed).read_text(encoding="utf-8").splitlines()
    torch.manual_seed(0)
    backbone = build_backbone("squeezenet1_1", None, "head", image_size=32).eval()
    extractor = FeatureExtractor(backbone, "torch", torch.float32, 8, folder)
    seen = [0]
    run = extractor.run

    def counting(images):
        time.sleep(0.02)
        seen[0] += len(images)
        if int(last) and seen[0] >= int(last):
            print(seen[0], flush=True)
            time.sleep(3600)
        return run(images)

    extractor.run = counting
    print("ready", flush=True)
    input()
    reader = ImageReader(paths, 32, "squash", n_threads=1, on_bad_image="raise")
    rows = [some for some, _ in extractor.batches(reader)]
    assert np.array_equal(np.concatenate(rows), np.arange(len(paths)))
    print(seen[0], flush=True)
