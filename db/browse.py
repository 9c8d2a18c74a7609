"""Artists, albums, songs and genres as players browse them: grouped by the database, from the files' tags.

An album is what one artist made under one name: its album artist, or else the artist of its songs. A song
can be played where its file is there and holds sound that can be decoded, be it too short or too silent to
be analysed.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Double, Text, case, cast, func, or_, select
from sqlalchemy.orm import Session

from db.models import LARGEST, Root, Track
from db.tracks import by_ids, search_key

PLAYABLE_FAILURES: Final = ("silent", "too_short")
"""Kinds of failed analyses whose files play nevertheless."""

made_by: Final[ColumnElement[str]] = case((Track.album_artist != "", Track.album_artist), else_=Track.artist)
"""Whom a song's album is by."""


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class GenresOf:
    """A song's own genres, with its album."""

    track_id: int
    artist: str
    album: str
    genres: tuple[str, ...]


def playable(root_id: int | None = None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on Track for a song to be offered to players, of one root if it is named."""
    sound = or_(Track.error_kind.is_(None), Track.error_kind.in_(PLAYABLE_FAILURES))
    here = (Track.missing.is_(False), sound)
    return here if root_id is None else (*here, Track.root_id == root_id)


def albums(
    session: Session, root_id: int | None = None, conditions: Iterable[ColumnElement[bool]] = ()
) -> list[Album]:
    """Return all albums, by artist and name; of the songs that meet some more conditions."""
    query = (
        select(
            made_by.label("who"),
            Track.album,
            func.count(Track.id),
            cast(func.coalesce(func.sum(Track.duration_s), 0.0), Double),
            func.min(Track.year),
            func.max(Track.mtime_ns),
            func.max(Track.id),
            cast(func.sum(Track.plays), BigInteger),
            func.max(Track.last_played),
        )
        .where(*playable(root_id), *conditions)
        .group_by("who", Track.album)
    )
    found = [Album(*row) for row in session.execute(query)]
    return sorted(
        found, key=lambda album: (search_key(album.artist), search_key(album.name), album.newest_id)
    )


def album_names(session: Session) -> list[tuple[str, str]]:
    """Return the artist and name of every album, in no order: quicker than to return the albums."""
    query = select(made_by, Track.album).where(*playable()).distinct()
    return [(artist, name) for artist, name in session.execute(query)]


def album(session: Session, artist: str, name: str) -> Album | None:
    """Return one album, or None."""
    found = albums(session, None, [made_by == artist, Track.album == name])
    return found[0] if found else None


def albums_of_artist(session: Session, artist: str) -> list[Album]:
    """Return the albums that are an artist's, or have a song of theirs, by year and name."""
    query = select(made_by, Track.album).where(*playable(), or_(made_by == artist, Track.artist == artist))
    keys = {(who, name) for who, name in session.execute(query.distinct())}
    some = albums(session, None, [Track.album.in_({name for _, name in keys})])
    mine = [album for album in some if (album.artist, album.name) in keys]
    return sorted(mine, key=lambda album: (album.year or 0, search_key(album.name)))


def artists(session: Session, root_id: int | None = None) -> dict[str, int]:
    """Return the names of all artists, of songs and of albums, with how many albums they are on."""
    query = select(Track.artist, made_by, Track.album).where(*playable(root_id)).distinct()
    on: dict[str, set[tuple[str, str]]] = {}
    for artist, who, album in session.execute(query):
        for name in {artist, who}:
            on.setdefault(name, set()).add((who, album))
    return {name: len(on[name]) for name in sorted(on, key=lambda name: (search_key(name), name))}


def album_tracks(session: Session, artist: str, name: str) -> list[Track]:
    """Return an album's songs in their order on it."""
    query = select(Track).where(*playable(), made_by == artist, Track.album == name)
    return sorted(session.scalars(query), key=_place)


def _place(track: Track) -> tuple[int, int, str]:
    return (track.disc_number or 1, track.track_number or LARGEST, track.rel_path)


def artist_tracks(session: Session, artist: str, limit: int) -> list[Track]:
    """Return an artist's songs, those played most first."""
    query = select(Track).where(*playable(), or_(Track.artist == artist, made_by == artist))
    return list(session.scalars(query.order_by(Track.plays.desc(), Track.id).limit(limit)))


def playable_track(session: Session, track_id: int) -> Track | None:
    """Return a song that can be played, or None."""
    if not 0 < track_id <= LARGEST:
        return None
    return session.scalar(select(Track).where(Track.id == track_id, *playable()))


def playable_tracks(session: Session, track_ids: Sequence[int]) -> list[Track]:
    """Return those of some songs that can be played, in their order."""
    rows = by_ids(session, list(dict.fromkeys(track_ids)))
    return [rows[i] for i in track_ids if i in rows and is_playable(rows[i])]


def is_playable(track: Track) -> bool:
    """Whether a song is offered to players."""
    return not track.missing and track.error_kind in (None, *PLAYABLE_FAILURES)


def playable_ids(
    session: Session,
    root_id: int | None = None,
    from_year: int | None = None,
    to_year: int | None = None,
) -> list[int]:
    """Return the ids of the songs that can be played, ascending; of some years, both included."""
    query = select(Track.id).where(*playable(root_id))
    if from_year is not None:
        query = query.where(Track.year >= from_year)
    if to_year is not None:
        query = query.where(Track.year <= to_year)
    return list(session.scalars(query.order_by(Track.id)))


def search_tracks(
    session: Session, words: str, offset: int, limit: int, root_id: int | None = None
) -> list[Track]:
    """Return songs whose artist and title hold all the words, by id; all songs where there are no words."""
    query = select(Track).where(*playable(root_id))
    for word in search_key(words).split():
        query = query.where(Track.search_text.contains(word, autoescape=True))
    return list(session.scalars(query.order_by(Track.id).offset(offset).limit(limit)))


def genres_of(
    session: Session, root_id: int | None = None, conditions: Iterable[ColumnElement[bool]] = ()
) -> list[GenresOf]:
    """Return every song's own genres, by id; of the songs that meet some more conditions."""
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


def roots(session: Session) -> list[Root]:
    """Return the folders that have a song which can be played, by path."""
    used = select(Track.root_id).where(*playable()).distinct()
    found = session.scalars(select(Root).where(Root.id.in_(used)))
    return sorted(found, key=lambda root: root.path)


def count_playable(session: Session) -> int:
    """Return how many songs can be played."""
    return session.scalar(select(func.count(Track.id)).where(*playable())) or 0
