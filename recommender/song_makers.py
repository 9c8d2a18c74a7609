"""Who made songs, as lists and the index are limited by: artists, and albums as people see them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.browsing.song_albums import Key, albums_of
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
