"""Files and folders: written whole or not at all, private, or regular and no pipe."""

import errno
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

PART: Final = ".part-"
"""Before the number of the process, at the end of the name of what that process is writing."""


NO_SYNC: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""How a file system says that it brings nothing to the disk on demand."""


def replace_file(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new one whole.

    Parameters
    ----------
    private
        Whether it is its owner's alone, as all files of a home are.

    Raises
    ------
    OSError
        If it cannot be written; it is as it was then.
    """
    with whole_file(path, private=private) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Give a file that replaces a path's once it is written, and not if it is not.

    Parameters
    ----------
    private
        As of `replace_file`.

    Raises
    ------
    OSError
        If it cannot be written; what was at the path is there still.
    """
    part = path.with_name(f".{path.name}{PART}{os.getpid()}")
    _sweep(path)
    try:
        with open(part, "wb", opener=opener if private else None) as file:
            yield file
            file.flush()
            sync_descriptor(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):  # what is told is why it could not be written
            part.unlink()
        raise
    sync_folder(path.parent)


def writer_of(name: str) -> int | None:
    """Return the number of the process that a name says writes a file or folder, None where it says none."""
    number = name.rpartition(PART)[2]
    return int(number) if PART in name and number.isdigit() else None


def is_being_written(name: str) -> bool:
    """Return whether another process, still alive, is writing what has this name."""
    writer = writer_of(name)
    if writer is None or writer == os.getpid():
        return False
    try:
        os.kill(writer, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _sweep(path: Path) -> None:
    """Remove what processes that were killed in the middle left of the same file."""
    beginning = f".{path.name}{PART}"
    with suppress(OSError), os.scandir(path.parent) as beside:
        for other in beside:
            is_part = other.name.startswith(beginning) and writer_of(other.name) is not None
            if is_part and not is_being_written(other.name):
                os.unlink(other.path)


def replace_folder(new: Path, target: Path) -> None:
    """Replace a folder by another one beside it; the old one is put back if that fails.

    Raises
    ------
    OSError
        If it cannot be done.
    """
    if not target.exists():
        os.replace(new, target)
        sync_folder(target.parent)
        return
    old = Path(tempfile.mkdtemp(prefix=".old-", dir=target.parent))
    try:
        os.replace(target, old)
    except OSError:
        with suppress(OSError):
            old.rmdir()
        raise
    try:
        os.replace(new, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where its file system can do that.

    Nothing is raised: what was renamed is there for everyone; only a power cut could still undo it.
    """
    with suppress(OSError):
        sync(folder)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk.

    Raises
    ------
    OSError
        If its file system, or its disk, refuses that.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        sync_descriptor(handle)
    finally:
        os.close(handle)


def sync_descriptor(descriptor: int) -> None:
    """Bring what was written to an open file to the disk; some file systems, as of FUSE, know no such thing.

    Raises
    ------
    OSError
        If it cannot be brought there.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


FILE: Final = 0o600
FOLDER: Final = 0o700


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone, and those above it that are absent; what is there stays as it is.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    missing = []
    for folder in (path, *path.parents):
        if folder.exists():
            break
        missing.append(folder)
    for folder in reversed(missing):
        folder.mkdir(FOLDER, exist_ok=True)
    if not path.is_dir():
        path.mkdir(FOLDER)  # which says what is in its place


def close_to_others(path: Path) -> None:
    """Take others' rights to a file away that a library made; a file system that knows none is as it is."""
    with suppress(OSError):
        os.chmod(path, FILE)


def opener(path: str, flags: int) -> int:
    """Open a file for `open`, so that one that is made is its owner's alone."""
    return os.open(path, flags, FILE)


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
