"""The genres that songs' own tags name, song by song and for all songs of albums."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, select
from sqlalchemy.orm import Session

from db.kept import known_of_tracks
from db.models import Track
from db.playable import Album, made_by, playable


@dataclass(frozen=True, slots=True)
class GenresOf:
    """A song's own genres, with its album."""

    track_id: int
    artist: str
    album: str
    genres: tuple[str, ...]


def genres_of(
    session: Session, root_id: int | None = None, conditions: Iterable[ColumnElement[bool]] = ()
) -> list[GenresOf]:
    """Return every song's own genres, by id; of the songs that meet some more conditions."""
    asked = list(conditions)
    if not asked:
        every = known_of_tracks(session, ("genres", root_id), lambda: _genres_of(session, root_id, []))
        if every is not None:
            return every
    return _genres_of(session, root_id, asked)


def _genres_of(
    session: Session, root_id: int | None, conditions: Iterable[ColumnElement[bool]]
) -> list[GenresOf]:
    query = select(Track.id, made_by, Track.album, cast(Track.file_genres, Text))
    read: dict[Any, tuple[str, ...]] = {}
    found = []
    for track_id, who, album, text in session.execute(
        query.where(*playable(root_id), *conditions).order_by(Track.id)
    ):
        if text not in read:
            read[text] = tuple(json.loads(text))
        found.append(GenresOf(track_id, who, album, read[text]))
    return found


def genres_of_albums(session: Session, some: Sequence[Album]) -> list[GenresOf]:
    """Return the own genres of the songs of albums of some names, by id within each."""

    def read() -> dict[tuple[str, str], list[GenresOf]]:
        songs: dict[tuple[str, str], list[GenresOf]] = {}
        for song in genres_of(session):
            songs.setdefault((song.artist, song.album), []).append(song)
        return songs

    by_album = known_of_tracks(session, "genres by albums", read)
    if by_album is not None:
        return [song for one in some for song in by_album.get((one.artist, one.name), ())]
    names = {one.name for one in some}
    return genres_of(session, None, [Track.album.in_(names)] if len(names) <= 1000 else []) if names else []
