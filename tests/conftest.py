"""Tiny images and tables that many tests share."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # a thread each: more would wait for one another
    os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, by child processes too

import time
from collections import OrderedDict
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import attrlearn
from attrlearn.nn import templates

collect_ignore_glob = ["**/scripts/*"]  # tests run them in processes of their own


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their marks
def pytest_collection_modifyitems(items):
    """What is long is slow; OpenVINO takes a second for each model that it converts."""
    for item in items:
        if item.get_closest_marker("openvino") or item.get_closest_marker("long"):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path_factory):
    """Each test starts with an empty cache, far from that of the user who runs it."""
    folder = tmp_path_factory.getbasetemp() / "caches" / uuid4().hex
    monkeypatch.setenv("ATTRLEARN_CACHE", str(folder))


@pytest.fixture(autouse=True)
def no_templates(monkeypatch):
    """Each test builds its backbones itself."""
    monkeypatch.setattr(templates, "_templates", OrderedDict())


@pytest.fixture
def settled(monkeypatch) -> None:
    """All files were written a minute ago."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60 * 10**9)


@pytest.fixture(autouse=True)
def skip_without_openvino(request):
    if request.node.get_closest_marker("openvino"):
        pytest.importorskip("openvino", reason="needs the extra openvino")


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> pd.DataFrame:
    """24 images of 40 x 30 pixels with their category, as X."""
    folder: Path = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    paths = []
    for i in range(24):
        pixels = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        paths.append(str(folder / f"{i}.png"))
    return pd.DataFrame({"image": paths, "category": ["shirt", "dress"] * 12})


@pytest.fixture
def attributes() -> pd.DataFrame:
    """Two binary attributes and one of three classes for 24 rows, a third of the cells missing."""
    rng = np.random.default_rng(1)
    y = pd.DataFrame(
        {
            "hood": rng.integers(0, 2, 24).astype(float),
            "zip": rng.integers(0, 2, 24).astype(float),
            "length": pd.Categorical(rng.choice(["long", "midi", "short"], 24)),
        }
    )
    return y.mask(rng.random(y.shape) < 1 / 3)


@pytest.fixture
def small() -> "attrlearn.AttributeClassifier":
    """An estimator of images that fits in a moment: its backbone is the quickest to build and run.

    It has no batch norm; `resnet` has.
    """
    return attrlearn.AttributeClassifier(
        "squeezenet1_1",
        weights=None,
        image_size=32,
        max_epochs=2,
        batch_size=8,
        random_state=0,
    )


@pytest.fixture
def resnet(small) -> "attrlearn.AttributeClassifier":
    """An estimator of images with batch norm and residual blocks, four times slower."""
    return small.set_params(backbone="resnet18")


@pytest.fixture
def tabular() -> "attrlearn.AttributeClassifier":
    """An estimator of features that fits in a moment."""
    return attrlearn.AttributeClassifier(None, max_epochs=3, random_state=0)
