"""What players are offered: the conditions on a song, and what an album is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, case, or_

from db.models import Track

PLAYABLE_FAILURES: Final = ("silent", "too_short")
"""Kinds of failed analyses whose files play nevertheless."""

made_by: Final[ColumnElement[str]] = case((Track.album_artist != "", Track.album_artist), else_=Track.artist)
"""Whom a song's album is by."""


@dataclass(frozen=True, slots=True)
class Album:
    """An album, and what is known of its songs.

    Attributes
    ----------
    artist, name
        Which identify it; empty where no tag says.
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


def playable(root_id: int | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on Track for a song to be offered to players, of one root if it is named."""
    sound = or_(Track.error_kind.is_(None), Track.error_kind.in_(PLAYABLE_FAILURES))
    here = (Track.missing.is_(False), sound)
    return here if root_id is None else (*here, Track.root_id == root_id)
