"""Worker processes that read audio, and survive whatever a file does to them.

Each worker loads the bundle once, and is fed one file at a time, so that a file that ends its worker is
known; it is tried once more, and then is a failure like any other.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Generic, TypeVar

from classifier.audio.audio_hash import audio_hash
from classifier.datasets.dataset import content_key
from classifier.model import bundle
from classifier.model.predictions import TrackAnalysis
from recommender import params
from recommender.file_tags.open_file import check_tags
from recommender.file_tags.read import FileTags, read_tags
from recommender.library.workers.boundary import Failure, attempt
from recommender.library.workers.packing import unpacked
from recommender.library.workers.process import Settings
from recommender.library.workers.process_queue import Job, Results, WorkerPool

if TYPE_CHECKING:
    from classifier.model.inference import Trunk

Key = TypeVar("Key")

_trunk: "Trunk | None" = None


@dataclass(frozen=True)
class Identity:
    """What can be told of a file without decoding it, in so many seconds."""

    content_hash: str | None
    tags: FileTags
    seconds: float = field(default=0.0, compare=False)


def load(bundle_path: str | None, threads: int) -> None:
    """Load what the tasks of a worker process need.

    Raises
    ------
    BundleError
        If the bundle cannot be used.
    """
    global _trunk  # noqa: PLW0603 - one model a process is what a worker is for
    if bundle_path is not None:
        # Not at the top: the process that starts the workers runs no network.
        from classifier.model.inference import Trunk

        _trunk = Trunk(bundle.load(Path(bundle_path)), threads=threads)


def loaded_trunk() -> "Trunk":
    """Return the trunk that this worker process has loaded."""
    if _trunk is None:
        raise RuntimeError("this runs in a worker process that has loaded a bundle")
    return _trunk


def identify(path: str) -> Identity | Failure:
    """Hash a file's audio packets and read its tags."""

    def found() -> Identity:
        started = perf_counter()
        tags = read_tags(Path(path))  # first: a demuxer takes them in without any limit
        return Identity(audio_hash(Path(path)), tags, perf_counter() - started)

    return attempt(found)


def identify_by_content(path: str) -> Identity | Failure:
    """Do as `identify` does; where no audio packet can be read, the hash is that of all bytes."""

    def found(known: Identity) -> Identity:
        return replace(known, content_hash=content_key(Path(path)))

    known = identify(path)
    if isinstance(known, Failure) or known.content_hash is not None:
        return known
    return attempt(lambda: found(known))


def hash_of(path: str) -> str | Failure | None:
    """Hash a file's audio packets."""

    def found() -> str | None:
        read_tags(Path(path))  # first, as in `identify`
        return audio_hash(Path(path))

    return attempt(found)


def tags_of(path: str) -> FileTags | Failure:
    """Read a file's tags."""
    return attempt(lambda: read_tags(Path(path)))


def analyse(path: str) -> TrackAnalysis | Failure:
    """Decode a file and run the trunk on it."""
    return analyse_with(loaded_trunk(), path)


def analyse_with(trunk: "Trunk", path: str) -> TrackAnalysis | Failure:
    """Decode a file and run a trunk on it."""

    def analysed() -> TrackAnalysis:
        check_tags(Path(path))
        return trunk.analyse_file(Path(path))

    return attempt(analysed)


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
        self._pool = WorkerPool(Settings(path, threads), jobs)

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
