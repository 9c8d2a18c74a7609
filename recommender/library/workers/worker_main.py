"""What runs in a worker process: it loads the bundle, and does tasks until nobody sends any more.

It is started as a program, with nothing of its parent's but two descriptors: what is said goes through
the one, and the other tells when the parent has ended.
"""

import faulthandler
import os
import signal
import threading
from multiprocessing.connection import Connection
from typing import Final

from threadpoolctl import threadpool_limits

from classifier.errors import ClassifierError
from recommender.library.workers import tasks
from recommender.library.workers.boundary import answered
from recommender.library.workers.process import StartTrouble, WorkerSettings
from recommender.process_limits import (
    MMAP_THRESHOLD,
    TRIM_THRESHOLD,
    FileLimits,
    leave_no_core,
    tune_malloc,
)

KEEP_MEMORY: Final = ((TRIM_THRESHOLD, 256 << 20), (MMAP_THRESHOLD, 64 << 20))
"""This process keeps what memory it frees."""


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


def _prepare(settings: WorkerSettings) -> StartTrouble | None:
    """Load what tasks need; return why the bundle cannot be loaded, or None. What else is raised ends it."""
    try:
        tune_malloc(KEEP_MEMORY)  # to get it anew for every segment takes 5 % of the time
        if settings.threads == 1:
            threadpool_limits(1)  # the workers already keep the processors busy
        tasks.load(settings.bundle_path, settings.threads)
    except ClassifierError as error:
        return StartTrouble(str(error))
    return None


def _end_with(parent: int) -> None:
    """End this process once its parent has ended, however it did."""
    os.read(parent, 1)
    os._exit(1)


_limits: Final = FileLimits()


def answer(message: bytes) -> bytes:
    """Do a task under the limits of a file; return the packed result."""
    with _limits.reading():
        return answered(message)
