"""Rows a second that the feature cache stores, finds and content_hashes; 1280 features a row.

Run: python tests/benchmarks/bench_cache.py
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import numpy as np
import pandas as pd

from attrlearn.features.cache import FeatureCache

ROWS = [1_000, 10_000, 50_000]
BATCH = 256  # rows a put
FILE_BYTES = 10_000


def rate(n_rows: int, work: Callable[[], object], repeats: int = 1) -> str:
    """Rows a second, the best of some repeats."""
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        seconds.append(perf_counter() - start)
    return f"{n_rows / min(seconds):,.0f}"


def measure(n_rows: int, folder: Path) -> dict[str, str]:
    """Rates of a new cache and of the files it does not know, then of both when known."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n_rows, 1280), dtype=np.float32)
    content_hashes = [rng.bytes(16) for _ in range(n_rows)]
    files = [folder / f"{i}.jpg" for i in range(n_rows)]
    for file in files:
        file.write_bytes(rng.bytes(FILE_BYTES))
    sleep(2.1)  # a file written just now is not trusted to stay

    def put() -> None:
        for start in range(0, n_rows, BATCH):
            part = slice(start, start + BATCH)
            cache.put("setting", content_hashes[part], features[part])

    with FeatureCache(folder / "cache") as cache:
        rates = {"rows": f"{n_rows:,}", "put": rate(n_rows, put)}
    with FeatureCache(folder / "cache") as cache:
        rates["get"] = rate(n_rows, lambda: cache.get("setting", content_hashes, 1280), repeats=5)
        rates["get, absent"] = rate(
            n_rows, lambda: cache.get("other", content_hashes, 1280), repeats=5
        )
        rates["content_hashes"] = rate(n_rows, lambda: cache.content_hashes(files))
        rates["content_hashes, known"] = rate(
            n_rows, lambda: cache.content_hashes(files), repeats=5
        )
    return rates


def main() -> None:
    """Print the table."""
    table = []
    for n_rows in ROWS:
        with TemporaryDirectory() as folder:
            table.append(measure(n_rows, Path(folder)))
    print(pd.DataFrame(table).to_string(index=False))


if __name__ == "__main__":
    main()
