"""Worker processes: every task gets its result, whatever becomes of a worker."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from classifier import params as limits
from classifier.model.bundle import DESCRIPTION, SHIPPED
from recommender.library import params
from recommender.library.workers.boundary import CRASHED, NO_MEMORY, READING, Failure
from recommender.library.workers.pool import Workers
from recommender.library.workers.process import WorkerStartError
from recommender.library.workers.tasks import analyse, identify
from tests.conftest import REPO
from tests.recommender import tasks
from tests.recommender.support import counts, deepcuts_process, ingest, write_song


def paths(n: int, bad: tuple[int, ...] = ()) -> list[tuple[int, str]]:
    return [(i, f"{'bad' if i in bad else 'good'} {i}") for i in range(n)]


def expected(n: int, bad: tuple[int, ...]) -> dict[int, object]:
    return {i: CRASHED if i in bad else f"GOOD {i}" for i in range(n)}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers[int]]:
    with Workers[int](SHIPPED, 1) as started:
        yield started


def test_every_path_gets_its_result(workers: Workers[int]) -> None:
    results = list(workers.run(paths(25), tasks.upper))
    assert len(results) == 25
    assert dict(results) == expected(25, ())


def test_nothing_to_do(workers: Workers[int]) -> None:
    assert list(workers.run([], tasks.upper)) == []


def test_tasks_run_in_another_process(workers: Workers[int]) -> None:
    ids = {result for _, result in workers.run(paths(4), tasks.process_id)}
    assert os.getpid() not in ids
    assert len(ids) == 1


def test_paths_are_taken_only_a_little_ahead(workers: Workers[int]) -> None:
    taken = []

    def endless() -> Iterator[tuple[int, str]]:
        number = 0
        while True:
            taken.append(number)
            yield number, f"good {number}"
            number += 1

    run = workers.run(endless(), tasks.upper)
    for _ in range(5):
        next(run)
    assert len(taken) <= 5 + params.TASKS_AHEAD
    run.close()


KILLED = "the process that read it was killed, probably because there was no memory left"
WHAT_HAPPENS = {
    "attribute": Failure("unexpected", READING),
    "recursion": Failure("unexpected", READING),
    "unspeakable": Failure("unexpected", READING),
    "runtime": NO_MEMORY,
    "memory": NO_MEMORY,
    "much": Failure("limit", "what is to be kept of it takes more than 256 MB"),
    "function": Failure("unexpected", READING),
    "silent": Failure("silent", "silent throughout"),
    "segfault": CRASHED,
    "abort": CRASHED,
    "exit": CRASHED,
    "kill": Failure("crash", KILLED),
}


def test_whatever_a_file_does_is_its_own_failure(workers: Workers[int]) -> None:
    names = [*WHAT_HAPPENS, "song", "other song"]
    results = dict(workers.run(enumerate(names), tasks.misbehave))
    expected = {i: WHAT_HAPPENS.get(name, name.upper()) for i, name in enumerate(names)}
    assert results == expected
    logged = {name for i, name in enumerate(names) if getattr(results[i], "traceback", None)}
    assert logged == {"attribute", "recursion", "unspeakable", "function", "segfault", "abort"}
    assert "AttributeError: 'NoneType' object has no attribute 'nothing'" in results[0].traceback
    assert len(results[1].traceback) < 12_000
    crashed = results[names.index("segfault")].traceback
    assert "Segmentation fault" in crashed
    assert "tasks.py" in crashed


def test_what_takes_too_long_is_given_up(workers: Workers[int]) -> None:
    names = ["quick", "stalls", "progresses", "works"]
    results = dict(workers.run(enumerate(names), tasks.be_slow))
    assert results == {
        0: "QUICK",
        1: Failure("limit", "nothing more of it was read or decoded for 120 s"),
        2: "PROGRESSES",
        3: Failure("limit", "it takes more than 3,600 s of a processor to be read"),
    }


def test_a_worker_is_limited_while_it_has_a_file(workers: Workers[int]) -> None:
    ((_, left),) = workers.run([(0, "song")], tasks.timer)
    assert left[1] == limits.STALLED_S
    assert limits.STALLED_S - 10 < left[0] <= limits.STALLED_S
    ((_, found),) = workers.run([(0, "song")], tasks.limits_of)
    assert found["Max core file size"] == ["0", "0"]
    assert limits.FILE_MEMORY < int(found["Max address space"][0]) < limits.FILE_MEMORY + 4 * 2**30
    assert limits.FILE_CPU_S < int(found["Max cpu time"][0]) < limits.FILE_CPU_S + 100


def test_a_pipe_in_place_of_a_file_costs_nothing_but_itself(tmp_path: Path, workers: Workers[int]) -> None:
    os.mkfifo(tmp_path / "song.mp3")
    refused = Failure("unreadable", "cannot be read: it is no file, but a pipe or a device")
    for task in (identify, analyse):
        assert list(workers.run([(0, str(tmp_path / "song.mp3"))], task)) == [(0, refused)]


def test_a_file_that_cannot_be_opened_is_a_failure_not_an_end(workers: Workers[int]) -> None:
    results = dict(workers.run([(0, "/nowhere/at all.mp3")], identify))
    assert (results[0].kind, results[0].message) == (
        "unreadable",
        "cannot be read: no such file or directory",
    )


def test_crash_costs_only_the_file_that_crashes() -> None:
    bad = (0, 4)
    with Workers[int](SHIPPED, 2) as workers:
        results = list(workers.run(paths(9, bad), tasks.crash_on_bad))
        assert len(results) == 9
        assert dict(results) == expected(9, bad)
        assert dict(workers.run(paths(3), tasks.upper)) == expected(3, ())


def test_crash_while_the_caller_is_busy_with_a_result() -> None:
    """The pool breaks between two results, not while the next one is waited for."""
    bad = (2,)
    with Workers[int](SHIPPED, 1) as workers:
        results = {}
        for key, result in workers.run(paths(7, bad), tasks.crash_on_bad):
            results[key] = result
            time.sleep(0.3)
    assert results == expected(7, bad)


@pytest.mark.parametrize("bad", [(), (3,)])
def test_paths_that_come_from_another_run_of_the_same_workers(bad: tuple[int, ...]) -> None:
    """As ingest does; a crash of either run's task costs that file alone."""
    with Workers[int](SHIPPED, 2) as workers:
        first = workers.run(paths(8, bad), tasks.crash_on_bad)
        good = ((key, result.lower()) for key, result in first if isinstance(result, str))
        renamed = ((key, "bad" if key == 5 else path) for key, path in good)
        second = dict(workers.run(renamed, tasks.crash_on_bad))
        reached = {key: result for key, result in expected(8, (5,)).items() if key not in bad}
        assert second == reached
        assert dict(workers.run(paths(3), tasks.upper)) == expected(3, ())


