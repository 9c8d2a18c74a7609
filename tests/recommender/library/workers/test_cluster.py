"""Workers of a Dask cluster: every task gets its result, whatever becomes of a worker."""

import os
import pickle
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.model import bundle
from classifier.model.bundle import Bundle
from classifier.model.inference import Trunk
from classifier.model.predictions import TrackAnalysis
from recommender.errors import ClusterError
from recommender.library import params
from recommender.library.workers import cluster_members
from recommender.library.workers.boundary import CRASHED, NOT_SHARED, READING, Failure
from recommender.library.workers.cluster import ClusterWorkers
from recommender.library.workers.cluster_worker import bundle_files, perform, prepare, versions
from recommender.library.workers.tasks import RangesAnalysis, analyse
from tests import dask_cluster
from tests.classifier.model.test_bundle import write as write_bundle
from tests.dask_cluster import Cluster
from tests.recommender import tasks
from tests.recommender.albums import made_up, write_album
from tests.recommender.library.workers.test_pool import WHAT_HAPPENS, expected, paths
from tests.recommender.support import write_song


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def workers(dask: Cluster, told: list[str]) -> Iterator[ClusterWorkers[int]]:
    with ClusterWorkers[int](dask.address, bundle.load(bundle.SHIPPED), told.append) as started:
        yield started


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory, shipped: Bundle) -> Bundle:
    """A bundle with another trunk: it does not bring a segment to one level."""
    folder = tmp_path_factory.mktemp("bundles")
    return write_bundle(folder, shipped, front_end=replace(shipped.front_end, reference_rms=None))


def test_every_path_gets_its_result(workers: ClusterWorkers[int], told: list[str]) -> None:
    odd = [(25, "good \udcff\n"), (26, "")]
    results = list(workers.run([*paths(25), *odd], tasks.upper))
    assert len(results) == 27
    assert dict(results) == expected(25, ()) | {25: "GOOD \udcff\n", 26: ""}
    assert list(workers.run([], tasks.upper)) == []
    assert told == []


def test_tasks_run_on_all_workers(workers: ClusterWorkers[int], dask: Cluster) -> None:
    there, seen = set(dask.wait_for(2).values()), set()
    deadline = time.monotonic() + dask_cluster.START_S

    def until_all_worked() -> Iterator[tuple[int, str]]:
        number = 0
        while seen != there and time.monotonic() < deadline:
            yield number, "good"
            number += 1

    for _, result in workers.run(until_all_worked(), tasks.process_id):
        seen.add(result)
    assert seen == there


def test_paths_are_taken_only_a_little_ahead(workers: ClusterWorkers[int]) -> None:
    taken = []

    def endless() -> Iterator[tuple[int, str]]:
        number = 0
        while True:
            taken.append(number)
            yield number, f"good {number}"
            number += 1

    run = workers.run(endless(), tasks.upper)
    for _ in range(20):
        next(run)
    threads = 3
    assert len(taken) <= 20 + threads * params.TASKS_AHEAD
    run.close()


def test_whatever_a_file_does_is_its_own_failure(workers: ClusterWorkers[int], dask: Cluster) -> None:
    names = ["attribute", "song", "recursion", "unspeakable", "memory", "silent", "lock", "other song"]
    before = dask.workers()
    results = dict(workers.run(enumerate(names), tasks.misbehave))
    happens = WHAT_HAPPENS | {"lock": Failure("unexpected", READING)}
    assert results == {i: happens.get(name, name.upper()) for i, name in enumerate(names)}
    assert "AttributeError: 'NoneType' object has no attribute 'nothing'" in results[0].traceback
    assert dask.workers() == before


def test_what_makes_no_progress_is_given_up(workers: ClusterWorkers[int]) -> None:
    results = dict(workers.run([(0, "stalls")], tasks.be_slow))
    assert results == {0: CRASHED}
    assert list(workers.run([(0, "progresses")], tasks.be_slow)) == [(0, "PROGRESSES")]


