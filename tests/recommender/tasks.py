"""Tasks for worker processes: what `Workers` runs in tests. Importable by a spawned process."""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from classifier import params
from classifier.errors import SilentError
from classifier.progress import expect_progress, made_progress
from recommender.library.workers.boundary import Failure
from recommender.process_limits import allow_seconds


def upper(path: str) -> str:
    """Return the path in capitals."""
    return path.upper()


def crash_on_bad(path: str) -> str:
    """End the whole process, as a decoder's segmentation fault would, on a path that says so."""
    if path.startswith("bad"):
        time.sleep(0.05)
        os._exit(1)
    return path.upper()


class UnspeakableError(Exception):
    """Cannot be pickled, and its text cannot be had."""

    def __init__(self) -> None:
        super().__init__("nothing")
        self.held = lambda: None

    def __str__(self) -> str:
        raise ValueError("it has no text")


def _throw(error: BaseException) -> object:
    raise error


def _recurse() -> object:
    return _recurse()


WAYS: dict[str, Callable[[], object]] = {
    "attribute": lambda: None.nothing,  # type: ignore[attr-defined]
    "recursion": _recurse,
    "unspeakable": lambda: _throw(UnspeakableError()),
    "runtime": lambda: _throw(RuntimeError("std::bad_alloc")),
    "memory": lambda: np.ones(3 * params.FILE_MEMORY // 8),
    "much": lambda: bytes(2**28 + 1),
    "function": lambda: lambda: None,
    "lock": threading.Lock,
    "silent": lambda: _throw(SilentError("silent throughout")),
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: _throw(SystemExit(3)),
}


def misbehave(path: str) -> object:
    """Fail in the way that a path names; the name of another is given back in capitals."""
    return WAYS[path]() if path in WAYS else path.upper()


LONGEST_PAUSE_S = 2.5
"""A worker that gets no turn for so long is taken for one that makes no progress."""


def be_slow(path: str) -> str:
    """Take seconds, under limits that are shorter than a file's, as the path says."""
    if path == "works":
        allow_seconds(0)
        while True:
            pass
    if path in ("stalls", "progresses"):
        expect_progress(LONGEST_PAUSE_S)
        end_s = time.monotonic() + 1.2 * LONGEST_PAUSE_S
        while time.monotonic() < end_s:
            time.sleep(0.05)
            if path == "progresses":
                made_progress()
    return path.upper()


def timer(_path: str) -> tuple[float, float]:
    """Return how long the worker may make no progress, now and anew each time."""
    return signal.getitimer(signal.ITIMER_REAL)


def limits_of(_path: str) -> dict[str, list[str]]:
    """Return the limits of the worker, as the system tells them."""
    lines = Path("/proc/self/limits").read_text().splitlines()
    return {line[:26].strip(): line[26:].split()[:2] for line in lines}


def open_pipe(path: str) -> int:
    """Read from a pipe into which nobody writes."""
    with open(path, "rb") as file:
        return len(file.read())


def process_id(_path: str) -> int:
    """Return the id of the worker."""
    time.sleep(0.05)
    return os.getpid()


def unreadable_there(path: str) -> Failure | str:
    """Say that a file cannot be read, as a worker does that lacks the storage it is on."""
    return Failure("unreadable", "cannot be read: no such file or directory") if "far" in path else path


def slow_process_id(_path: str) -> int:
    """Return the id of the worker, slowly enough to be interrupted."""
    time.sleep(0.3)
    return os.getpid()
