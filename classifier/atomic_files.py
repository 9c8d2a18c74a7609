"""Files and folders that are written whole or not at all: whatever fails, the old one stays as it was."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from classifier.private_files import opener


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
    """Give a file that takes the place of a path's once it is written, and not if it is not.

    Parameters
    ----------
    private
        As of `replace_file`.

    Raises
    ------
    OSError
        If it cannot be written; what was at the path is there still.
    """
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        with open(part, "wb", opener=opener if private else None) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):  # what is told is why it could not be written
            part.unlink()
        raise
    sync_folder(path.parent)


def replace_folder(new: Path, target: Path) -> None:
    """Put a folder in the place of another one beside it; the old one is put back if that fails.

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
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
