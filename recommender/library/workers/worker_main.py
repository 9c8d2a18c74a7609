"""What runs in a worker process: it loads the bundle, and does tasks until nobody sends any more.

It is started as a program, with nothing of its parent's but two descriptors: what is said goes through
the one, and the other tells when the parent has ended.
"""

import ctypes
import faulthandler
import os
import pickle
import signal
import threading
from multiprocessing.connection import Connection
from typing import Final

from threadpoolctl import threadpool_limits

from classifier.errors import ClassifierError
from recommender.library.workers import pool
from recommender.library.workers.packing import packed
from recommender.library.workers.process import Settings, StartTrouble
from recommender.process_limits import FileLimits, leave_no_core

# For glibc's `mallopt`: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD.
KEEP_MEMORY: Final = ((-1, 256 << 20), (-3, 64 << 20))


def main(connection: int, parent: int) -> None:
    """Work for the process at the other end of a connection, both given as descriptors."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    leave_no_core()
    # Of its own: where a decoder crashes, 2 may lead nowhere for the moment.
    faulthandler.enable(os.dup(2))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with Connection(connection) as there:
        try:
            trouble = _prepare(there.recv())
            there.send(trouble)
            while trouble is None:
                there.send_bytes(answer(there.recv_bytes()))
        except (EOFError, ConnectionError):
            return


def _prepare(settings: Settings) -> StartTrouble | None:
    """Load what tasks need; return why the bundle cannot be loaded, or None. What else is raised ends it."""
    try:
        _keep_memory()
        if settings.threads == 1:
            threadpool_limits(1)  # the workers already keep the processors busy
        pool.load(settings.bundle_path, settings.threads)
    except ClassifierError as error:
        return StartTrouble(str(error))
    return None


def _keep_memory() -> None:
    """Let this process keep what memory it frees: to get it anew for every segment takes 5 % of its time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for setting, size in KEEP_MEMORY:
            mallopt(setting, size)


def _end_with(parent: int) -> None:
    """End this process once its parent has ended, however it did."""
    os.read(parent, 1)
    os._exit(1)


_limits: Final = FileLimits()


def answer(message: bytes) -> bytes:
    """Do a task, a pickled (function, path), under the limits of a file; return the packed result."""

    def done() -> object:
        task, path = pickle.loads(message)
        return task(path)

    with _limits.reading():
        return packed(done)
