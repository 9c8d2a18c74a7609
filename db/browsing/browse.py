"""Artists, albums, songs and genres as players browse them: grouped by the database, from the files' tags.

An album is what one artist made under one name: its album artist, or else the artist of its songs. A song
can be played where its file is there and holds sound that can be decoded, be it too short or too silent to
be analysed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Double, case, cast, func, or_, select
from sqlalchemy.orm import Session

from db.browsing.album_names import names_of, with_plays
from db.browsing.song_names import SongNames
from db.kept import known_of_tracks
from db.known_plays import known_plays
from db.models import LARGEST, Root, Track
from db.playable import PLAYABLE_FAILURES, Album, made_by, playable
from db.rows import rows_by_ids
from db.tracks import search_key


def albums_unplayed(session: Session, root_id: int | None = None) -> list[Album]:
    """Return the same without their plays, which `with_plays` adds: quicker where few are looked at."""

    def read() -> list[Album]:
        return [replace(one, plays=0, last_played=None) for one in albums(session, root_id)]

    found = known_of_tracks(session, ("albums", root_id), read)
    return albums(session, root_id) if found is None else found


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
            func.min(Track.added),
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
    names = names_of(session)
    if names is not None:
        known = _albums_by_names(session).get((artist, name))
        return None if known is None else with_plays(session, [known])[0]
    found = albums(session, None, [made_by == artist, Track.album == name])
    return found[0] if found else None


def _albums_by_names(session: Session) -> dict[tuple[str, str], Album]:
    def read() -> dict[tuple[str, str], Album]:
        return {(one.artist, one.name): one for one in albums_unplayed(session)}

    return known_of_tracks(session, "albums by names", read) or {}


def albums_of_artist(session: Session, artist: str) -> list[Album]:
    """Return the albums that are an artist's, or have a song of theirs, by year and name."""
    names = names_of(session)
    if names is not None:
        known = _albums_by_names(session)
        some = with_plays(session, [known[key] for key in sorted(names.on.get(artist, ()))])
        some.sort(key=lambda album: (search_key(album.artist), search_key(album.name), album.newest_id))
        return sorted(some, key=lambda album: (album.year or 0, search_key(album.name)))
    query = select(made_by, Track.album).where(*playable(), or_(made_by == artist, Track.artist == artist))
    keys = {(who, name) for who, name in session.execute(query.distinct())}
    some = albums(session, None, [Track.album.in_({name for _, name in keys})])
    mine = [album for album in some if (album.artist, album.name) in keys]
    return sorted(mine, key=lambda album: (album.year or 0, search_key(album.name)))


def artists(session: Session, root_id: int | None = None, *, of_albums: bool = False) -> dict[str, int]:
    """Return the names of all artists, with how many albums they are on.

    Parameters
    ----------
    of_albums
        Only those whom albums are by, not all of songs.
    """
    found = known_of_tracks(
        session, ("artists", root_id, of_albums), lambda: _artists(session, root_id, of_albums=of_albums)
    )
    return _artists(session, root_id, of_albums=of_albums) if found is None else found


def _artists(session: Session, root_id: int | None, *, of_albums: bool) -> dict[str, int]:
    query = select(Track.artist, made_by, Track.album).where(*playable(root_id)).distinct()
    on: dict[str, set[tuple[str, str]]] = {}
    for artist, who, album in session.execute(query):
        for name in {who} if of_albums else {artist, who}:
            on.setdefault(name, set()).add((who, album))
    return {name: len(on[name]) for name in sorted(on, key=lambda name: (search_key(name), name))}


def is_artist(session: Session, name: str) -> bool:
    """Whether a song, or an album, is an artist's."""
    names = names_of(session)
    if names is not None:
        return name in names.on
    query = select(Track.id).where(*playable(), or_(Track.artist == name, made_by == name)).limit(1)
    return session.scalar(query) is not None


def artist_names(session: Session) -> set[str]:
    """Return the names of all artists, of songs and of albums: quicker than to count their albums."""
    rows = session.execute(select(Track.artist, made_by).where(*playable()).distinct())
    return {name for row in rows for name in row}


