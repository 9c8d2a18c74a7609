"""A library that makes system calls fail (faults.c): compiled, set, and read again."""

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("faults.c")
KINDS: Final = (
    "write",
    "sync",
    "make",
    "rename",
    "link",
    "unlink",
    "mode",
    "times",
    "folder",
    "size",
    "map",
    "open",
    "read",
    "lock",
    "list",
)
"""Of calls, in the order of faults.c: `make` opens for writing, `folder` makes one, `list` opens one."""

ERRORS: Final = {
    "write": (errno.ENOSPC, errno.EIO),
    "sync": (errno.EIO,),
    "make": (errno.ENOSPC, errno.EMFILE),
    "rename": (errno.EACCES,),
    "link": (errno.EPERM,),
    "unlink": (errno.EACCES,),
    "mode": (errno.EPERM,),
    "times": (errno.EPERM,),
    "folder": (errno.ENOSPC,),
    "size": (errno.ENOSPC,),
    "map": (errno.ENOMEM,),
    "open": (errno.EMFILE, errno.EIO),
    "read": (errno.EIO,),
    "lock": (errno.ENOLCK,),
    "list": (errno.EIO,),
}
"""What a call of each kind may fail with."""

FOREVER: Final = -1


class _State(ctypes.Structure):
    """As `struct state` in faults.c."""

    _fields_ = (
        *(
            (name, ctypes.c_int64)
            for name in ("counted", "at", "until", "error", "kinds", "failed", "folders")
        ),
        ("places", ctypes.c_char * 4000),
        ("first", ctypes.c_char * 96),
    )


def missing() -> str | None:
    """Return why calls cannot be made to fail here, or None where they can."""
    if os.uname().sysname != "Linux":
        return "calls are made to fail on Linux alone"
    return None if shutil.which("cc") else "no C compiler (Debian: gcc, libc6-dev)"


class Shim:
    """The library, and the state that it shares with every process that loads it.

    Parameters
    ----------
    work
        A folder to compile in.
    places
        Only calls on paths below these are counted.
    """

    def __init__(self, work: Path, places: Iterable[Path]) -> None:
        self.library = work / "faults.so"
        compiler = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self.library), str(SOURCE), "-ldl"]
        subprocess.run(compiler, check=True, timeout=60)
        self._path = work / "faults.state"
        self._path.write_bytes(bytes(ctypes.sizeof(_State)))
        with open(self._path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._state = _State.from_buffer(self._map)
        self._places = b"".join(os.fsencode(os.path.realpath(p)) + b"\0" for p in places) + b"\0"

    def environment(self) -> dict[str, str]:
        """Return the variables that load the library into a command and its processes."""
        return {"LD_PRELOAD": str(self.library), "FAULTS_STATE": str(self._path)}

    def set(
        self,
        kinds: Sequence[str],
        error: int = 0,
        at: int = 0,
        until: int | None = None,
        *,
        folders_only: bool = False,
    ) -> None:
        """Count from zero, and let the calls from `at` to `until` fail; none where `at` is 0."""
        state = self._state
        state.counted = state.failed = 0
        state.at, state.until, state.error = at, at if until is None else until, error
        state.kinds = sum(1 << KINDS.index(kind) for kind in kinds)
        state.folders = int(folders_only)
        state.places, state.first = b"", b""
        ctypes.memmove(ctypes.addressof(state) + _State.places.offset, self._places, len(self._places))

    @property
    def counted(self) -> int:
        """How many calls there were since `set`."""
        return int(self._state.counted)

    @property
    def failed(self) -> int:
        """How many of them were made to fail."""
        return int(self._state.failed)

    @property
    def first(self) -> str:
        """The first of these: the call, and the name of the file."""
        return os.fsdecode(self._state.first)
