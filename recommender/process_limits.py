"""What a process that reads other people's files may use: memory, processors, open files.

A limit is the operating system's: it holds inside a decoder's own code, too.
"""

import ctypes
import os
import resource
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from classifier import params
from classifier.progress import expect_progress

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""What `tune_malloc` sets, as glibc's `mallopt` knows it."""
_NO_FILE_WRITTEN: Final = 0
_OF_FILES: Final = (resource.RLIMIT_CPU, resource.RLIMIT_AS)


def confine(memory: int, open_files: int) -> None:
    """Limit this process for good: its memory, its open files, and that it writes none.

    Parameters
    ----------
    memory
        Bytes of address space beside what it has now.
    open_files
        How many files it may have open.
    """
    for kind, most in (
        (resource.RLIMIT_AS, _address_space() + memory),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_FSIZE, _NO_FILE_WRITTEN),
    ):
        with suppress(ValueError, OSError):  # it was limited already
            resource.setrlimit(kind, (most, most))
    leave_no_core()


def tune_malloc(settings: Sequence[tuple[int, int]]) -> None:
    """Set how this process's memory is managed, where glibc does that."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        for setting, value in settings:
            mallopt(setting, value)


def leave_no_core() -> None:
    """Keep this process from leaving a core file where it crashes."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow_seconds(seconds: int) -> None:
    """Let this process use the processors for so many seconds more; then the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _allow(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds + 1)


def allow_memory(memory: int) -> None:
    """Let this process have so many bytes of address space more; then it is refused more."""
    _allow(resource.RLIMIT_AS, _address_space() + memory)


class FileLimits:
    """What a process may use while it reads files; several threads of one may read one each.

    A process that needs too many seconds, or makes no progress, is ended by the system; one that needs too
    much memory is refused it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files = 0
        self._before: list[tuple[int, tuple[int, int]]] = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Limit this process while a file is read."""
        with self._lock:
            if not self._files:
                self._before = [(kind, resource.getrlimit(kind)) for kind in _OF_FILES]
            self._files += 1
            self._allow()
        try:
            yield
        finally:
            with self._lock:
                self._files -= 1
                if not self._files:
                    self._lift()

    def _allow(self) -> None:
        allow_seconds(params.FILE_CPU_S * self._files)
        allow_memory(params.FILE_MEMORY * self._files)
        expect_progress(params.STALLED_S)

    def _lift(self) -> None:
        expect_progress(0)
        for kind, limits in self._before:
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, limits)


def _allow(kind: int, wanted: int) -> None:
    """Set the limit that may be raised again, so far as the one that may not allows."""
    _, most = resource.getrlimit(kind)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (wanted if most < 0 else min(wanted, most), most))


def _address_space() -> int:
    """Return the bytes of address space that this process has; 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[0]) * resource.getpagesize() if status.exists() else 0
