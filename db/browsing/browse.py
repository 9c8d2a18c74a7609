"""Artists, albums, songs and genres as players browse them, from the files' tags.

What an album is `db.browsing.song_albums` says. A song can be played where its file is there and holds sound
that can be decoded, be it too short or too silent to be analysed.
"""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from db.browsing.album_plays import with_plays
from db.browsing.albums import known_albums
from db.browsing.song_names import SongNames
from db.kept import known_of_tracks
from db.known_plays import known_plays
from db.listening.plays import plays_of
from db.models import Root, Track
from db.playable import PLAYABLE_FAILURES, Album, playable
from db.rows import row_of, rows_by_ids
from db.tracks import search_key
from db.values import words_of


def albums(session: Session, root_id: int | None = None) -> list[Album]:
    """Return all albums, by artist and name."""
    return with_plays(session, albums_unplayed(session, root_id), root_id)


def albums_unplayed(session: Session, root_id: int | None = None) -> list[Album]:
    """Return the same without their plays, which `with_plays` adds: quicker where few are looked at."""
    return list(known_albums(session, root_id).albums.values())


def album(session: Session, names: tuple[str, ...]) -> Album | None:
    """Return one album, or None."""
    known = known_albums(session).albums.get(names)
    return None if known is None else with_plays(session, [known])[0]


def albums_of_artist(session: Session, artist: str) -> list[Album]:
    """Return the albums that are an artist's, or have a song of theirs, by year and name."""
    known = known_albums(session)
    return with_plays(session, [known.albums[names] for names in known.on.get(artist, ())])


def artists(session: Session, root_id: int | None = None, *, of_albums: bool = False) -> dict[str, int]:
    """Return the names of all artists, with how many albums they are on.

    Parameters
    ----------
    of_albums
        Only those whom albums are by, with how many, and those of songs that are on none.
    """
    found = known_of_tracks(
        session, ("artists", root_id, of_albums), lambda: _artists(session, root_id, of_albums=of_albums)
    )
    return _artists(session, root_id, of_albums=of_albums) if found is None else found


def _artists(session: Session, root_id: int | None, *, of_albums: bool) -> dict[str, int]:
    known = known_albums(session, root_id)
    counts = known.by if of_albums else {name: len(some) for name, some in known.on.items()}
    return {name: counts[name] for name in sorted(counts, key=lambda name: (search_key(name), name))}


def album_tracks(session: Session, names: tuple[str, ...]) -> list[Track]:
    """Return an album's songs in their order on it."""
    ids = known_albums(session).tracks.get(names, [])
    rows = rows_by_ids(session, ids)
    return [rows[i] for i in ids]


def loose_tracks(session: Session, artist: str) -> list[Track]:
    """Return an artist's songs that are on no album, by the songs' ids."""
    known = known_albums(session)
    ids = [i for i in known.of.get(artist, ()) if i not in known.of_song]
    rows = rows_by_ids(session, ids)
    return [rows[i] for i in ids]


def artist_tracks(session: Session, artist: str, limit: int) -> list[Track]:
    """Return an artist's songs, those played most first."""
    ids, known = known_albums(session).of.get(artist, []), known_plays(session)
    if known is None:
        counts = plays_of(session, ids)
        plays = np.array([counts.get(i, 0) for i in ids], np.int64)
    else:
        plays = known.of(ids)[0]
    most = [ids[i] for i in np.argsort(-plays, kind="stable")[:limit]]
    rows = rows_by_ids(session, most)
    return [rows[i] for i in most]


def playable_track(session: Session, track_id: int) -> Track | None:
    """Return a song that can be played, or None."""
    track = row_of(session, track_id)
    return track if track is not None and is_playable(track) else None


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
    asked = words_of(key)
    if asked is None:
        return []
    for word in asked:
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
