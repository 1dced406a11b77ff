"""Time attrlearn beside what a user would write instead, on the same pictures.

Run: python tests/benchmarks/bench_peers.py --peers PEERS.py --images DIR --labels CSV --weights PTH

PEERS.py prints one line of JSON with `seconds` for `PEER TASK --n N --epochs E`, PEER one of torch,
skorch and fastai, TASK one of predict, frozen and finetune. The two sides alternate, each in a
process of its own; the table holds medians. The peers run 2 epochs, scaled to ours.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

EPOCHS = {"predict": 1, "frozen": 20, "finetune": 1}
PEERS = ["torch", "skorch", "fastai"]


def main() -> None:
    """Print the table, or with --ours the seconds of one task of ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers")
    parser.add_argument("--images", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=["predict", "frozen", "finetune"])
    parser.add_argument("--engines", nargs="+", default=["torch", "openvino"])
    parser.add_argument("--ours", nargs=2, metavar=("TASK", "ENGINE"))
    options = parser.parse_args()
    if options.ours:
        print(json.dumps(ours(options, *options.ours)))
    else:
        print(compare(options).to_string(index=False))


def compare(options: argparse.Namespace) -> pd.DataFrame:
    """Medians of seconds, and ratios to the best peer and to the limit of the machine."""
    same = ["--images", options.images, "--labels", options.labels, "--weights", options.weights]
    same += ["--n", str(options.n)]
    rows = []
    for task in options.tasks:
        seconds: dict[str, list[float]] = {}
        limits: dict[str, list[float]] = {}
        for _ in range(options.repeats):
            for engine in options.engines:
                found = run([__file__, "--ours", task, engine, *same])
                seconds.setdefault(engine, []).append(found["seconds"])
                limits.setdefault(engine, []).append(found["limit"])
            for peer in PEERS:
                found = run([options.peers, peer, task, "--epochs", "2", *same])
                scale = 1 if task == "predict" else EPOCHS[task] / 2
                seconds.setdefault(peer, []).append(scale * found["seconds"])
        medians = {name: float(np.median(values)) for name, values in seconds.items()}
        best = min(medians[peer] for peer in PEERS)
        for engine in options.engines:
            rows.append(
                {
                    "task": task,
                    "engine": engine,
                    "seconds": medians[engine],
                    **{peer: medians[peer] for peer in PEERS},
                    "times the best peer": best / medians[engine],
                    "share of the limit": float(np.median(limits[engine])) / medians[engine],
                }
            )
    return pd.DataFrame(rows).round(2)


def run(command: list[str]) -> dict[str, float]:
    """The last line of what a script prints, as JSON."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def ours(options: argparse.Namespace, task: str, engine: str) -> dict[str, float]:
    """Seconds of a task with an empty cache, and of its parts with everything in memory."""
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
            limit = 1.0 * decoding(clf, X) + forward(clf, len(X))
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
    """Seconds to decode all pictures."""
    from attrlearn.data.batches import consecutive
    from attrlearn.data.inputs import check_inputs

    reader = clf._open_reader(check_inputs(X), "raise")
    return timed(lambda: list(reader.batches(consecutive(len(X), clf.batch_size))))


def forward(clf, n: int) -> float:
    """Seconds of the engine for as many pictures, all in memory."""
    import torch

    extractor = clf._extractor(clf.network_, keep=True)
    engine = extractor._open(clf.network_.backbone)
    images = torch.randint(0, 256, (clf.batch_size, 3, 224, 224), dtype=torch.uint8)
    engine(images)
    return timed(lambda: [engine(images) for _ in range(n // clf.batch_size)]) * (
        n / (n // clf.batch_size * clf.batch_size)
    )


def resident_training(clf, X: list[str], y: pd.DataFrame) -> float:
    """Seconds of an epoch over pictures in memory, by a plain loop over the same network."""
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
