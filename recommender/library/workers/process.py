"""A worker process as its parent sees it: started, asked, and, where it ended, why it did.

It is started as a program of its own rather than by `multiprocessing`: nothing of the parent is in it,
what it writes to stderr does not reach the user, and no semaphores are needed, which a system may refuse.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import IO, Final, TypeVar

from classifier import params as limits
from classifier.errors import LimitError
from recommender.errors import RecommenderError
from recommender.library import params
from recommender.library.workers.boundary import CRASHED, NO_MEMORY, Failure, says_no_memory

Answer = TypeVar("Answer")

# Nothing is imported before the path is the parent's: the working directory may hold anything.
PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[3:]; from recommender.library.workers.worker_main import main; "
    "main(int(sys.argv[1]), int(sys.argv[2]))"
)
LAST_WORDS: Final = 16_384
"""Bytes of what a worker wrote at last."""
END_S: Final = 5.0
ADVICE: Final = (
    "it may be allowed too little memory (ulimit -v), too few processes (ulimit -u) or too few open files "
    "(ulimit -n)"
)


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker loads.

    Attributes
    ----------
    bundle_path
        None where no task runs the trunk.
    threads
        Of ONNX Runtime; see `classifier.model.inference.Trunk`.
    """

    bundle_path: str | None
    threads: int = 1


@dataclass(frozen=True)
class StartTrouble:
    """Why a worker cannot work, in one line."""

    message: str


class WorkerStartError(RecommenderError):
    """No worker process can be started."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no worker process can be started: {why}")


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative for a signal, and the last that it wrote."""

    code: int
    words: str

    @property
    def may_pass(self) -> bool:
        """Whether another attempt may end otherwise: what takes too long will again."""
        return self.code != -signal.SIGXCPU

    @property
    def killed(self) -> bool:
        """Whether somebody killed it, as the system does where there is no memory left."""
        return self.code == -signal.SIGKILL

    def failure(self) -> Failure:
        """Return why the file that it was reading has failed."""
        if self.code == -signal.SIGXCPU:
            seconds = f"{limits.FILE_CPU_S:,} s"
            return Failure(LimitError.kind, f"it takes more than {seconds} of a processor to be read")
        if self.code == -signal.SIGALRM:
            stalled = f"nothing more of it was read or decoded for {limits.STALLED_S:g} s"
            return Failure(LimitError.kind, stalled)
        if says_no_memory(self.words):
            return NO_MEMORY
        if self.killed:
            killed = "the process that read it was killed, probably because there was no memory left"
            return Failure(CRASHED.kind, killed)
        return Failure(CRASHED.kind, CRASHED.message, self.words or None)


class WorkerProcess:
    """A worker process, ready for tasks.

    Parameters
    ----------
    settings
        What it loads.

    Raises
    ------
    WorkerStartError
        If the system does not let it be started, or it cannot load what it needs.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        try:
            self._said = _temporary()
            self._connection, its = Pipe()
            reads, self._life = os.pipe()
        except OSError as error:
            raise WorkerStartError(f"{_reason(error)}; {ADVICE}") from error
        try:
            self._process = self._start(its.fileno(), reads)
        except (OSError, MemoryError) as error:
            self._release()
            raise WorkerStartError(f"{_reason(error)}; {ADVICE}") from error
        finally:
            its.close()
            os.close(reads)
        self._wait_until_ready(settings)

    def _start(self, connection: int, parent: int) -> subprocess.Popen[bytes]:
        path = [folder or os.getcwd() for folder in sys.path]
        program = [sys.executable, "-c", PROGRAM, str(connection), str(parent), *path]
        # It inherits that Ctrl-C is held back, so that it cannot be hit by one while it is starting.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return subprocess.Popen(
                program,
                stdin=subprocess.DEVNULL,
                stdout=self._said or subprocess.DEVNULL,
                stderr=self._said or subprocess.DEVNULL,
                pass_fds=(connection, parent),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def _wait_until_ready(self, settings: WorkerSettings) -> None:
        def ready() -> object:
            self._connection.send(settings)
            if not self._connection.poll(params.WORKER_START_S):
                return StartTrouble(f"one did not get ready within {params.WORKER_START_S:g} s")
            return self._connection.recv()

        trouble = self._spoken(ready)
        if isinstance(trouble, StartTrouble):
            self.end()
            raise WorkerStartError(trouble.message)
        if isinstance(trouble, Ended):
            lines = trouble.words.strip().splitlines() or [f"one ended with {trouble.code}"]
            raise WorkerStartError(f"{lines[-1]}; {ADVICE}")

    def ask(self, message: bytes) -> bytes | Ended:
        """Send a message and return the answer; or how the process ended, which then is no more."""

        def answered() -> bytes:
            self._connection.send_bytes(message)
            return self._connection.recv_bytes()

        return self._spoken(answered)

    def _spoken(self, talk: Callable[[], Answer]) -> Answer | Ended:
        try:
            return talk()
        except (EOFError, OSError, MemoryError, pickle.UnpicklingError):
            return self.end()

    def kill(self) -> None:
        """End the process at once, whatever it does; whoever waits for its answer learns of it."""
        with suppress(OSError):
            self._process.kill()

    def end(self) -> Ended:
        """Wait for the process, or end it, and return how it ended."""
        with suppress(OSError):
            self._connection.close()
        code = self._exit_code()
        words = self._last_words()
        self._release()
        return Ended(code, words)

    def _exit_code(self) -> int:
        for _ in range(2):
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(END_S)
            self._process.kill()
        return -signal.SIGKILL  # it hangs in the system, which ends it when it can

    def _last_words(self) -> str:
        if self._said is None:
            return ""
        with suppress(OSError, ValueError):
            size = self._said.seek(0, os.SEEK_END)
            self._said.seek(max(0, size - LAST_WORDS))
            return self._said.read().decode("utf-8", "replace")
        return ""

    def _release(self) -> None:
        """Give back what belongs to a process that has ended."""
        for close in (self._connection.close, lambda: os.close(self._life)):
            with suppress(OSError):
                close()
        if self._said is not None:
            self._said.close()


def _temporary() -> IO[bytes] | None:
    """Return a file for what a worker writes, which matters if it crashes; None where there is no room."""
    try:
        return tempfile.TemporaryFile(prefix="deepcuts-worker-")
    except OSError:
        return None


def _reason(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return (said or str(error) or "there is no memory").lower()
