"""Tasks for worker processes: what `Workers` runs in tests. Importable by a spawned process."""

import os
import time

from recommender.library.workers import Failure


def upper(path: str) -> str:
    """Return the path in capitals."""
    return path.upper()


def crash_on_bad(path: str) -> str:
    """End the whole process, as a decoder's segmentation fault would, on a path that says so."""
    if path.startswith("bad"):
        time.sleep(0.05)
        os._exit(1)
    return path.upper()


def fail_on_bad(path: str) -> str:
    """Raise on a path that says so."""
    if path.startswith("bad"):
        raise ValueError(path)
    return path.upper()


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
