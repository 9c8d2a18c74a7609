"""The covers of songs, which a process of its own looks for: no file or picture is parsed in the service."""

import base64
import hashlib
import os
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import anyio.to_thread
from fastapi import HTTPException

from recommender import params
from recommender.file_tags.cover_art import files_beside
from recommender.service.decoding.cover_child import serve_covers
from recommender.service.decoding.decoder import Decoder
from recommender.service.decoding.kept_files import KeptFiles
from recommender.service.decoding.process import Limits

LIMITS: Final = Limits(params.COVER_MEMORY, params.COVER_CPU_S, params.DECODER_IDLE_S)
LONGEST_ANSWER: Final = 2 * params.LARGEST_COVER
AT_ONCE: Final = 2
"""Threads that wait for the process; other requests wait without one."""
FAILED: Final = (422, 504)
SOURCE, PICTURE = ".source", ".picture"
"""How the names of files end that hold the hash of a song's picture, and a picture made of it."""
HASH: Final = re.compile("[0-9a-f]{24}")


class SongFile(NamedTuple):
    """The file of a song: its path, and the library folder that it is in."""

    path: str
    root: str


class Cover(NamedTuple):
    """A picture that a song has.

    Attributes
    ----------
    kind, content
        Its media type and its bytes.
    source
        A hash of the picture that it was made of: two songs with the same one have the same picture.
    """

    kind: str
    content: bytes
    source: str


class Covers:
    """Finds covers, and keeps those that were made.

    Parameters
    ----------
    decoder
        Looks into the files; None for a process of its own.
    folder
        Where they are kept; None to keep none.
    """

    def __init__(self, decoder: Decoder | None = None, folder: Path | None = None) -> None:
        self._kept = None if folder is None else KeptFiles(folder, params.COVERS_BYTES)
        self.decoder = decoder or Decoder(params.COVER_S, LIMITS, serve_covers, LONGEST_ANSWER)
        self._lock = threading.Lock()
        self._failed: dict[str, None] = {}  # the oldest first
        self._limiter: anyio.CapacityLimiter | None = None

    async def find(self, files: Sequence[SongFile], size: int) -> Cover | None:
        """Return the first cover that some songs have, as large as is asked for; None where none has any.

        Raises
        ------
        HTTPException
            503 if it cannot be looked for now.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        return await anyio.to_thread.run_sync(partial(self._find, files, size), limiter=self._limiter)

    def _find(self, files: Sequence[SongFile], size: int) -> Cover | None:
        for file in files:
            found = self._of_one(file, size)
            if found is not None:
                return found
        return None

    def _of_one(self, file: SongFile, size: int) -> Cover | None:
        key = _version(file.path)
        with self._lock:
            if key in self._failed:
                return None
        known = self._remembered(key, size)
        if known is not None:
            return known or None
        try:
            found = self.decoder.ask("", {**file._asdict(), "size": size}, _unpacked)
        except HTTPException as error:
            if error.status_code not in FAILED:
                raise
        else:
            self._remember(key, size, found)
            return found
        with self._lock:  # it is not tried again, at its cost, for each player that shows a list
            self._failed[key] = None
            if len(self._failed) > params.FAILED_COVERS:
                del self._failed[next(iter(self._failed))]
        return None

    def _remembered(self, key: str, size: int) -> Cover | tuple[()] | None:
        """Return the cover kept of a song, an empty tuple where it has none; None if that is unknown."""
        source = None if self._kept is None else self._kept.read(f"{key}{SOURCE}")
        if source is None or self._kept is None:
            return None
        if not source:
            return ()
        content = self._kept.read(f"{source.decode()}-{size}{PICTURE}")
        kind, _, picture = (content or b"").partition(b"\n")
        return Cover(kind.decode(), picture, source.decode()) if kind.decode() in KINDS else None

    def _remember(self, key: str, size: int, found: Cover | None) -> None:
        """Keep a cover under the hash of the picture that it was made of: once, whatever songs have that."""
        if self._kept is None:
            return
        if found is not None:
            self._kept.keep(f"{found.source}-{size}{PICTURE}", f"{found.kind}\n".encode() + found.content)
        self._kept.keep(f"{key}{SOURCE}", b"" if found is None else found.source.encode())


def _version(path: str) -> str:
    """Return what says that neither a song's file nor a picture beside it has changed."""
    said = [path]
    for one in (path, *files_beside(path)):
        with suppress(OSError, ValueError):
            found = os.stat(one)
            said.append(f"{one} {found.st_mtime_ns} {found.st_size}")
    return hashlib.blake2b("\n".join(said).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _unpacked(answer: dict[str, Any]) -> Cover | None:
    """Return what the process has found.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is not what it says.
    """
    if answer["kind"] is None:
        return None
    if answer["kind"] not in KINDS:
        raise ValueError("this is no picture")
    source = str(answer["source"])
    if HASH.fullmatch(source) is None:
        raise ValueError("this is no hash")
    return Cover(str(answer["kind"]), base64.b64decode(answer["picture"], validate=True), source)


KINDS: Final = frozenset(("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"))
"""What a browser shows, and never runs."""
