"""Worker processes that read audio, and survive a decoder that crashes.

Each worker loads the bundle once. A file that kills its worker is found by running the files that
were in flight one at a time; it becomes a failure like any other.
"""

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from threadpoolctl import threadpool_limits

from classifier import bundle
from classifier.analysis import TrackAnalysis
from classifier.audio_hash import audio_hash
from classifier.errors import AudioError
from classifier.system_errors import said
from recommender import params
from recommender.library.file_tags import FileTags, read_tags

if TYPE_CHECKING:
    from classifier.serve import Trunk

Key = TypeVar("Key")


@dataclass(frozen=True)
class Identity:
    """What can be told of a file without decoding it, in so many seconds."""

    content_hash: str | None
    tags: FileTags
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Failure:
    """Why a file could not be analysed: a stable kind and a plain message."""

    kind: str
    message: str


CRASHED = Failure("crash", "the decoder crashed on this file")
NOT_SHARED = "not_shared"
"""Kind of a failure that is the cluster's, not the file's: it is reported, and not kept."""

# For glibc's `mallopt`: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD.
KEEP_MEMORY: Final = ((-1, 256 << 20), (-3, 64 << 20))

_trunk: "Trunk | None" = None


def _start(bundle_path: str | None) -> None:
    """Prepare a worker: it ends with its parent, and leaves Ctrl-C to it."""
    global _trunk  # noqa: PLW0603 - one model a process is what a worker is for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _keep_memory()
    threadpool_limits(1)  # the workers already keep the processors busy; more threads only get in the way
    if bundle_path is not None:
        # Not at the top: the process that starts the workers runs no network.
        from classifier.serve import Trunk

        _trunk = Trunk(bundle.load(Path(bundle_path)), threads=1)


def _keep_memory() -> None:
    """Let this process keep what memory it frees: to get it anew for every segment takes 5 % of its time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for setting, size in KEEP_MEMORY:
            mallopt(setting, size)


def _end_with(parent: BaseProcess) -> None:
    """End this process once its parent has ended, however it did."""
    parent.join()
    os._exit(1)


def identify(path: str) -> Identity | Failure:
    """Hash a file's audio packets and read its tags."""
    started = perf_counter()
    try:
        tags = read_tags(Path(path))  # first: a demuxer takes them in without any limit
        content_hash = audio_hash(Path(path))
        return Identity(content_hash, tags, perf_counter() - started)
    except AudioError as error:
        return Failure(error.kind, str(error))
    except OSError as error:
        return Failure("unreadable", f"cannot be read: {said(error).lower()}")


def analyse(path: str) -> TrackAnalysis | Failure:
    """Decode a file and run the trunk on it."""
    if _trunk is None:
        raise RuntimeError("analyse runs in a worker process")
    return analyse_with(_trunk, path)


def analyse_with(trunk: "Trunk", path: str) -> TrackAnalysis | Failure:
    """Decode a file and run a trunk on it."""
    try:
        return trunk.analyse_file(Path(path))
    except AudioError as error:
        return Failure(error.kind, str(error))


class Workers(Generic[Key]):
    """A pool of worker processes fed from an endless queue of tasks.

    Parameters
    ----------
    bundle_path
        The bundle that the workers load; None where no task runs its trunk.
    jobs
        How many workers.
    """

    def __init__(self, bundle_path: Path | None, jobs: int) -> None:
        self._bundle_path = bundle_path
        self._jobs = jobs
        self._pool = self._new_pool(jobs)

    def _new_pool(self, jobs: int) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(
            jobs,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(str(self._bundle_path) if self._bundle_path is not None else None,),
        )
        # Workers inherit that Ctrl-C is held back, so that it cannot hit one that is still starting.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(jobs):  # each of the first tasks starts a process
                pool.submit(os.getpid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        return pool

    def __enter__(self) -> "Workers[Key]":
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list((self._pool._processes or {}).values()):
            process.terminate()

    def run(
        self, paths: Iterable[tuple[Key, str]], task: Callable[[str], object]
    ) -> Iterator[tuple[Key, object]]:
        """Run a task on every path; yield (key, result) as they are done, in any order.

        No more than a few tasks a worker are handed out ahead of what was taken from the iterator. The
        paths may come from another run of the same workers.
        """
        feed = iter(paths)
        running: dict[Future[object], tuple[Key, str]] = {}
        while True:
            try:
                self._hand_out(feed, task, running)
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                results = [(running[future][0], future.result()) for future in done]
            except BrokenProcessPool:
                interrupted, running = running, {}
                yield from self._one_by_one(interrupted, task)
                continue
            for future in done:
                del running[future]
            yield from results

    def _hand_out(
        self,
        feed: Iterator[tuple[Key, str]],
        task: Callable[[str], object],
        running: dict[Future[object], tuple[Key, str]],
    ) -> None:
        """Keep the workers supplied; an item that a broken pool refuses counts as running."""
        while len(running) < self._jobs * params.TASKS_AHEAD:
            item = next(feed, None)
            if item is None:
                return
            try:
                running[self._pool.submit(task, item[1])] = item
            except BrokenProcessPool:
                running[Future()] = item
                raise

    def _one_by_one(
        self, running: dict[Future[object], tuple[Key, str]], task: Callable[[str], object]
    ) -> Iterator[tuple[Key, object]]:
        """Run again, each on its own, what was in flight when a worker died."""
        for future, (key, path) in running.items():
            if future.done() and future.exception() is None:
                yield key, future.result()
                continue
            pool = self._new_pool(1)
            try:
                yield key, pool.submit(task, path).result()
            except BrokenProcessPool:
                yield key, CRASHED
            finally:
                pool.shutdown(wait=False)
        self._revive()

    def _revive(self) -> None:
        """Start another pool in place of a broken one, unless another run has done so."""
        try:
            self._pool.submit(os.getpid)
        except BrokenProcessPool:
            self._pool = self._new_pool(self._jobs)
