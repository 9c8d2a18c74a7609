"""Who made songs, as lists and the index are limited by: artists, and albums as people see them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.browsing.song_albums import Key, albums_of, are_told_by_themselves
from db.kept import kept_of, known_of_tracks
from db.models import Track
from db.tracks import search_key

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Makers:
    """Who made a song: its artist, without case and accents, empty for none; its album, None for none."""

    artist: str
    album: Key | None


def makers_of(session: Session) -> dict[int, Makers]:
    """Return who made each track that is there, by id."""
    columns = (Track.artist, Track.album, Track.album_artist, Track.root_id, Track.rel_path)
    query = select(Track.id, *columns, Track.disc_number, Track.track_number).where(Track.missing.is_(False))
    rows = session.execute(query.order_by(Track.id)).all()
    return {
        row.id: Makers(search_key(row.artist), album)
        for row, album in zip(rows, albums_of(rows), strict=True)
    }


def numbered(keys: Sequence[Hashable]) -> Ints:
    """Return a number for each key, equal keys having the same; −1 for an empty one."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) if key else -1 for key in keys], np.int64)


def album_numbers(session: Session, songs: Sequence[Track]) -> Ints:
    """Return a number for the album of each of some songs, as the whole catalogue tells it; −1 for none.

    Whether songs in a folder are one artist's album or a compilation may be told by songs that are not among
    these. Where it may, all are looked at; but while tracks are being written, a service tells it by these.
    """
    if are_told_by_themselves(songs):
        return numbered(albums_of(songs))
    known: Mapping[int, Key | None] | None = known_of_tracks(
        session, "albums of songs", lambda: _albums(session)
    )
    if known is None:
        known = _albums(session) if kept_of(session) is None else None
    return numbered(albums_of(songs) if known is None else [known.get(song.id) for song in songs])


def _albums(session: Session) -> dict[int, Key | None]:
    return {track_id: one.album for track_id, one in makers_of(session).items()}
