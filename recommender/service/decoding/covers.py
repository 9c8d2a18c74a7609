"""The covers of songs, which a process of its own looks for: no file or picture is parsed in the service."""

import base64
import os
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import anyio
import anyio.to_thread
from fastapi import HTTPException

from recommender import params
from recommender.service.decoding.cover_child import serve_covers
from recommender.service.decoding.decoder import Decoder
from recommender.service.decoding.process import Limits

LIMITS: Final = Limits(params.COVER_MEMORY, params.COVER_CPU_S, params.HEAR_IDLE_S)
LONGEST_ANSWER: Final = 2 * params.LARGEST_COVER
AT_ONCE: Final = 2
"""Threads that wait for the process; other requests wait without one."""
FAILED: Final = (422, 504)


class Place(NamedTuple):
    """Where a song is: its path, and the library folder that it is in."""

    path: str
    root: str


class Picture(NamedTuple):
    """A picture: its media type and its bytes."""

    kind: str
    content: bytes


class Covers:
    """Finds covers.

    Parameters
    ----------
    decoder
        Looks into the files; None for a process of its own.
    """

    def __init__(self, decoder: Decoder | None = None) -> None:
        self.decoder = decoder or Decoder(params.COVER_S, LIMITS, serve_covers, LONGEST_ANSWER)
        self._lock = threading.Lock()
        self._failed: dict[tuple[str, int], None] = {}  # the oldest first
        self._limiter: anyio.CapacityLimiter | None = None

    async def find(self, places: Sequence[Place], size: int) -> Picture | None:
        """Return the first cover that some songs have, as large as is asked for; None where none has any.

        Raises
        ------
        HTTPException
            503 if it cannot be looked for now.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        return await anyio.to_thread.run_sync(partial(self._find, places, size), limiter=self._limiter)

    def _find(self, places: Sequence[Place], size: int) -> Picture | None:
        for place in places:
            found = self._of_one(place, size)
            if found is not None:
                return found
        return None

    def _of_one(self, place: Place, size: int) -> Picture | None:
        key = (place.path, _changed(place.path))
        with self._lock:
            if key in self._failed:
                return None
        try:
            return self.decoder.ask("", {**place._asdict(), "size": size}, _unpacked)
        except HTTPException as error:
            if error.status_code not in FAILED:
                raise
        with self._lock:  # it is not tried again, at its cost, for each player that shows a list
            self._failed[key] = None
            if len(self._failed) > params.FAILED_COVERS:
                del self._failed[next(iter(self._failed))]
        return None


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        return 0


def _unpacked(answer: dict[str, Any]) -> Picture | None:
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
    return Picture(str(answer["kind"]), base64.b64decode(answer["picture"], validate=True))


KINDS: Final = frozenset(("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"))
"""What a browser shows, and never runs."""
