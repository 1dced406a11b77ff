"""How time and memory grow with the number of images and of attributes.

Run: python tests/benchmarks/bench_growth.py

Images are drawn, 48 x 64 pixels, and seen by a squeezenet1_1 of random weights at 64 x 64; what
decides is the growth, not the figure. Each line is a process of its own, whose peak memory counts
torch itself. Attributes are learnt from features of width 1280, in batches of 32.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd

IMAGES = [500, 2_000, 20_000, 50_000]
ATTRIBUTES = [1, 4, 10, 77, 100, 300, 1_000]
EPOCHS = 5


def main() -> None:
    """Print both tables, or the line of one process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", nargs="+", type=int, default=IMAGES)
    parser.add_argument("--attributes", nargs="+", type=int, default=ATTRIBUTES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--line", nargs=3, metavar=("TASK", "N", "FOLDER"))
    options = parser.parse_args()
    if options.line:
        task, n, folder = options.line
        print(json.dumps(line(task, int(n), Path(folder))))
        return
    with TemporaryDirectory() as folder:
        draw(max(options.images), Path(folder))
        for task in ("fit", "predict"):
            lines = [start(task, n, folder) for n in options.images]
            print(pd.DataFrame(lines, index=options.images).rename_axis(f"{task}, images"), "\n")
    seconds = {n: step_seconds(n, options.repeats) for n in options.attributes}
    table = pd.DataFrame({"ms a step": seconds}).rename_axis("attributes") * 1000
    table["times 4 attributes"] = table["ms a step"] / table["ms a step"].get(4, np.nan)
    print(table.round(2))


def draw(n: int, folder: Path) -> None:
    """Write n small JPEG files."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(n):
        pixels = np.kron(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), np.ones((8, 8, 1)))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.jpg")


def start(task: str, n: int, folder: str) -> dict[str, float]:
    """One line, measured in a process of its own."""
    command = [sys.executable, __file__, "--line", task, str(n), folder]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def line(task: str, n: int, folder: Path) -> dict[str, float]:
    """Seconds of a task, images a second, and the peak memory of this process in MB."""
    from attrlearn import AttributeClassifier

    X = [str(folder / f"{i}.jpg") for i in range(n)]
    y = np.random.default_rng(0).integers(0, 2, (n, 10)).astype(float)
    with TemporaryDirectory() as cache:
        clf = AttributeClassifier(
            "squeezenet1_1", weights=None, image_size=64, max_epochs=EPOCHS, cache_dir=cache
        )
        if task == "predict":
            clf.fit(X[:64], y[:64])
        begin = perf_counter()
        if task == "predict":
            clf.predict_proba(X)
        else:
            clf.fit(X, y)
        seconds = perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 1), "images/s": round(n / seconds), "peak MB": round(peak)}


def step_seconds(n_attributes: int, repeats: int) -> float:
    """Seconds of a step of the head on features, the median of some fits."""
    from attrlearn import AttributeClassifier

    rng = np.random.default_rng(0)
    X = rng.standard_normal((3200, 1280), dtype=np.float32)
    y = rng.integers(0, 2, (3200, n_attributes)).astype(float)
    y[rng.random(y.shape) < 0.3] = np.nan
    clf = AttributeClassifier(None, max_epochs=EPOCHS, random_state=0)
    return float(np.median([clf.fit(X, y).history_["seconds"].min() for _ in range(repeats)])) / 100


if __name__ == "__main__":
    main()
