"""How the memory of a process grows with the rows of a feature matrix that is a file.

Run: python tests/benchmarks/bench_memory.py

Features are drawn, float16, and read through ``np.memmap``; y has 5 attributes, three of ten cells
missing. Each line is a process of its own. What counts is anonymous memory (RssAnon of Linux),
without the pages of the file, which the system takes back when it needs them: that of torch and y
alone before the task, and its peak during the task. The file, 4.7 GB for a million rows, is written
once, in the folder for temporary files unless ``--folder`` names another one, and is deleted.
"""

import argparse
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd

ROWS = [250_000, 1_000_000]
TASKS = ["fit", "predict_proba", "score", "early_stopping", "calibrate"]
N_FEATURES = 2352
N_ATTRIBUTES = 5
ROWS_AT_ONCE = 10_000


def main() -> None:
    """Print the table, or the line of one process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS[:3])
    parser.add_argument("--features", type=int, default=N_FEATURES)
    parser.add_argument("--folder", help="where the file is written")
    parser.add_argument("--line", nargs=3, metavar=("TASK", "ROWS", "FILE"))
    options = parser.parse_args()
    if options.line:
        task, n_rows, file = options.line
        print(json.dumps(line(task, int(n_rows), options.features, Path(file))))
        return
    with TemporaryDirectory(dir=options.folder) as folder:
        file = draw(max(options.rows), options.features, Path(folder))
        lines = [
            start(task, n, options.features, file) for task in options.tasks for n in options.rows
        ]
    print(pd.DataFrame(lines).to_string(index=False))


def draw(n_rows: int, n_features: int, folder: Path) -> Path:
    """Write the features, some rows at a time."""
    n_bytes = 2 * n_rows * n_features
    free = shutil.disk_usage(folder).free
    if free < 1.2 * n_bytes:
        sys.exit(f"{folder} has {free / 1e9:.1f} GB free, too little for {n_bytes / 1e9:.1f} GB.")
    rng = np.random.default_rng(0)
    file = folder / "features.f16"
    with file.open("wb") as written:
        for first in range(0, n_rows, ROWS_AT_ONCE):
            shape = (min(ROWS_AT_ONCE, n_rows - first), n_features)
            written.write(rng.standard_normal(shape, dtype=np.float32).astype(np.float16).data)
    return file


def start(task: str, n_rows: int, n_features: int, file: Path) -> dict[str, object]:
    """One line, measured in a process of its own."""
    command = [sys.executable, __file__, "--features", str(n_features)]
    command += ["--line", task, str(n_rows), str(file)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def line(task: str, n_rows: int, n_features: int, file: Path) -> dict[str, object]:
    """Seconds of a task, and the anonymous memory of this process before it and at its peak."""
    from attrlearn import AttributeClassifier

    X = np.memmap(file, np.float16, "r", shape=(n_rows, n_features))
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, (n_rows, N_ATTRIBUTES)).astype(float)
    y[rng.random(y.shape) < 0.3] = np.nan
    clf = AttributeClassifier(None, max_epochs=1, batch_size=512, random_state=0)
    clf.fit(X[:1024], y[:1024])  # what torch takes at its first step
    if task in ("early_stopping", "calibrate"):
        clf.set_params(**{task: True})
    tasks: dict[str, Callable[[], object]] = {
        "predict_proba": lambda: clf.predict_proba(X),
        "score": lambda: clf.score(X, y),
    }
    sampler = Sampler()
    begin = perf_counter()
    tasks.get(task, lambda: clf.fit(X, y))()
    seconds = perf_counter() - begin
    before, peak = sampler.stop()
    return {
        "task": task,
        "rows": f"{n_rows:,}",
        "file MB": X.nbytes // 10**6,
        "seconds": round(seconds, 1),
        "before MB": before // 10**6,
        "peak MB": peak // 10**6,
        "growth, bytes a row": (peak - before) // n_rows,
    }


class Sampler:
    """The anonymous memory of this process, at its beginning and its peak."""

    def __init__(self) -> None:
        self._seen = [anonymous_bytes()]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        """Look a hundred times a second."""
        while not self._over.wait(0.01):
            self._seen.append(anonymous_bytes())

    def stop(self) -> tuple[int, int]:
        """Return the bytes at the beginning and at the peak."""
        self._over.set()
        self._thread.join()
        return self._seen[0], max(self._seen)


def anonymous_bytes() -> int:
    """RssAnon, in bytes."""
    for text in Path("/proc/self/status").read_text().splitlines():
        if text.startswith("RssAnon:"):
            return 1024 * int(text.split()[1])
    raise OSError("/proc/self/status must tell RssAnon, as it does on Linux since 4.5.")


if __name__ == "__main__":
    main()
