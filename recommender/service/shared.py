"""What the processes of one service share: a page of memory, made before they are, with what each is at."""

import enum
import fcntl
import mmap
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from recommender import params

Ints = npt.NDArray[np.int64]


class Kind(enum.IntEnum):
    """What a process counts of itself."""

    CONNECTIONS = 0
    UPLOADS = 1
    LISTENERS = 2
    TRANSCODED = 3
    MAPS = 4
    PID = 5
    MIXES = 6


KINDS: Final = len(Kind)
LOGIN: Final = np.dtype([("key", "S16"), ("first_s", "<f8"), ("count", "<i8")])
LOGINS: Final = 2 * params.WRONG_ADDRESSES * LOGIN.itemsize


class Board:
    """Memory that the processes which answer inherit from the one that starts them.

    Whatever a process that was killed left in it is cleared by `clear`; a lock of it ends with the process.

    Parameters
    ----------
    workers
        How many processes answer.

    Attributes
    ----------
    number
        Of this process among them, from 0.
    logins
        (2, addresses) of `LOGIN`: wrong logins by address, and by user.
    started_s
        When the service was started, in seconds since 1970.
    is_again
        Whether this process is in the place of one that has died.
    parent
        A descriptor that can be read when the process is gone that looks after this one; None without one.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers, self.number = workers, 0
        self.started_s = time.time()
        self.parent: int | None = None
        self.is_again = False
        self._memory = mmap.mmap(-1, 8 * KINDS * workers + LOGINS)
        self._counts: Ints = np.frombuffer(self._memory, np.int64, KINDS * workers).reshape(workers, KINDS)
        flat: npt.NDArray[Any] = np.frombuffer(self._memory, LOGIN, offset=self._counts.nbytes)
        self.logins = flat.reshape(2, params.WRONG_ADDRESSES)
        self._turn = threading.Lock()
        self._file = tempfile.TemporaryFile() if workers > 1 else None

    def close(self) -> None:
        """Close the file that locks are of."""
        if self._file is not None:
            self._file.close()

    @property
    def owner(self) -> bool:
        """Whether this process does what only one is to do, in the background."""
        return self.number == 0

    def begin(self, number: int) -> None:
        """Be one of the processes."""
        self.number = number
        self._turn = threading.Lock()  # somebody may have held the other one as this process was made
        self.clear(number)
        self._counts[number, Kind.PID] = os.getpid()

    def clear(self, number: int) -> None:
        """Forget what a process was at that has ended."""
        self._counts[number] = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the other processes, and other threads, from what is shared."""
        with self._turn:
            if self._file is None:
                yield
                return
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def take(self, kind: Kind, most: int) -> bool:
        """Count one more of this process's, unless all together have as many as there may be."""
        with self.locked():
            if self.total(kind) >= most:
                return False
            self._counts[self.number, kind] += 1
            return True

    def give_back(self, kind: Kind) -> None:
        """Count one less."""
        with self.locked():
            self._counts[self.number, kind] -= 1

    def note(self, kind: Kind, count: int) -> None:
        """Say how many this process has."""
        self._counts[self.number, kind] = count

    def own(self, kind: Kind) -> int:
        """Return how many this process has."""
        return int(self._counts[self.number, kind])

    def total(self, kind: Kind) -> int:
        """Return how many all have together."""
        return int(self._counts[:, kind].sum())

    def fewest(self, kind: Kind) -> int:
        """Return how many a running process has that has fewest."""
        running = self._counts[self._counts[:, Kind.PID] > 0]
        return int(running[:, kind].min()) if len(running) else 0

    def pids(self) -> list[int]:
        """Return the numbers of the processes that answer, as the system knows them."""
        return [int(pid) for pid in self._counts[:, Kind.PID] if pid]
