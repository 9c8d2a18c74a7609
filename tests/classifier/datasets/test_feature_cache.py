"""The cache of features: whole entries or none, bounded, and shared by processes."""

import multiprocessing
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from classifier.datasets import feature_cache
from classifier.datasets.feature_cache import FeatureCache, cache_key

PLENTY = 10**9
ENTRY_BYTES = 8 * 1000 + 128
"""Of a thousand float64 numbers with the header of their file."""


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    return {"patches": np.random.default_rng(seed).standard_normal(1000)}


def keys(*names: str) -> list[str]:
    return [cache_key(name) for name in names]


def entries(folder: Path) -> set[str]:
    """What is stored, by key; nothing else may lie about."""
    found = {path.name for path in folder.glob("*/*")}
    loose = [path for path in folder.iterdir() if len(path.name) != 2]
    assert loose == []
    return found


def test_what_is_put_is_got(tmp_path: Path) -> None:
    stored = {
        "patches": np.random.default_rng(0).standard_normal((3, 20, 7)).astype(np.float16),
        "segments": np.array([0, 0, 1]),
        "durations_s": np.array([30.0, 12.5]),
        "none": np.zeros((0, 5), np.float32),
    }
    FeatureCache(tmp_path, PLENTY).put("ab" * 20, stored)
    found = FeatureCache(tmp_path, PLENTY).get("ab" * 20)
    assert found is not None
    assert set(found) == set(stored)
    for name, array in stored.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_arrays_are_read_only_memory_maps(tmp_path: Path) -> None:
    store = FeatureCache(tmp_path, PLENTY)
    store.put("ab" * 20, arrays())
    found = store.get("ab" * 20)
    assert found is not None
    assert isinstance(found["patches"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found["patches"][0] = 1


def test_what_was_not_put_is_a_miss_and_makes_nothing(tmp_path: Path) -> None:
    store = FeatureCache(tmp_path / "cache", PLENTY)
    assert store.get("ab" * 20) is None
    assert store.trim() == 0
    assert not (tmp_path / "cache").exists()


def test_keys_depend_on_all_parts_and_not_on_the_order_of_names() -> None:
    assert cache_key(1, {"a": 1, "b": [2.5, None]}) == cache_key(1, {"b": [2.5, None], "a": 1})
    parts = [(1,), (1, {}), (2, {}), (1, {"a": 1}), (1, {"a": 2}), ("1", {}), ([1, {}],)]
    assert len({cache_key(*some) for some in parts}) == len(parts)
    assert cache_key("x").isalnum()


def test_an_entry_is_replaced_while_its_maps_are_in_use(tmp_path: Path) -> None:
    store = FeatureCache(tmp_path, PLENTY)
    store.put("ab" * 20, arrays(0) | {"old": np.ones(1)})
    before = store.get("ab" * 20)
    store.put("ab" * 20, arrays(1))
    after = store.get("ab" * 20)
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before["patches"], arrays(0)["patches"])
    np.testing.assert_array_equal(after["patches"], arrays(1)["patches"])
    assert set(after) == {"patches"}


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureCache(tmp_path, PLENTY)

    def full_disk(file: BinaryIO, array: np.ndarray, **_options: object) -> None:
        if Path(file.name).stem == "second":
            file.write(b"\x93NUMPY")
            raise OSError(28, "No space left on device")
        real_save(file, array)

    real_save = np.save
    monkeypatch.setattr(feature_cache.np, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        store.put("ab" * 20, {"first": np.ones(3), "second": np.ones(3)})
    assert entries(tmp_path) == set()
    assert store.get("ab" * 20) is None


def test_a_failed_replacement_leaves_the_old_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureCache(tmp_path, PLENTY)
    store.put("ab" * 20, arrays(0))

    def fails(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(feature_cache.np, "save", fails)
        with pytest.raises(KeyboardInterrupt):
            store.put("ab" * 20, arrays(1))
    found = store.get("ab" * 20)
    assert found is not None
    np.testing.assert_array_equal(found["patches"], arrays(0)["patches"])


@pytest.mark.parametrize("damage", ["cut", "empty", "header", "text", "pickle", "no files"])
def test_a_damaged_entry_is_a_miss_and_can_be_made_again(tmp_path: Path, damage: str) -> None:
    store = FeatureCache(tmp_path, PLENTY)
    key = "ab" * 20
    store.put(key, arrays() | {"other": np.ones(4)})
    file = tmp_path / "ab" / key / "patches.npy"
    whole = file.read_bytes()
    if damage == "pickle":
        np.save(file, np.array([{"a": 1}]), allow_pickle=True)
    elif damage == "no files":
        for each in file.parent.iterdir():
            each.unlink()
    else:
        cut = {"cut": whole[:-100], "empty": b"", "header": whole[:40], "text": b"not numbers"}
        file.write_bytes(cut[damage])
    fresh = FeatureCache(tmp_path, PLENTY)
    assert fresh.get(key) is None
    fresh.put(key, arrays())
    found = fresh.get(key)
    assert found is not None
    np.testing.assert_array_equal(found["patches"], arrays()["patches"])


def aged(store: FeatureCache, *names: str) -> None:
    """Put entries, the first the oldest by far."""
    for age, key in enumerate(reversed(names), start=1):
        store.put(key, arrays())
        entry = store.folder / key[:2] / key
        os.utime(entry, (1_000_000_000 - age * 1000,) * 2)


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    a, b, c, d = keys("a", "b", "c", "d")
    aged(FeatureCache(tmp_path, PLENTY), a, b, c, d)
    FeatureCache(tmp_path, PLENTY).get(a)  # an earlier run used the oldest again
    bounded = FeatureCache(tmp_path, 2 * ENTRY_BYTES)
    assert bounded.trim() == 2
    assert entries(tmp_path) == {a, d}
    assert bounded.trim() == 0


def test_the_bound_itself_is_allowed(tmp_path: Path) -> None:
    a, b = keys("a", "b")
    aged(FeatureCache(tmp_path, PLENTY), a, b)
    assert FeatureCache(tmp_path, 2 * ENTRY_BYTES).trim() == 0
    assert FeatureCache(tmp_path, 2 * ENTRY_BYTES - 1).trim() == 1
    assert entries(tmp_path) == {b}


def test_what_this_run_used_stays_whatever_the_bound(tmp_path: Path) -> None:
    a, b, c = keys("a", "b", "c")
    aged(FeatureCache(tmp_path, PLENTY), a, b)
    run = FeatureCache(tmp_path, 0)
    assert run.get(a) is not None
    run.put(c, arrays())
    assert run.trim() == 1
    assert entries(tmp_path) == {a, c}
    assert FeatureCache(tmp_path, 0).trim() == 2  # the next run needs neither


def test_what_others_stored_for_this_run_stays_too(tmp_path: Path) -> None:
    """Workers store with a cache object of their own."""
    (a,) = keys("a")
    run = FeatureCache(tmp_path, 0)
    FeatureCache(tmp_path, 0).put(a, arrays())
    assert run.trim([a]) == 0
    assert run.get(a) is not None


def test_what_a_killed_run_left_half_written_goes(tmp_path: Path) -> None:
    (a,) = keys("a")
    store = FeatureCache(tmp_path, PLENTY)
    store.put(a, arrays())
    for name, age_s in ((".part-old", 3 * 86_400), (".part-new", 60)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "patches.npy").write_bytes(b"x")
        now = (tmp_path / a[:2]).stat().st_mtime
        os.utime(tmp_path / name, (now - age_s,) * 2)
    store.trim()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".part-new", a[:2]])


def test_an_entry_that_goes_while_trimming_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process trims the same cache."""
    a, b = keys("a", "b")
    aged(FeatureCache(tmp_path, PLENTY), a, b)
    real_size = feature_cache._size

    def gone_meanwhile(folder: Path) -> int:
        shutil.rmtree(folder)
        return real_size(folder)

    monkeypatch.setattr(feature_cache, "_size", gone_meanwhile)
    FeatureCache(tmp_path, 0).trim()
    assert entries(tmp_path) == set()


def store_often(folder: str, seed: int, times: int) -> None:
    for _ in range(times):
        FeatureCache(Path(folder), PLENTY).put("ab" * 20, arrays(seed) | {"more": np.full(500, seed)})


def test_two_processes_storing_the_same_key(tmp_path: Path) -> None:
    """A reader meanwhile sees all arrays of an entry, or a miss."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=store_often, args=(str(tmp_path), seed, 60)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    reader, seen = FeatureCache(tmp_path, PLENTY), 0
    while any(writer.is_alive() for writer in writers):
        found = reader.get("ab" * 20)
        if found is not None:
            assert set(found) == {"patches", "more"}
            seed = int(found["more"][0])
            patches = [arrays(either)["patches"] for either in (seed, 3 - seed)]
            assert any(np.array_equal(found["patches"], each) for each in patches)
            seen += 1
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen
    assert entries(tmp_path) == {"ab" * 20}
    assert set(reader.get("ab" * 20) or {}) == {"patches", "more"}
