"""Which songs are on one album, as people see it: compilations and sets of discs are one, no name is none.

An album that has an album artist is what that artist made under its name. Without one it is the songs of
one name in one folder, whoever sings them. "(Disc 2)" and "CD2" at a name's end, or a folder's, are left out.
"""

import os
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Track
from db.tracks import search_key

Key = tuple[str, ...]
Ints = npt.NDArray[np.int64]

_NOT_KNOWN: Final = (
    "none",
    "n/a",
    "null",
    "-",
    "?",
    "???",
    "unknown",
    "unknown album",
    "no album",
    "non-album",
    "non-album tracks",
)
UNKNOWN: Final = frozenset(
    f"{left}{words}{right}" for left, right in ("<>", "[]", "()", ("", "")) for words in _NOT_KNOWN
)
"""What programs write where they know of no album."""

_NUMBER: Final = r"(?:dis[ck]|cd)\s*[-_#.]?\s*(?:\d{1,2}|one|two|three|four|five|six)\b"
_OF: Final = r"(?:\s*(?:of|/)\s*\d{1,2})?"
BRACKETED: Final = re.compile(rf"\s*[(\[]\s*{_NUMBER}[^)\]]*[)\]]\s*$")
AT_END: Final = re.compile(rf"(?:^|[\s,:;_.–-]+){_NUMBER}{_OF}\s*$")
AT_START: Final = re.compile(rf"^{_NUMBER}{_OF}\s*[\s,:;_.–-]")


class OnAlbum(Protocol):
    """What tells a song's album."""

    @property
    def album(self) -> str:
        """Its name, as the file's tags have it."""

    @property
    def album_artist(self) -> str:
        """Who made it; empty where no tag says."""

    @property
    def root_id(self) -> int:
        """The library root of the song's file."""

    @property
    def rel_path(self) -> str:
        """The file's path below that."""


def is_album(name: str) -> bool:
    """Return whether a tag names an album, and does not say that none is known."""
    plain = search_key(name)
    return bool(plain) and plain not in UNKNOWN


def without_disc(name: str) -> str:
    """Return a name, without case and accents, that says nothing of a disc; empty if it says nothing else."""
    plain = search_key(name)
    return AT_END.sub("", BRACKETED.sub("", plain))


def folder_of(rel_path: str) -> str:
    """Return the folder of an album: the one that a file is in, or the one of all discs above it."""
    folder = os.path.dirname(rel_path)
    above, name = os.path.split(folder)
    plain = search_key(name)
    bare = "" if AT_START.match(plain) else without_disc(name)
    return os.path.join(above, bare) if bare and bare != plain else folder if bare else above


def album_key(track: OnAlbum) -> Key | None:
    """Return what is the same for all songs of one album, and for no other; None for a song on none."""
    if not is_album(track.album):
        return None
    name, artist = without_disc(track.album), search_key(track.album_artist)
    if artist and name:
        return (name, artist)
    return (name, str(track.root_id), folder_of(track.rel_path))


@dataclass(frozen=True, slots=True)
class Makers:
    """Who made a song: its artist, without case and accents, empty for none; its album, None for none."""

    artist: str
    album: Key | None


def makers_of(session: Session) -> dict[int, Makers]:
    """Return who made each track, by id."""
    columns = (Track.id, Track.artist, Track.album, Track.album_artist, Track.root_id, Track.rel_path)
    return {
        row.id: Makers(search_key(row.artist), album_key(row)) for row in session.execute(select(*columns))
    }


def numbered(keys: Sequence[Hashable]) -> Ints:
    """Return a number for each key, equal keys having the same; −1 for an empty one."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) if key else -1 for key in keys], np.int64)