def test_crash_costs_only_the_file_that_crashes(workers: ClusterWorkers[int], dask: Cluster) -> None:
    before = dask.workers()
    results = list(workers.run(paths(14, (4,)), tasks.crash_on_bad))
    assert len(results) == 14
    assert dict(results) == expected(14, (4,))
    assert dask.wait_for(2) != before, "no worker died: this tested nothing"


def test_a_worker_killed_from_outside_fails_no_file(dask: Cluster, shipped: Bundle) -> None:
    with ClusterWorkers[int](dask.address, shipped, print) as workers:
        run = workers.run(paths(12), tasks.slow_process_id)
        results = [next(run)]
        killed = {results[0][1]}
        os.kill(results[0][1], signal.SIGKILL)
        results += run
    assert {key for key, _ in results} == set(range(12))
    assert len(results) == 12
    assert all(isinstance(result, int) for _, result in results)
    assert {result for _, result in results} - killed


def test_the_file_that_no_worker_can_read(tmp_path: Path, workers: ClusterWorkers[int]) -> None:
    there, nowhere = tmp_path / "far.flac", tmp_path / "far away.flac"
    there.write_bytes(b"here")
    listed = [(0, "good"), (1, str(there)), (2, str(nowhere))]
    results = dict(workers.run(listed, tasks.unreadable_there))
    assert results[0] == "good"
    assert results[1].kind == NOT_SHARED
    assert "worker tcp://" in results[1].message
    assert results[2] == Failure("unreadable", "cannot be read: no such file or directory")