def test_paths_of_other_runs_go_on_where_one_has_nobody_who_waits(workers: Workers[int]) -> None:
    run = workers.run(paths(9), tasks.slow_process_id)
    next(run)
    run.close()
    assert dict(workers.run(paths(2), tasks.upper)) == expected(2, ())
    assert len(threading.enumerate()) < 20


def test_workers_that_cannot_load_the_bundle_are_said(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "bundle")
    (tmp_path / "bundle" / DESCRIPTION).write_text("{}")
    with (
        Workers[int](tmp_path / "bundle", 2) as workers,
        pytest.raises(WorkerStartError, match=r"no worker process can be started: .*bundle") as raised,
    ):
        list(workers.run(paths(3), tasks.upper))
    assert "\n" not in str(raised.value)


def test_workers_that_die_while_they_load_the_bundle_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they do where a library kills them; the path of this process is theirs."""
    (tmp_path / "onnxruntime.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.syspath_prepend(tmp_path)
    with (
        Workers[int](SHIPPED, 2) as workers,
        pytest.raises(WorkerStartError, match=r"no worker process can be started: .*; it may be allowed too"),
    ):
        list(workers.run(paths(3), tasks.upper))


def test_a_worker_that_cannot_be_replaced_loses_no_result(tmp_path: Path) -> None:
    """The bundle is gone once a worker has died: what is left is not done, and that is said."""
    shutil.copytree(SHIPPED, tmp_path / "bundle")
    with Workers[int](tmp_path / "bundle", 1) as workers:
        run = workers.run(paths(3, (2,)), tasks.crash_on_bad)
        assert [next(run), next(run)] == [(0, "GOOD 0"), (1, "GOOD 1")]
        shutil.rmtree(tmp_path / "bundle")
        with pytest.raises(WorkerStartError):
            next(run)
        with pytest.raises(WorkerStartError):
            list(workers.run(paths(1), tasks.upper))
    with Workers[int](SHIPPED, 1) as workers:
        assert dict(workers.run(paths(1), tasks.upper)) == expected(1, ())


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from classifier.model.bundle import SHIPPED\n"
        "from recommender.library.workers.pool import Workers\n"
        "from tests.recommender import tasks\n"
        "workers = Workers(SHIPPED, 1)\n"
        "print(next(workers.run([(0, 'song')], tasks.process_id))[1], flush=True)\n"
        "next(workers.run([(0, 'works')], tasks.be_slow))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=REPO)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 60.0
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


def test_a_system_that_lets_no_process_be_started_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_more: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with (
        Workers[int](SHIPPED, 2) as workers,
        pytest.raises(WorkerStartError, match=r"can be started: resource temporarily unavailable; it may"),
    ):
        list(workers.run(paths(3), tasks.upper))
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_ingest_that_may_start_no_workers_says_so_in_a_line(tmp_path: Path) -> None:
    song = write_song(tmp_path / "music" / "song.wav", 1)
    before = ["bash", "-c", 'ulimit -n 12; exec "$@"', "bash"]
    ran = deepcuts_process(tmp_path / "home", "ingest", song.parent, prefix=before)
    assert ran.code == 1, ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert "ulimit -n" in ran.err
    assert counts(ingest(tmp_path / "home", song.parent)) == {"found": 1, "analysed": 1}
