"""Processes and threads that need the same features share the work."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from attrlearn.features import claims as claims_module
from attrlearn.features import extraction as extraction_module
from attrlearn.features.cache import FeatureCache
from attrlearn.features.claims import Claims
from attrlearn.features.extractor import FeatureExtractor
from attrlearn.images.reader import ImageReader
from attrlearn.images.views import views_of
from attrlearn.nn.backbones import build_backbone

SCRIPT = Path(__file__).parent / "scripts" / "extract_together.py"

pytestmark = pytest.mark.skipif(claims_module.fcntl is None, reason="Windows has no such locks")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """600 images of noise."""
    folder = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    for i in range(600):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return [str(folder / f"{i}.png") for i in range(600)]


@pytest.fixture
def counting(tmp_path):
    """Make an extractor that counts the images that it computes."""
    torch.manual_seed(0)
    backbone = build_backbone("squeezenet1_1", None, "head", image_size=32).eval()

    def make():
        extractor = FeatureExtractor(backbone, "torch", torch.float32, 8, tmp_path)
        run, extractor.seen = extractor.run, 0

        def count(images):
            extractor.seen += len(images)
            return run(images)

        extractor.run = count
        return extractor

    return make


def extract(extractor, paths, **options):
    reader = ImageReader(list(paths), 32, "squash", n_threads=1, on_bad_image="drop")
    parts = list(extractor.batches(reader, **options))
    rows = np.concatenate([some for some, _ in parts])
    return rows, torch.cat([views for _, views in parts], dim=1).numpy()


@pytest.fixture
def keys(counting, paths, tmp_path):
    """Claims as an extractor makes them, and the keys of the images."""
    extractor = counting()
    reader = ImageReader(paths, 32, "squash", n_threads=1, on_bad_image="drop")
    extraction = extractor._extraction(reader, paths, views_of(None, 1), None)
    with FeatureCache(tmp_path) as cache:
        return extraction.claims, cache.content_hashes(paths)


def test_threads_compute_each_image_once_and_get_the_same(counting, paths, monkeypatch):
    monkeypatch.setattr(extraction_module, "CLAIMED_AT_ONCE", 16)
    alone = extract(counting(), paths[:200])[1]
    FeatureCache(counting().cache_dir).clear()
    extractors = [counting() for _ in range(4)]
    orders = [np.arange(200), np.arange(200)[::-1], np.arange(50, 200), np.arange(150)]
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda e, order: extract(e, np.array(paths)[order]), extractors, orders)
        )
    assert sum(extractor.seen for extractor in extractors) == 200
    for (rows, views), order in zip(found, orders, strict=True):
        assert rows.tolist() == list(range(len(order)))
        np.testing.assert_allclose(views, alone[:, order], atol=1e-4)


def test_what_another_one_claims_and_never_computes_is_computed_in_the_end(
    counting, paths, keys, monkeypatch
):
    monkeypatch.setattr(extraction_module, "_PATIENCE", 0.2)
    claims, hashes = keys
    held = claims.take(hashes[:30])
    extractor = counting()
    rows, _ = extract(extractor, paths[:100])
    assert rows.tolist() == list(range(100))
    assert extractor.seen == 100
    claims.release(held)


def test_claims_are_given_up_batch_by_batch(counting, paths, keys, monkeypatch):
    claims, hashes = keys
    free = []
    extractor = counting()
    run = extractor.run

    def look(images):
        mine = claims.take(hashes[:40])
        free.append(len(mine))
        claims.release(mine)
        return run(images)

    extractor.run = look
    extract(extractor, paths[:40])
    assert free == [0, 8, 16, 24, 32]


def test_an_image_that_cannot_be_read_is_tried_by_everybody_and_awaited_by_nobody(
    counting, paths, tmp_path
):
    (tmp_path / "bad.png").write_text("no image")
    for _ in range(2):
        rows, _ = extract(counting(), [*paths[:5], str(tmp_path / "bad.png"), *paths[5:8]])
        assert rows.tolist() == [0, 1, 2, 3, 4, 6, 7, 8]


def test_the_same_image_in_two_rows_is_claimed_once(counting, paths):
    rows, views = extract(counting(), [paths[0], paths[1], paths[0]])
    assert rows.tolist() == [0, 1, 2]
    np.testing.assert_allclose(views[:, 0], views[:, 2], atol=1e-5)


def test_who_has_other_views_of_an_image_is_awaited_too(counting, paths, monkeypatch):
    monkeypatch.setattr(extraction_module, "CLAIMED_AT_ONCE", 16)
    eight = views_of("light", 4)
    extractors = [counting(), counting()]
    with ThreadPoolExecutor(2) as pool:
        found = list(
            pool.map(
                lambda e, views: extract(e, paths[:100], views=views),
                extractors,
                [eight, eight[:1]],
            )
        )
    assert [views.shape[:2] for _, views in found] == [(4, 100), (1, 100)]
    np.testing.assert_allclose(found[0][1][0], found[1][1][0], atol=1e-4)
    assert not np.isnan(found[0][1]).any()


def test_a_cache_that_fails_is_worth_no_waiting(counting, paths, keys, tmp_path, monkeypatch):
    claims, hashes = keys
    held = claims.take(hashes)
    FeatureCache(tmp_path).clear()
    (tmp_path / "attrlearn_features.sqlite").mkdir()
    monkeypatch.setattr(extraction_module.time, "sleep", lambda _: pytest.fail("it waits"))
    with pytest.warns(UserWarning, match="The feature cache must be readable"):
        rows, _ = extract(counting(), paths[:20])
    assert len(rows) == 20
    claims.release(held)


@pytest.fixture
def start(tmp_path, paths):
    """Start processes that extract features, each of some rows, once all are ready."""
    processes = []

    def start(*parts):
        for number, (some, last) in enumerate(parts):
            listed = tmp_path / f"{number}.txt"
            listed.write_text("\n".join(paths[some]), encoding="utf-8")
            command = [sys.executable, str(SCRIPT), str(tmp_path / "cache"), str(listed), str(last)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            processes.append(subprocess.Popen(command, text=True, **pipes))
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        return processes

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.long
def test_processes_that_begin_together_compute_each_image_once(start):
    folds = [slice(0, 480), slice(120, 600), slice(0, 600)]
    seen = [int(p.communicate(timeout=120)[0]) for p in start(*((fold, 0) for fold in folds))]
    assert sum(seen) == 600
    assert min(seen) > 0


@pytest.mark.long
def test_a_process_that_is_killed_keeps_nobody_waiting(start):
    first, second = start((slice(0, 600), 64), (slice(0, 600), 0))
    n_begun = int(first.stdout.readline())
    first.kill()
    seen = int(second.communicate(timeout=120)[0])
    assert 600 - n_begun < seen <= 600 - n_begun + 8  # its last batch was lost


def test_a_warm_pass_claims_nothing(counting, paths, monkeypatch):
    extract(counting(), paths[:50])
    monkeypatch.setattr(Claims, "take", lambda *_: pytest.fail("a claim"))
    extractor = counting()
    extract(extractor, paths[:50])
    assert extractor.seen == 0
