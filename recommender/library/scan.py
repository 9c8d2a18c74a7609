"""Find the audio files below a folder."""

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from classifier.audio.decode import is_audio_path

GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Errors of a folder that is not there, or not any more."""


@dataclass(frozen=True)
class FoundFile:
    """An audio file as the scan saw it.

    Attributes
    ----------
    path
        Absolute path, symbolic links not resolved.
    size, mtime_ns
        Bytes, and time of the last change in nanoseconds; −1 where the file cannot be looked at.
    inode
        What tells a file that has several names, or links, from others; None for one that has not.
    """

    path: str
    size: int
    mtime_ns: int
    inode: tuple[int, int] | None = field(default=None, compare=False)


def find_files(folder: str, unlisted: dict[str, OSError] | None = None) -> Iterator[FoundFile]:
    """Yield the audio files below a folder, sorted within each folder.

    Symbolic links are followed, each real folder being visited once, and under its own name rather
    than a link's where both are found. Names that begin with a dot are skipped.

    Parameters
    ----------
    folder
        Its absolute path.
    unlisted
        Filled with the folders that are there but cannot be listed, and why.
    """
    visited: set[tuple[int, int]] = set()
    pending: list[str] = [folder]
    linked: list[str] = []
    while pending or linked:
        current = pending.pop() if pending else linked.pop()
        try:
            status = os.stat(current)
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            if unlisted is not None and error.errno not in GONE:
                unlisted[current] = error
            continue
        key = (status.st_dev, status.st_ino)
        if key in visited:
            continue
        visited.add(key)
        folders: list[str] = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if os.path.isdir(entry.path):
                (linked if entry.is_symlink() else folders).append(entry.path)
            elif is_audio_path(entry.name) and _is_file_or_broken(entry.path):
                yield look_at(entry.path, linked=entry.is_symlink())
        pending.extend(reversed(folders))


def _is_file_or_broken(path: str) -> bool:
    """Whether a path is a file, or a link that leads nowhere; a pipe or device is neither."""
    return os.path.isfile(path) or not os.path.exists(path)


def look_at(path: str, *, linked: bool = False) -> FoundFile:
    """Return a file's size and time of change; `linked` says that the path is a symbolic link."""
    try:
        status = os.stat(path)
    except OSError:
        return FoundFile(path, -1, -1)
    inode = (status.st_dev, status.st_ino) if linked or status.st_nlink > 1 else None
    return FoundFile(path, status.st_size, status.st_mtime_ns, inode)


def grouped_by_inode(files: Iterable[FoundFile]) -> list[list[FoundFile]]:
    """Return files, those together that are names of one file, which hold the same audio and tags.

    Names with different endings are kept apart: a decoder may be chosen by them.
    """
    groups: list[list[FoundFile]] = []
    named: dict[object, list[FoundFile]] = {}
    for file in files:
        ending = os.path.splitext(file.path)[1].lower()
        key = (file.inode, file.size, file.mtime_ns, ending) if file.inode is not None else file.path
        if key not in named:
            groups.append(named.setdefault(key, []))
        named[key].append(file)
    return groups