def test_music_that_is_not_shared_stops_the_run(
    tmp_path: Path, dask: Cluster, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(params, "UNSEEN_FILES", 3)
    for number in range(5):
        (tmp_path / f"far{number}").write_bytes(b"here")
    listed = [(n, str(tmp_path / f"far{n}")) for n in range(5)]
    given = []
    with (
        ClusterWorkers[int](dask.address, shipped, print) as workers,
        pytest.raises(ClusterError, match=r"far\d: cannot be read.*on storage that all workers"),
    ):
        given.extend(workers.run(listed, tasks.unreadable_there))
    assert [result.kind for _, result in given] == [NOT_SHARED] * 2


def test_a_bundle_that_workers_cannot_read_is_sent(
    tmp_path: Path, dask: Cluster, another: Bundle, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(another.path)
    hidden = bundle.load(Path("/proc/self/cwd"))  # which is another folder to every process
    song = write_song(tmp_path / "song.flac", 3)
    with ClusterWorkers[int](dask.address, hidden, print) as workers:
        results = dict(workers.run([(n, str(song)) for n in range(4)], analyse))
    mine, plain = (Trunk(b, threads=1).analyse_file(song) for b in (another, shipped))
    for result in results.values():
        assert isinstance(result, TrackAnalysis)
        np.testing.assert_allclose(result.features()[1], mine.features()[1], rtol=0, atol=1e-6)
    assert np.abs(mine.features()[1] - plain.features()[1]).max() > 1e-2


def test_a_worker_of_other_code_that_joins_later_gets_no_work(
    tmp_path: Path, dask: Cluster, shipped: Bundle
) -> None:
    dask.wait_for(2)
    altered = dask.start_worker(packages=dask_cluster.altered_packages(tmp_path))
    told: list[str] = []

    def until_refused() -> Iterator[tuple[int, str]]:
        deadline = time.monotonic() + dask_cluster.START_S
        while not told and time.monotonic() < deadline:
            yield 0, "good"

    try:
        with ClusterWorkers[int](dask.address, shipped, told.append) as workers:
            ids = {result for _, result in workers.run(until_refused(), tasks.process_id)}
        (address,) = dask.workers_of(altered)
        refused = dask.workers()[address]
    finally:
        dask.end(altered)
    (line,) = told
    assert line.startswith(f"The worker {address} gets no work: its deepcuts code is ")
    assert ids
    assert refused not in ids


def test_a_worker_comes_back_at_its_address_and_a_scheduler_does_not(
    tmp_path: Path, dask: Cluster, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client does not look meanwhile: it learns of both from what it had handed out."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with dask_cluster.running(tmp_path) as own:
        own.start_worker("--worker-port", str(port))
        with ClusterWorkers[int](own.address, shipped, print) as workers:
            assert dict(workers.run(paths(2), tasks.upper)) == expected(2, ())
            monkeypatch.setattr(params, "LOOK_S", 1000.0)
            assert dict(workers.run(paths(8, (2,)), tasks.crash_on_bad)) == expected(8, (2,))
            assert set(own.workers()) == {f"tcp://127.0.0.1:{port}"}
            run = workers.run(paths(200), tasks.process_id)
            next(run)
            own.end(own.processes[0])
            with pytest.raises(ClusterError, match=rf"the scheduler at {own.address} is gone; what was"):
                list(run)


def test_without_any_worker_the_run_ends(
    dask: Cluster, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_arguments: object) -> None:
        pass

    monkeypatch.setattr(cluster_members.Members, "_prepare", never)
    monkeypatch.setattr(params, "WORKERLESS_S", 0.2)
    monkeypatch.setattr(params, "LOOK_S", 0.1)
    with (
        ClusterWorkers[int](dask.address, shipped, print) as workers,
        pytest.raises(ClusterError, match=r"has had no worker .* dask worker tcp://.* --nthreads 1"),
    ):
        list(workers.run(paths(3), tasks.upper))


def test_no_scheduler_is_one_line_soon(
    dask: Cluster, shipped: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert params.CONNECT_S <= 10
    monkeypatch.setattr(params, "CONNECT_S", 0.5)
    worker = next(iter(dask.workers()))
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for address in ("tcp://127.0.0.1:1", "nonsense://x:1", "tcp://127.0.0.1", nobody, worker):
            with pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address};"):
                ClusterWorkers(address, shipped, print)
    assert time.monotonic() - started < 60  # of Dask's own accord it would be 30 s for each


def test_prepare_finds_or_asks_for_the_bundle(another: Bundle, shipped: Bundle) -> None:
    mine, here, gone = dict(versions()), str(another.path), "/nowhere/at all"
    assert prepare({**mine, "numpy": "0"}, here, another.bundle_id, None) == (mine, False)
    assert prepare(mine, gone, another.bundle_id, None) == (mine, False)
    assert prepare(mine, here, shipped.bundle_id, None) == (mine, True), "the package's own is the same"
    assert perform(tasks.upper, "a", another.bundle_id) == (False, b"")
    assert prepare(mine, gone, another.bundle_id, bundle_files(shipped)) == (mine, False), "not that one"
    assert prepare(mine, gone, another.bundle_id, bundle_files(another)) == (mine, True)
    assert perform(tasks.upper, "a", another.bundle_id) == (True, pickle.dumps("A", 5))
    assert perform(tasks.upper, "a", shipped.bundle_id)[0]


def test_parts_of_a_file_are_analysed_by_the_trunk_that_a_worker_has(shipped: Bundle, tmp_path: Path) -> None:
    album = write_album(tmp_path / "album.flac", made_up(2), 44_100)
    border_s = album.start_s(2)
    assert prepare(dict(versions()), str(shipped.path), shipped.bundle_id, None)[1]
    task = RangesAnalysis({str(album.file): [(0.0, border_s), (border_s, None), (999.0, None)]})
    done, answer = perform(task, str(album.file), shipped.bundle_id)
    assert done
    first, second, beyond = pickle.loads(answer)
    for part, file in zip((first, second), album.write_separately(tmp_path / "files"), strict=True):
        whole = pickle.loads(perform(analyse, str(file), shipped.bundle_id)[1])
        assert isinstance(part, TrackAnalysis)
        assert part.duration_s == pytest.approx(whole.duration_s)
        np.testing.assert_array_equal(part.segments[0].embedding, whole.segments[0].embedding)
    assert isinstance(beyond, Failure)
    assert beyond.kind == "too_short"
