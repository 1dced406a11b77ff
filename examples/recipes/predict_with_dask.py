"""Predict the images of a table with the workers of a dask cluster, one parquet file per part.

``python predict_with_dask.py model.joblib images.parquet --out predictions`` goes on where it was
stopped: parts that are there are whole, and are not computed again. ``images.parquet``, or a CSV
file, has a column ``image`` and optionally ``category``. The model is a pickle: open only your own.
"""

import argparse
import hashlib
import json
import os
import sys
from itertools import islice
from pathlib import Path

import joblib
import pandas as pd
from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

import attrlearn


class Model(WorkerPlugin):
    """Loads the model once per worker, also on one that comes later or in place of a lost one."""

    name = "model"

    def __init__(self, path):
        self.path = path

    def setup(self, worker):
        # Each image is seen once: to keep its features would cost more than it gives.
        worker.clf = joblib.load(self.path).set_params(on_bad_image="drop", cache_dir=None)


def predict_part(path, X):
    """Write the predictions of some rows; return how many images could not be read."""
    table = pd.concat([X, get_worker().clf.predict_table(X)], axis=1)
    write_whole(path, lambda file: table.to_parquet(file, index=False))
    return int(table["image_error"].notna().sum())


def write_whole(path, write):
    """Write a file that is there as a whole or not at all, whatever is killed or loses power."""
    unfinished = f"{path}.{os.getpid()}.unfinished"
    with open(unfinished, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def read_table(path):
    """The images and their categories, with text for both."""
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return table[[name for name in ("image", "category") if name in table]].astype("string")


def claim_folder(folder, model, X, n_rows):
    """Make a folder this job's own; stop if it is another one's."""
    job = {
        "model": hashlib.sha256(model.read_bytes()).hexdigest(),
        "input": hashlib.sha256(pd.util.hash_pandas_object(X).to_numpy().tobytes()).hexdigest(),
        "rows per part": n_rows,
        "attrlearn": attrlearn.__version__,
    }
    manifest = folder / "job.json"
    if manifest.exists():
        changed = [n for n, value in json.loads(manifest.read_text()).items() if job[n] != value]
        if changed:
            sys.exit(f"{folder} holds predictions of another job: {', '.join(changed)} differ.")
    elif folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} must be empty, or hold a job.json. Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(manifest, lambda file: file.write(json.dumps(job, indent=1).encode()))


def main():
    """Predict the parts that are missing, a few more at a time than there are workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2000, help="of a part")
    parser.add_argument("--scheduler", help="address of a cluster; else one starts on this machine")
    parser.add_argument("--workers", type=int, default=2, help="processes of that one")
    options = parser.parse_args()

    X = read_table(options.table)
    claim_folder(options.out, options.model, X, options.rows)
    starts = range(0, len(X), options.rows)
    paths = {start: options.out / f"part-{start // options.rows:06}.parquet" for start in starts}
    missing = [start for start in starts if not paths[start].exists()]
    cluster = options.scheduler or LocalCluster(
        n_workers=options.workers, threads_per_worker=1, dashboard_address=None
    )
    with Client(cluster) as client:
        client.register_plugin(Model(str(options.model.resolve())))
        workers = client.run(os.getpid)
        print("workers:", *workers.values(), flush=True)

        def submit(start):
            part = X[start : start + options.rows]
            path = str(paths[start].resolve())
            return client.submit(predict_part, path, part, pure=False)

        waiting = iter(missing)
        running = as_completed(map(submit, islice(waiting, 2 * len(workers))))
        n_done, n_bad = len(starts) - len(missing), 0
        for future in running:
            n_bad += future.result()
            n_done += 1
            print(f"{n_done} of {len(starts)} parts", flush=True)
            running.update(map(submit, islice(waiting, 1)))
    if n_bad:
        print(f"{n_bad} images could not be read: see image_error", file=sys.stderr)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
