"""Worker processes that read audio, and survive whatever a file does to them.

Each worker loads the bundle once, and is fed one file at a time, so that a file that ends its worker is
known; it is tried once more, and then is a failure like any other.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from recommender.library import params
from recommender.library.workers.boundary import Failure, unpacked
from recommender.library.workers.process import WorkerSettings
from recommender.library.workers.process_queue import Job, Results, WorkerPool

Key = TypeVar("Key")


class Workers(Generic[Key]):
    """Worker processes fed from an endless queue of tasks.

    Parameters
    ----------
    bundle_path
        The bundle that the workers load; None where no task runs its trunk.
    jobs
        How many workers.
    threads
        Of each worker's network; 0 for all that there are.
    """

    def __init__(self, bundle_path: Path | None, jobs: int, threads: int = 1) -> None:
        self._jobs = jobs
        path = str(bundle_path) if bundle_path is not None else None
        self._pool = WorkerPool(WorkerSettings(path, threads), jobs)

    def __enter__(self) -> "Workers[Key]":
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.close()

    def run(
        self, paths: Iterable[tuple[Key, str]], task: Callable[[str], object]
    ) -> Iterator[tuple[Key, object]]:
        """Run a task on every path; yield (key, result) as they are done, in any order.

        No more than a few tasks a worker are handed out ahead of what was taken from the iterator. The
        paths may come from another run of the same workers. The result of a file that raises, or that
        ends its worker, is a `Failure`.

        Raises
        ------
        WorkerStartError
            If no worker process can be started, or replaced.
        """
        feed, running = iter(paths), 0
        with self._pool.results() as results:
            while True:
                running += self._hand_out(feed, task, results, self._jobs * params.TASKS_AHEAD - running)
                if not running:
                    return
                job, result = results.next()
                running -= 1
                yield job.key, result if isinstance(result, Failure) else unpacked(result)

    def _hand_out(
        self, feed: Iterator[tuple[Key, str]], task: Callable[[str], object], results: Results, most: int
    ) -> int:
        """Keep the workers supplied; return how many tasks were added."""
        for added in range(most):
            item = next(feed, None)
            if item is None:
                return added
            key, path = item
            message = pickle.dumps((task, path), pickle.HIGHEST_PROTOCOL)
            self._pool.submit(Job(key, message, results))
        return most
