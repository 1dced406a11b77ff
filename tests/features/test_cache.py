"""Features on disk: what comes back is what was put in, for that content and that setting."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attrlearn import AttributeClassifier
from attrlearn.features import cache as cache_module
from attrlearn.features import content_hash as hash_module
from attrlearn.features.cache import FeatureCache, default_cache_dir, setting_key

RNG = np.random.default_rng(0)
DIGESTS = [RNG.bytes(16) for _ in range(20)]
PIXELS = np.zeros((4, 4, 3), np.uint8)
FEATURES = RNG.standard_normal((20, 5), dtype=np.float32)

SCRIPT = Path(__file__).parent / "scripts" / "share_cache.py"


@pytest.fixture
def cache(tmp_path):
    with FeatureCache(tmp_path / "cache") as cache:
        yield cache


@pytest.fixture
def opened(monkeypatch) -> list:
    """The files that were opened to digest them."""
    opened = []

    def count(path):
        opened.append(path)
        return open(path, "rb")

    monkeypatch.setattr(hash_module, "open_file", count)
    return opened


def test_features_come_back_bit_for_bit_in_any_order(cache):
    special = FEATURES.copy()
    special[0] = [np.nan, -np.nan, np.inf, -0.0, 1e-42]
    cache.put("s", DIGESTS, special)
    order = [*np.random.default_rng(1).permutation(20), 3, 3]
    with FeatureCache(cache.info().path.parent) as other:
        found, features = other.get("s", [DIGESTS[i] for i in order], 5)
    assert found.all()
    assert features.dtype == np.float32
    assert features.tobytes() == special[order].tobytes()


def test_features_in_any_layout_are_stored_by_value(cache):
    cache.put("s", DIGESTS, np.asfortranarray(FEATURES).astype(">f4"))
    assert np.array_equal(cache.get("s", DIGESTS, 5)[1], FEATURES)


def test_bits_of_bfloat16_come_back_in_half_the_room(cache):
    bits = RNG.integers(-(2**15), 2**15, (20, 5000), dtype=np.int16)
    cache.put("b", DIGESTS, bits)
    half = cache.info().n_bytes
    found, again = cache.get("b", DIGESTS, 5000, np.int16)
    assert found.all()
    assert again.dtype == np.int16
    assert np.array_equal(again, bits)
    cache.clear()
    cache.put("f", DIGESTS, np.zeros((20, 5000), np.float32))
    assert cache.info().n_bytes > 1.5 * half


def test_features_stored_with_another_dtype_are_not_found_but_replaced(cache):
    cache.put("s", DIGESTS, FEATURES)
    assert not cache.get("s", DIGESTS, 5, np.int16)[0].any()
    cache.put("s", DIGESTS, np.ones((20, 5), np.int16))
    assert cache.get("s", DIGESTS, 5, np.int16)[0].all()
    assert not cache.get("s", DIGESTS, 5)[0].any()
    assert cache.info().n_entries == 20


def test_only_the_same_setting_content_and_size_is_found(cache):
    cache.put("s", DIGESTS[:10], FEATURES[:10])
    assert cache.get("s", DIGESTS, 5)[0].tolist() == [True] * 10 + [False] * 10
    assert not cache.get("t", DIGESTS, 5)[0].any()
    assert not cache.get("s", DIGESTS, 6)[0].any()


def test_a_image_without_digest_is_neither_stored_nor_found(cache):
    cache.put("s", [DIGESTS[0], None, DIGESTS[0]], FEATURES[[0, 1, 0]])
    assert cache.get("s", [None, DIGESTS[0], None], 5)[0].tolist() == [False, True, False]
    assert cache.info().n_entries == 1


def test_more_images_than_one_transaction_takes(cache, monkeypatch):
    monkeypatch.setattr(cache_module, "_ROWS_AT_ONCE", 7)
    cache.put("s", DIGESTS[:15], FEATURES[:15])
    found, features = cache.get("s", DIGESTS, 5)
    assert found.tolist() == [True] * 15 + [False] * 5
    assert np.array_equal(features[:15], FEATURES[:15])
    assert len(cache.content_hashes([b"%d" % i for i in range(20)])) == 20


def test_no_images_are_no_trouble(cache):
    found, features = cache.get("s", [], 5)
    assert (found.shape, features.shape) == ((0,), (0, 5))
    cache.put("s", [], FEATURES[:0])
    assert cache.content_hashes([]) == []


@pytest.mark.usefixtures("settled")
def test_a_known_file_is_not_opened_again(cache, tmp_path, opened):
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for i, path in enumerate(paths):
        path.write_bytes(b"%d" % i)
    first = cache.content_hashes(paths)
    assert len(set(first)) == len(opened) == 5
    with FeatureCache(cache.info().path.parent) as other:
        assert (
            other.content_hashes([*map(str, paths[::-1]), tmp_path / "absent.png"])[:5]
            == first[::-1]
        )
    assert opened[5:] == [tmp_path / "absent.png"]


def test_a_file_that_was_just_written_is_read_each_time(cache, tmp_path, opened):
    path = tmp_path / "a.png"
    for content in (b"one", b"two", b"two"):
        path.write_bytes(content)
        assert cache.content_hashes([path]) == cache.content_hashes([content])
    assert len(opened) == 3


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "restore", [False, pytest.param(True, marks=pytest.mark.skipif("os.name == 'nt'"))]
)
def test_a_file_changed_in_place_gets_the_digest_of_its_new_content(cache, tmp_path, restore):
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    state = path.stat()
    assert cache.content_hashes([path]) == cache.content_hashes([b"one"])
    time.sleep(0.02)  # longer than a tick of the file system's clock
    path.write_bytes(b"two")
    if restore:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert cache.content_hashes([path]) == cache.content_hashes([b"two"])


def test_digests_are_there_even_where_nothing_can_be_kept(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with FeatureCache(tmp_path / "cache") as cache:
        with pytest.warns(UserWarning, match=r"readable and writable\. Got '"):
            cache.put("s", DIGESTS, FEATURES)
        assert None not in cache.content_hashes([b"one", PIXELS])
        assert not cache.get("s", DIGESTS, 5)[0].any()


@pytest.mark.slow
def test_processes_that_read_and_write_at_once_lose_nothing_and_see_only_whole_entries(tmp_path):
    workers = [
        subprocess.Popen(
            [sys.executable, SCRIPT, tmp_path / "cache", str(i)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    for worker in workers:
        worker.stdout.readline()
    for worker in workers:  # all are let go together
        worker.stdin.write("\n")
        worker.stdin.flush()
    errors = [worker.communicate()[1] for worker in workers]
    assert errors == [""] * 4
    with FeatureCache(tmp_path / "cache") as cache:
        found, features = cache.get("s", [b"%016d" % i for i in range(240)], 700)
        assert cache.info().n_entries == 240
    assert found.all()
    assert np.array_equal(features[:, 0], np.arange(240))


def test_info_tells_place_number_and_size_and_clear_removes_all(cache):
    path = cache.info().path
    assert cache.info() == (path, 0, 0, 10_000_000_000)
    cache.put("s", DIGESTS, FEATURES)
    assert cache.info().n_entries == 20
    assert cache.info().n_bytes == sum(file.stat().st_size for file in path.parent.iterdir())
    cache.clear()
    assert list(path.parent.iterdir()) == []
    assert not cache.get("s", DIGESTS, 5)[0].any()


def test_the_cap_holds_and_the_features_stored_last_stay(tmp_path):
    with FeatureCache(tmp_path, max_bytes=4_000_000) as cache:
        for i in range(0, 400, 20):
            content_hashes = [b"%016d" % j for j in range(i, i + 20)]
            cache.put("s", content_hashes, np.full((20, 8_000), i, np.float32))  # 0.64 MB
        found, _ = cache.get("s", [b"%016d" % j for j in range(400)], 8_000)
        assert found[-20:].all()
        assert (np.diff(found.astype(int)) >= 0).all()
        assert cache.info().path.stat().st_size < 5_000_000


PARTS = st.dictionaries(
    st.sampled_from(["backbone", "size", "dtype"]),
    st.none()
    | st.booleans()
    | st.integers(0, 2)
    | st.floats(0, 2)
    | st.sampled_from(["0", "1", ""]),
)


@given(PARTS, PARTS)
def test_settings_share_a_key_exactly_if_names_values_and_types_are_equal(a, b):
    def typed(parts):
        return {name: (type(value), value) for name, value in parts.items()}

    assert (setting_key(**a) == setting_key(**b)) == (typed(a) == typed(b))
    assert setting_key(**a) == setting_key(**dict(reversed(a.items())))


def test_a_number_of_numpy_is_the_number():
    assert setting_key(size=np.int64(224), flip=np.True_) == setting_key(size=224, flip=True)


def test_an_object_is_no_part_of_a_setting():
    with pytest.raises(TypeError, match="Path"):
        setting_key(weights=Path("a.pth"))


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with FeatureCache("~/features") as cache:
        assert cache.info().path.parent == tmp_path / "features"


def test_the_environment_variable_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ATTRLEARN_CACHE", str(tmp_path))
    assert default_cache_dir() == tmp_path
    monkeypatch.setenv("ATTRLEARN_CACHE", os.path.join("~", "features"))
    assert default_cache_dir() == Path.home() / "features"


@pytest.mark.parametrize(
    ("platform", "variable", "by_default"),
    [
        ("linux", "XDG_CACHE_HOME", ".cache/attrlearn"),
        ("win32", "LOCALAPPDATA", "AppData/Local/attrlearn"),
        ("darwin", None, "Library/Caches/attrlearn"),
    ],
)
def test_the_folder_is_in_the_place_for_caches(
    monkeypatch, tmp_path, platform, variable, by_default
):
    monkeypatch.delenv("ATTRLEARN_CACHE", raising=False)
    monkeypatch.setattr(cache_module.sys, "platform", platform)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
        assert default_cache_dir() == tmp_path / "attrlearn"
        monkeypatch.setenv(variable, "")
    assert default_cache_dir() == Path.home() / by_default


@pytest.mark.skipif(os.name == "nt", reason="Windows names the home folder in other ways")
@pytest.mark.parametrize("chosen", [None, "~/features"])
def test_without_a_home_folder_one_warning_says_that_nothing_is_kept(monkeypatch, chosen):
    def unknown(uid):
        raise KeyError(uid)

    for name in ("ATTRLEARN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if chosen:
        monkeypatch.setenv("ATTRLEARN_CACHE", chosen)
    monkeypatch.setattr(cache_module.sys, "platform", "linux")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    cache_module._warn_of_no_home.cache_clear()
    with pytest.warns(UserWarning, match="Got no home folder of this user: nothing is kept") as all:
        assert [default_cache_dir(), default_cache_dir()] == [None, None]
    assert len(all) == 1
    clf = AttributeClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=1, random_state=0
    )
    clf.fit([PIXELS, 255 - PIXELS], [[0], [1]])  # warns no more
    assert clf.predict([PIXELS]).shape == (1, 1)
