"""What players are offered: the conditions on a song, and what an album is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, or_

from db.models import Track

PLAYABLE_FAILURES: Final = ("silent", "too_short")
"""Kinds of failed analyses whose files play nevertheless."""


@dataclass(frozen=True, slots=True)
class AlbumNames:
    """Which album songs are on.

    Attributes
    ----------
    names
        Which identify it, and are no other's: as a rule the artist and album that its first song's tags name.
    artist, name
        As people see them; the artist is empty where no tag says.
    compilation
        Whether it is of various artists.
    pairs
        The artists and albums that the tags of its songs name.
    """

    names: tuple[str, ...]
    artist: str
    name: str
    compilation: bool
    pairs: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Album:
    """An album, and what is known of its songs.

    Attributes
    ----------
    artist, name, names, compilation
        As of `AlbumNames`.
    year
        The earliest of its songs.
    changed_ns
        When the file changed last that changed last.
    newest_id
        Of its songs, the one that came into the catalogue last.
    added
        When the first of its songs came into the catalogue, naive UTC; None where that was not noted.
    plays, last_played
        Of all songs; naive UTC.
    """

    artist: str
    name: str
    songs: int
    duration_s: float
    year: int | None
    changed_ns: int
    newest_id: int
    plays: int
    last_played: datetime | None
    added: datetime | None = None
    names: tuple[str, ...] = ()
    compilation: bool = False


def playable(root_id: int | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on Track for a song to be offered to players, of one root if it is named."""
    sound = or_(Track.error_kind.is_(None), Track.error_kind.in_(PLAYABLE_FAILURES))
    here = (Track.missing.is_(False), sound)
    return here if root_id is None else (*here, Track.root_id == root_id)
