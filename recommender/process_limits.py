"""What a process that reads other people's files may use: memory, processors, open files.

A limit is the operating system's: it holds inside a decoder's own code, too.
"""

import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

_NO_FILE_WRITTEN: Final = 0


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


def _allow(kind: int, wanted: int) -> None:
    """Set the limit that may be raised again, so far as the one that may not allows."""
    _, most = resource.getrlimit(kind)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (wanted if most < 0 else min(wanted, most), most))


def _address_space() -> int:
    """Return the bytes of address space that this process has; 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[0]) * resource.getpagesize() if status.exists() else 0
