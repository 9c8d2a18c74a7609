"""Opens files that are files: whoever opens a pipe waits for somebody to write into it, perhaps for ever."""

import errno
import io
import os
import stat
from pathlib import Path


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading.

    Raises
    ------
    OSError
        If it cannot be opened, or is no file, but a pipe or a device.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.ENXIO, "it is no file, but a pipe or a device", str(path))
        return open(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise
