"""The recipe examples/recipes/predict_with_dask.py, whose workers and whole job are killed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from attrlearn import AttributeClassifier

pytest.importorskip("distributed", reason="needs the extra dask")
pytest.importorskip("pyarrow", reason="needs the extra parquet")

RECIPE = Path(__file__).parent.parent / "examples" / "recipes" / "predict_with_dask.py"
N = 3_000

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to kill"),
]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A model of 24 images, and a table that names each of them many times."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("job")
    rng = np.random.default_rng(0)
    for i in range(24):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    images = [str(folder / f"{i}.png") for i in range(24)]
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, engine="torch", cache_dir=None
    )
    y = pd.DataFrame({"hood": [0, 1] * 12, "length": ["long", "short", "midi"] * 8})
    joblib.dump(clf.fit(images, y), folder / "model.joblib")
    # A number in front of the name tells the rows apart.
    X = pd.DataFrame({"image": [f"{folder}/{'./' * (i // 24)}{i % 24}.png" for i in range(N)]})
    X.to_parquet(folder / "images.parquet")
    return folder


@pytest.fixture
def start(job, tmp_path):
    """Start the job in a process group of its own."""
    started = []

    def start(*options, table="images.parquet"):
        argv = [job / "model.joblib", job / table, "--out", tmp_path / "out", "--rows", "60"]
        process = subprocess.Popen(
            [sys.executable, RECIPE, *map(str, argv), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def parts(tmp_path):
    return sorted((tmp_path / "out").glob("part-*.parquet"))


def wait_for_parts(process, tmp_path, n):
    while len(parts(tmp_path)) < n:
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()


def assert_whole(job, tmp_path):
    """All rows of the input are there once, in their order, as the model predicts them."""
    found = pd.concat([pd.read_parquet(path) for path in parts(tmp_path)], ignore_index=True)
    X = pd.read_parquet(job / "images.parquet")
    assert found["image"].tolist() == X["image"].tolist()
    clf = joblib.load(job / "model.joblib")
    expected = clf.predict_table(X[:24]).sort_index()
    for name in expected:
        ours, theirs = found[name], pd.concat([expected[name]] * (N // 24), ignore_index=True)
        if name.endswith("_proba"):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
        else:
            assert ours.tolist() == theirs.tolist()


def test_a_worker_that_is_killed_loses_and_doubles_no_row(start, job, tmp_path):
    process = start()
    workers = process.stdout.readline()
    assert workers.startswith("workers: ")
    wait_for_parts(process, tmp_path, 4)
    os.kill(int(workers.split()[1]), signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert len(parts(tmp_path)) == N // 60
    assert f"{N // 60} of {N // 60} parts" in out
    assert_whole(job, tmp_path)


def test_a_job_that_is_killed_goes_on_and_a_foreign_folder_is_refused(start, job, tmp_path):
    process = start()
    wait_for_parts(process, tmp_path, 4)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in parts(tmp_path)}
    assert 4 <= len(before) < N // 60
    pd.read_parquet(job / "images.parquet")[:-1].to_csv(job / "other.csv", index=False)
    refused = start(table="other.csv")
    _, err = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert re.search("holds predictions of another job: input differ", err)
    again = start()
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert out.count(" parts") == N // 60 - len(before)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert_whole(job, tmp_path)
