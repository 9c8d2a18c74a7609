"""The genres that songs' own tags name, song by song and for all songs of albums."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from db.browsing.albums import known_albums
from db.kept import known_of_tracks
from db.models import Track
from db.playable import Album, playable
from db.values import in_parts

MANY: Final = 5000
"""Songs of which it is quicker to read all genres than to ask for each."""


@dataclass(frozen=True, slots=True)
class GenresOf:
    """A song's own genres."""

    track_id: int
    genres: tuple[str, ...]


def genres_of(session: Session, root_id: int | None = None) -> list[GenresOf]:
    """Return every song's own genres, by id."""
    every = known_of_tracks(session, ("genres", root_id), lambda: _genres_of(session, root_id))
    return _genres_of(session, root_id) if every is None else every


def _genres_of(
    session: Session, root_id: int | None, track_ids: Sequence[int] | None = None
) -> list[GenresOf]:
    query = select(Track.id, cast(Track.file_genres, Text)).where(*playable(root_id)).order_by(Track.id)
    read: dict[Any, tuple[str, ...]] = {}
    found = []
    for some in [None] if track_ids is None else in_parts(track_ids):
        asked = query if some is None else query.where(Track.id.in_(some))
        for track_id, text in session.execute(asked):
            if text not in read:
                read[text] = tuple(json.loads(text))
            found.append(GenresOf(track_id, read[text]))
    return found


def genres_of_albums(session: Session, some: Sequence[Album]) -> list[list[GenresOf]]:
    """Return the own genres of the songs of each of some albums, by id within it."""
    tracks = known_albums(session).tracks
    ids = [sorted(tracks[one.names]) for one in some]
    by_id = known_of_tracks(
        session, "genres by id", lambda: {song.track_id: song for song in genres_of(session)}
    )
    if by_id is None:
        wanted = sorted(i for songs in ids for i in songs)
        read = _genres_of(session, None, wanted if len(wanted) < MANY else None)
        by_id = {song.track_id: song for song in read}
    return [[by_id[i] for i in songs] for songs in ids]