def album_tracks(session: Session, artist: str, name: str) -> list[Track]:
    """Return an album's songs in their order on it."""
    names = names_of(session)
    if names is not None:
        rows = rows_by_ids(session, names.tracks.get((artist, name), []))
        return sorted((rows[i] for i in sorted(rows)), key=_on_album)
    query = select(Track).where(*playable(), made_by == artist, Track.album == name)
    return sorted(session.scalars(query), key=_on_album)


def _on_album(track: Track) -> tuple[int, int, str]:
    return (track.disc_number or 1, track.track_number or LARGEST, track.rel_path)


def artist_tracks(session: Session, artist: str, limit: int) -> list[Track]:
    """Return an artist's songs, those played most first."""
    names, known = names_of(session), known_plays(session)
    if names is not None and known is not None:
        ids = names.of.get(artist, [])
        most = np.argsort(-known.of(ids)[0], kind="stable")[:limit]
        rows = rows_by_ids(session, [ids[i] for i in most])
        return [rows[ids[i]] for i in most]
    query = select(Track).where(*playable(), or_(Track.artist == artist, made_by == artist))
    return list(session.scalars(query.order_by(Track.plays.desc(), Track.id).limit(limit)))


def playable_track(session: Session, track_id: int) -> Track | None:
    """Return a song that can be played, or None."""
    if not 0 < track_id <= LARGEST:
        return None
    return session.scalar(select(Track).where(Track.id == track_id, *playable()))


def playable_tracks(session: Session, track_ids: Sequence[int]) -> list[Track]:
    """Return those of some songs that can be played, in their order."""
    rows = rows_by_ids(session, list(dict.fromkeys(track_ids)))
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
    if from_year is None and to_year is None:
        every = known_of_tracks(session, ("ids", root_id), lambda: _playable_ids(session, root_id))
        if every is not None:
            return every
    return _playable_ids(session, root_id, from_year, to_year)


def _playable_ids(
    session: Session, root_id: int | None, from_year: int | None = None, to_year: int | None = None
) -> list[int]:
    query = select(Track.id).where(*playable(root_id))
    if from_year is not None:
        query = query.where(Track.year >= from_year)
    if to_year is not None:
        query = query.where(Track.year <= to_year)
    return list(session.scalars(query.order_by(Track.id)))


def search_ids(
    session: Session, words: str, offset: int, limit: int, root_id: int | None = None
) -> list[int]:
    """Return the ids of songs whose artist and title hold all the words; of all songs where there are none.

    Those that the words name come first: their title, artist or album; then those whose title, artist or
    album begins so, then those with a word that does; equal ones by id.
    """
    query, key = select(Track.id).where(*playable(root_id)), search_key(words)
    if not key:
        return playable_ids(session, root_id)[offset : offset + limit]
    names = known_of_tracks(session, ("song names", root_id), lambda: _song_names(session, root_id))
    if names is not None:
        return names.search(key, offset, limit)
    for word in key.split():
        query = query.where(Track.search_text.contains(word, autoescape=True))
    return list(session.scalars(query.order_by(_rank(key), Track.id).offset(offset).limit(limit)))


def _song_names(session: Session, root_id: int | None) -> SongNames:
    names = [func.lower(column) for column in (Track.title, Track.artist, Track.album)]
    query = select(Track.id, Track.search_text, *names).where(*playable(root_id)).order_by(Track.id)
    rows = session.execute(query).all()
    return SongNames(*zip(*rows, strict=True)) if rows else SongNames([], [])


def _rank(key: str) -> ColumnElement[int]:
    """Return how well a song fits a search, 0 best."""
    named = [func.lower(column) for column in (Track.title, Track.artist, Track.album)]
    begins = [name.startswith(key, autoescape=True) for name in named]
    within = Track.search_text.contains(f" {key}", autoescape=True)
    at_start = Track.search_text.startswith(key, autoescape=True)
    conditions = [*(name == key for name in named), *begins, or_(within, at_start)]
    return case(*((condition, rank) for rank, condition in enumerate(conditions)), else_=len(conditions))


def roots(session: Session) -> list[Root]:
    """Return the folders that have a song which can be played, by path."""
    used = select(Track.root_id).where(*playable()).distinct()
    found = session.scalars(select(Root).where(Root.id.in_(used)))
    return sorted(found, key=lambda root: root.path)


def count_playable(session: Session) -> int:
    """Return how many songs can be played."""
    return session.scalar(select(func.count(Track.id)).where(*playable())) or 0
