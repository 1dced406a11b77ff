"""Time attrlearn beside what a user would write instead, on the same images.

Run: python tests/benchmarks/bench_peers.py --peers PEERS.py --images DIR --labels CSV --weights PTH

PEERS.py prints one line of JSON with `seconds` for `PEER TASK --n N --epochs E`, PEER one of torch,
skorch and fastai, TASK one of predict, frozen and finetune, for torch also grid. The two sides
alternate, each in a process of its own; the table holds medians. In place of 20 epochs the peers
run 2, and in place of a grid of 12 candidates and 5 folds one of 1 and 3, scaled by the images that
pass through the network.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

EPOCHS = {"predict": 1, "frozen": 20, "finetune": 1, "grid": 20}
GRID = {"learning_rate": [3e-4, 1e-3, 3e-3], "dropout": [0.2, 0.3, 0.5, 0.7]}
ALL_PEERS = ["torch", "skorch", "fastai"]
PEERS = {  # which, with which options, and what to scale their seconds by
    "predict": (ALL_PEERS, ["--epochs", "1"], 1),
    "frozen": (ALL_PEERS, ["--epochs", "2"], 10),
    "finetune": (ALL_PEERS, ["--epochs", "1"], 1),
    "grid": (
        ["torch"],
        ["--epochs", "2", "--candidates", "1", "--folds", "3"],
        12 * 5 * (20 * 4 / 5 + 1 / 5) / (3 * (2 * 2 / 3 + 1 / 3)),
    ),
}


def main() -> None:
    """Print the table, or with --ours the seconds of one task of ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers")
    parser.add_argument("--images", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=list(PEERS))
    parser.add_argument("--engines", nargs="+", default=["torch", "openvino"])
    parser.add_argument("--ours", nargs=2, metavar=("TASK", "ENGINE"))
    options = parser.parse_args()
    if options.ours:
        print(json.dumps(measure(options, *options.ours)))
    else:
        print(compare(options).to_string(index=False))


def compare(options: argparse.Namespace) -> pd.DataFrame:
    """Medians of seconds, and ratios to the best peer and to the limit of the machine."""
    same = ["--images", options.images, "--labels", options.labels, "--weights", options.weights]
    same += ["--n", str(options.n)]
    rows = []
    for task in options.tasks:
        names, peer_options, scale = PEERS[task]
        ours, limits, theirs = defaultdict(list), defaultdict(list), defaultdict(list)
        for _ in range(options.repeats):
            for engine in options.engines:
                found = run([__file__, "--ours", task, engine, *same])
                ours[engine].append(found["seconds"])
                limits[engine].append(found["limit"])
            for peer in names:
                found = run([options.peers, peer, task, *same, *peer_options])
                theirs[peer].append(found["seconds"] * scale)
        peers = {peer: float(np.median(theirs[peer])) for peer in names}
        for engine in options.engines:
            seconds = float(np.median(ours[engine]))
            rows.append(
                {
                    "task": task,
                    "engine": engine,
                    "seconds": seconds,
                    **peers,
                    "times the best peer": min(peers.values()) / seconds,
                    "share of the limit": float(np.median(limits[engine])) / seconds,
                }
            )
    return pd.DataFrame(rows).round(2)


def run(command: list[str]) -> dict[str, float]:
    """The last line of what a script prints, as JSON."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(options: argparse.Namespace, task: str, engine: str) -> dict[str, float]:
    """Seconds of a task with an empty cache, and of its parts with everything in memory."""
    from sklearn.model_selection import GridSearchCV

    from attrlearn import AttributeClassifier

    table = pd.read_csv(options.labels).iloc[: options.n]
    X = [str(Path(options.images) / name) for name in table.iloc[:, 0]]
    y = table.iloc[:, 1:]
    with tempfile.TemporaryDirectory() as cache:
        clf = AttributeClassifier(
            "mobilenet_v2",
            weights=options.weights,
            trainable="all" if task == "finetune" else "head",
            max_epochs=EPOCHS[task],
            augment="flip",
            engine=engine,
            cache_dir=cache,
            random_state=0,
        )
        if task == "predict":
            clf.set_params(max_epochs=1, cache_dir=None).fit(X[:32], y[:32])
            seconds = timed(lambda: clf.predict_proba(X))
            limit = decoding(clf, X) + forward(clf, len(X))
        elif task == "grid":
            search = GridSearchCV(clf, GRID, cv=5)
            seconds, limit = timed(lambda: search.fit(X, y)), np.nan
        else:
            seconds = timed(lambda: clf.fit(X, y))
            limit = resident_training(clf, X, y) if task == "finetune" else np.nan
    return {"seconds": seconds, "limit": limit}


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = perf_counter()
    work()
    return perf_counter() - start


def decoding(clf, X: list[str]) -> float:
    """Seconds to decode all images."""
    from attrlearn.checks.inputs import check_inputs
    from attrlearn.images.reader import consecutive, open_reader

    size = clf.network_.backbone.image_size
    reader = open_reader(check_inputs(X), size, clf.resize, clf.n_jobs, "raise")
    return timed(lambda: list(reader.batches(consecutive(len(X), clf.batch_size))))


def forward(clf, n: int) -> float:
    """Seconds of the inference backend for as many images, all in memory."""
    import torch

    from attrlearn.features.backends import choose_backend, open_backend
    from attrlearn.nn.device import resolve_device, resolve_dtype

    device = resolve_device(clf.device)
    backbone = clf.network_.backbone
    name = choose_backend(clf.engine, device, is_shared=backbone.is_shared)
    backend = open_backend(name, backbone, resolve_dtype(clf.dtype, device))
    images = torch.randint(0, 256, (clf.batch_size, 3, 224, 224), dtype=torch.uint8)
    backend(images)
    return timed(lambda: [backend(images) for _ in range(n // clf.batch_size)]) * (
        n / (n // clf.batch_size * clf.batch_size)
    )


def resident_training(clf, X: list[str], y: pd.DataFrame) -> float:
    """Seconds of an epoch over images in memory, by a plain loop over the same network."""
    import torch

    from attrlearn.training.memory import keep_freed_memory

    network = clf.network_.train()
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], fused=True)
    images = torch.randint(0, 256, (clf.batch_size, 3, 224, 224), dtype=torch.uint8)
    categories = torch.zeros(clf.batch_size, dtype=torch.long)

    def step() -> None:
        network(images, categories).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    n_steps = len(X) // clf.batch_size
    with keep_freed_memory():
        step()
        return timed(lambda: [step() for _ in range(n_steps)]) * len(X) / n_steps / clf.batch_size


if __name__ == "__main__":
    main()
