"""Worker processes: every task gets its result, whatever becomes of a worker."""

import os
import time
from collections.abc import Iterator

import pytest

from classifier.bundle import SHIPPED
from recommender import params
from recommender.library.workers import CRASHED, Workers, identify
from tests.recommender import tasks


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


def test_an_exception_of_a_task_comes_out(workers: Workers[int]) -> None:
    with pytest.raises(ValueError, match="bad 2"):
        list(workers.run(paths(4, (2,)), tasks.fail_on_bad))


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
        good = ((key, result.lower()) for key, result in first if result is not CRASHED)
        renamed = ((key, "bad" if key == 5 else path) for key, path in good)
        second = dict(workers.run(renamed, tasks.crash_on_bad))
        reached = {key: result for key, result in expected(8, (5,)).items() if key not in bad}
        assert second == reached
        assert dict(workers.run(paths(3), tasks.upper)) == expected(3, ())
