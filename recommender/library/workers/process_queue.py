"""Worker processes with a queue before them: one thread a process hands it one job at a time.

A thread waits for its process and for nothing else, so that a process that ends, however it does, is
noticed at once, and costs the others nothing.
"""

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from recommender.library.workers.boundary import Failure
from recommender.library.workers.process import Ended, WorkerProcess, WorkerSettings, WorkerStartError

JOIN_S = 5.0


class Results:
    """Where the results of one run arrive."""

    def __init__(self) -> None:
        self._arrived: queue.SimpleQueue[tuple[Job, bytes | Failure] | WorkerStartError] = queue.SimpleQueue()
        self.wanted = True

    def put(self, result: "tuple[Job, bytes | Failure] | WorkerStartError") -> None:
        """Add a result, or why there will be none."""
        self._arrived.put(result)

    def next(self) -> "tuple[Job, bytes | Failure]":
        """Wait for a result and return it.

        Raises
        ------
        WorkerStartError
            If there are no workers any more.
        """
        result = self._arrived.get()
        if isinstance(result, WorkerStartError):
            raise result
        return result


@dataclass(eq=False)
class Job:
    """A message for a worker, and who waits for the answer.

    Attributes
    ----------
    tried
        Whether a worker ended while it had it.
    alone
        Whether no other job may run beside it: the system may have ended the worker because all of them
        together had too much memory.
    """

    key: Any
    message: bytes
    results: Results
    tried: bool = False
    alone: bool = False


class _Turns:
    """Lets jobs run beside each other, or one of them alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = self._alone = 0

    @contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Wait until a job may run."""
        with self._changed:
            self._alone += alone
            self._changed.wait_for(lambda: not self._running if alone else not self._alone)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._alone -= alone
                self._changed.notify_all()


class WorkerPool:
    """Worker processes that take jobs from a queue.

    Parameters
    ----------
    settings
        What each loads.
    jobs
        How many.

    Raises
    ------
    WorkerStartError
        If this process may not even start threads.
    """

    def __init__(self, settings: WorkerSettings, jobs: int) -> None:
        self._settings = settings
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._turns = _Turns()
        self._lock = threading.Lock()
        self._runs: list[Results] = []
        self._processes: set[WorkerProcess] = set()
        self._trouble: WorkerStartError | None = None
        self._closed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(jobs)]
        self._left = 0
        for thread in self._threads:
            self._begin(thread)

    def _begin(self, thread: threading.Thread) -> None:
        """Start a thread; fewer than were asked for will do."""
        self._left += 1
        # Ctrl-C is for the main thread, and is held back in the processes that the others start.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            thread.start()
        except RuntimeError as error:
            self._leave(WorkerStartError(str(error)))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    @contextmanager
    def results(self) -> Iterator[Results]:
        """Lend a queue for results; jobs whose results are not wanted any more are left out."""
        results = Results()
        with self._lock:
            self._runs.append(results)
            if not self._left:
                results.put(self._trouble or WorkerStartError("they were ended"))
        try:
            yield results
        finally:
            results.wanted = False
            with self._lock:
                self._runs.remove(results)

    def submit(self, job: Job) -> None:
        """Add a job to the queue."""
        self._waiting.put(job)

    def close(self) -> None:
        """End the workers, whatever they do."""
        self._closed = True
        with self._lock:
            for process in self._processes:
                process.kill()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(JOIN_S)

    def _work(self) -> None:
        """Run in a thread: do jobs in a process, and in another one where that has ended."""
        process: WorkerProcess | None = None
        job: Job | None = None
        trouble = WorkerStartError("they were ended")
        try:
            process = self._started()
            while (job := self._waiting.get()) is not None and not self._closed:
                process = self._do(job, process)
            job = None
        except WorkerStartError as error:
            trouble = error
        finally:
            if process is not None:
                self._end(process)
            if job is not None and not self._closed:
                self._waiting.put(job)  # others may have workers
            self._leave(trouble)

    def _do(self, job: Job, process: WorkerProcess | None) -> WorkerProcess | None:
        """Do a job; return the process, or None where it has ended."""
        if not job.results.wanted:
            return process
        with self._turns.turn(alone=job.alone):
            process = process or self._started()
            answer = process.ask(job.message)
        if not isinstance(answer, Ended):
            job.results.put((job, answer))
            return process
        self._forget(process)
        if not self._closed:
            self._judge(job, answer)
        return None

    def _judge(self, job: Job, ended: Ended) -> None:
        """Try a job again whose process has ended, or have it failed."""
        if job.tried or not ended.may_pass:
            job.results.put((job, ended.failure()))
            return
        job.tried, job.alone = True, ended.killed
        self._waiting.put(job)

    def _started(self) -> WorkerProcess:
        process = WorkerProcess(self._settings)
        with self._lock:
            self._processes.add(process)
            if self._closed:
                process.kill()
        return process

    def _forget(self, process: WorkerProcess) -> None:
        with self._lock:
            self._processes.discard(process)

    def _end(self, process: WorkerProcess) -> None:
        self._forget(process)
        process.kill()
        process.end()

    def _leave(self, trouble: WorkerStartError) -> None:
        """Note that a thread has no worker; the last one tells all who wait that none is left."""
        with self._lock:
            self._left -= 1
            if self._left or self._closed:
                return
            self._trouble = trouble
            for results in self._runs:
                results.put(trouble)
