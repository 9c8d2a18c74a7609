"""Files that could be made again, kept in a folder of the home as long as there is room for them."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from classifier.files import PART, is_being_written, make_folder, whole_file
from db.models import Track
from recommender.service.http.file_response import open_file

KEPT_SHARE: Final = 0.8
"""Of the room, where something had to go."""
LOOK_SHARE: Final = 1 / 32
"""The folder is looked through again when so much of the room was written: others write there, too."""


class KeptFiles:
    """A folder of files; those that were not looked at for longest go first.

    Parameters
    ----------
    folder
        Made when there is something to keep, its owner's alone as all that is in it.
    room
        Bytes of all of them.
    """

    def __init__(self, folder: Path, room: int) -> None:
        self._folder, self._room = folder, room
        self._lock = threading.Lock()
        self._writing: set[str] = set()
        self._unseen = room  # bytes that were written since the folder was looked through

    def open(self, name: str) -> FileIO | None:
        """Open a file that is kept; None where there is none."""
        try:
            file = open(self._folder / name, "rb", buffering=0)
        except OSError:
            return None
        with suppress(OSError):
            os.utime(file.fileno(), ns=_now(file.fileno()))
        return file

    def read(self, name: str) -> bytes | None:
        """Return what is kept by a name, or None."""
        file = self.open(name)
        if file is None:
            return None
        with file, suppress(OSError):
            return file.readall()
        return None

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO | None]:
        """Give a file that is kept by a name if the block ends well; None where it is being written already.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        with self._lock:
            taken = name in self._writing
            self._writing.add(name)
        if taken:
            yield None
            return
        try:
            make_folder(self._folder)
            with whole_file(self._folder / name, private=True) as file:
                yield file
                size = file.tell()
            self._make_room(size)
        finally:
            with self._lock:
                self._writing.discard(name)

    def keep(self, name: str, content: bytes) -> None:
        """Keep something by a name; it is not kept where the disk is full, or may only be read."""
        with suppress(OSError), self.writing(name) as file:
            if file is not None:
                file.write(content)

    def _make_room(self, size: int) -> None:
        with self._lock:
            self._unseen += size
            if self._unseen < LOOK_SHARE * self._room:
                return
            self._unseen = 0
        found = sorted(self._files())
        total = sum(size for _, size, _ in found)
        full = total > (1 - LOOK_SHARE) * self._room
        most = KEPT_SHARE * self._room if full else total
        for _, its_size, path in found:
            if total <= most:
                break
            with suppress(OSError):
                os.unlink(path)
            total -= its_size

    def _files(self) -> Iterator[tuple[int, int, str]]:
        """Yield when each file was looked at, its bytes and its path; remove what was left half written."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if PART in entry.name:
                    self._tidy(entry)
                    continue
                with suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    yield found.st_atime_ns, found.st_size, entry.path

    def _tidy(self, entry: "os.DirEntry[str]") -> None:
        ours = entry.name.endswith(f"{PART}{os.getpid()}")
        if not ours and not is_being_written(entry.name):
            with suppress(OSError):
                os.unlink(entry.path)


def _now(descriptor: int) -> tuple[int, int]:
    """Return the times of a file that is looked at now: when it was written does not change."""
    return time.time_ns(), os.fstat(descriptor).st_mtime_ns


def content_key(track: Track, *more: object) -> str:
    """Return what is kept of a track's file by: the file's content, where that is as it was ingested.

    Parameters
    ----------
    more
        What else it depends on.

    Raises
    ------
    HTTPException
        If there is no such file, or another lies where it was.
    """
    with open_file(track) as file:
        found = os.fstat(file.fileno())
    same = track.content_hash and (found.st_size, found.st_mtime_ns) == (track.size, track.mtime_ns)
    content = track.content_hash if same else f"{track.id} {found.st_size} {found.st_mtime_ns}"
    return hashlib.blake2b(" ".join(map(str, (*more, content))).encode(), digest_size=16).hexdigest()
