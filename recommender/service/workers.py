"""Several processes that answer at one socket, and the one that looks after them."""

import atexit
import gc
import logging
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from recommender import params
from recommender.errors import ServiceError
from recommender.service.shared import Board

LOG: Final = logging.getLogger("deepcuts")
METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client has the processes' counts; it looks at this as it is imported."""
COUNTS: Final = "deepcuts-metrics-"
"""How that folder's name begins; the process follows."""
STOPS: Final = (signal.SIGTERM, signal.SIGINT)
KILL_AFTER_S: Final = params.STOP_S + 4
SOON_S: Final = 5.0
"""A worker that has lived shorter is started again only after a while, which grows."""
LONGEST_WAIT_S: Final = 30.0
READY: Final = b"ready"

Serve = Callable[[], None]
Prepare = Callable[[Board], Serve]


def count_together() -> None:
    """Let the processes of this service count together, in a folder that is there as long as they are."""
    _sweep_counts()
    os.environ[METRICS] = tempfile.mkdtemp(prefix=f"{COUNTS}{os.getpid()}-")
    atexit.register(_forget_counts)


def _sweep_counts() -> None:
    """Remove the folders of services all of whose processes were killed at once."""
    for folder in Path(tempfile.gettempdir()).glob(f"{COUNTS}*-*"):
        pid = folder.name.removeprefix(COUNTS).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _forget_counts() -> None:
    if METRICS in os.environ:
        shutil.rmtree(os.environ.pop(METRICS), ignore_errors=True)


class Crew:
    """The processes that answer.

    They are made by a fork of this one, which has loaded all modules and nothing else, and runs no thread
    of ours: what the modules take is there once.

    Parameters
    ----------
    prepare
        Opens all that is needed, and returns what serves it until SIGINT or SIGTERM.
    board
        Shared by the processes.
    """

    def __init__(self, prepare: Prepare, board: Board) -> None:
        self._prepare, self._board = prepare, board
        self._running: dict[int, tuple[int, float]] = {}  # by process: which worker it is, and since when
        self._waits_s = [0.0] * board.workers
        self._stopped_by: list[int] = []
        self._this = os.getpid()
        self._theirs, self._ours = os.pipe()  # its other end is closed when this process is gone

    def start(self) -> None:
        """Start the first process, and wait until it has opened all that it needs.

        Raises
        ------
        Exception
            Why it could not.
        """
        gc.collect()
        gc.freeze()  # what is there already is no garbage, and looking at it would copy it
        told, tells = os.pipe()
        pid = self._fork(0, told, tells)
        os.close(tells)
        with open(told, "rb") as pipe:
            said = pipe.read()
        if said != READY:
            os.waitpid(pid, 0)
            self._running.clear()
            self._board.close()
            raise _as_error(said)

    def run(self) -> None:
        """Start the others, and keep all running until SIGINT or SIGTERM; then end by that signal."""
        before = {number: signal.signal(number, self._stop) for number in STOPS}
        signal.signal(signal.SIGALRM, self._kill)
        for number in range(1, self._board.workers):
            if not self._stopped_by:
                self._fork(number)
        while self._running:
            pid, status = os.waitpid(-1, 0)
            if pid in self._running:
                self._ended(pid, os.waitstatus_to_exitcode(status))
        signal.alarm(0)
        _forget_counts()  # the signal may leave no other time
        for number, handler in before.items():
            signal.signal(number, handler)
        if self._stopped_by:
            signal.raise_signal(self._stopped_by[0])

    def _ended(self, pid: int, code: int) -> None:
        """Start a worker again that was not to end."""
        number, since_s = self._running.pop(pid)
        self._board.clear(number)
        if self._stopped_by:
            return
        early = time.monotonic() - since_s < SOON_S
        wait_s = min(LONGEST_WAIT_S, 2 * self._waits_s[number] or 1.0) if early else 0.0
        self._waits_s[number] = wait_s
        how = f"was ended by signal {-code}" if code < 0 else f"has ended ({code})"
        LOG.warning("worker %d %s; it is started again", number + 1, how)
        time.sleep(wait_s)
        if not self._stopped_by:
            self._board.is_again = True
            self._fork(number)

    def _fork(self, number: int, told: int | None = None, tells: int | None = None) -> int:
        """Start a worker; return its process."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        pid = os.fork()
        if pid == 0:
            for one in STOPS:
                signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            if told is not None:
                os.close(told)
            os.close(self._ours)
            self._work(number, tells)
        self._running[pid] = (number, time.monotonic())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        return pid

    def _work(self, number: int, tells: int | None) -> NoReturn:
        """Be a worker, to the end of this process."""
        try:
            self._board.begin(number)
            self._board.parent = self._theirs
            serve = self._prepare(self._board)
            if tells is not None:
                os.write(tells, READY)
                os.close(tells)
                tells = None
            serve()
        finally:  # whatever it was: the other process tells, or begins again
            error = sys.exc_info()[1]
            if error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
                _tell(error, tells)
            if os.getppid() != self._this:
                _forget_counts()
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            interrupted = isinstance(error, KeyboardInterrupt)
            os._exit(128 + signal.SIGINT if interrupted else int(error is not None))

    def _stop(self, number: int, _frame: Any) -> None:
        """End all; what is under way has some seconds, unless this is said again."""
        self._stopped_by.append(number)
        again = len(self._stopped_by) > 1 and number == signal.SIGINT
        self._tell(signal.SIGINT if again else signal.SIGTERM)
        if len(self._stopped_by) == 1:
            signal.alarm(KILL_AFTER_S)

    def _kill(self, _number: int, _frame: Any) -> None:
        self._tell(signal.SIGKILL)

    def _tell(self, number: int) -> None:
        for pid in list(self._running):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _tell(error: BaseException, tells: int | None) -> None:
    """Tell the process that waits for it why a worker could not begin; else the log."""
    if tells is None:
        LOG.error("a worker cannot go on: %s", error)
        return
    with suppress(OSError):
        os.write(tells, _as_bytes(error))


def _as_bytes(error: BaseException) -> bytes:
    """Return an error as another process can read it: what cannot be sent is sent as its words."""
    error.add_note("".join(traceback.format_exception(error)))
    with suppress(pickle.PickleError, TypeError, AttributeError, ValueError):
        made = pickle.dumps(error)
        pickle.loads(made)
        return made
    return pickle.dumps(ServiceError(f"{type(error).__name__}: {error}"))


def _as_error(said: bytes) -> BaseException:
    """Return the error that a worker told of, or that it told of none."""
    if not said:
        return ServiceError("the service's process ended as it was started")
    found: BaseException = pickle.loads(said)
    return found
