"""Which artists are on which albums, and which songs are on those: kept while no track is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.kept import known_of_tracks
from db.known_plays import NEVER, Ints, KnownPlays, known_plays, when_last
from db.models import Track
from db.playable import Album, made_by, playable
from db.values import in_parts

MANY_TRACKS: Final = 20_000
"""Of so many it is quicker to read the plays of all that were played."""


@dataclass(frozen=True)
class AlbumNames:
    """Who made what: albums by every artist that is on them, and the songs of every album and artist."""

    on: dict[str, set[tuple[str, str]]]
    tracks: dict[tuple[str, str], list[int]]
    of: dict[str, list[int]]


def names_of(session: Session, root_id: int | None = None) -> AlbumNames | None:
    """Return the names of all albums and artists; None where they are not kept."""

    def read() -> AlbumNames:
        names = AlbumNames({}, {}, {})
        query = select(Track.id, Track.artist, made_by, Track.album).where(*playable(root_id))
        for track_id, artist, who, album in session.execute(query.order_by(Track.id)):
            key = (who, album)
            names.tracks.setdefault(key, []).append(track_id)
            for name in {artist, who}:
                names.on.setdefault(name, set()).add(key)
                names.of.setdefault(name, []).append(track_id)
        return names

    return known_of_tracks(session, ("names", root_id), read)


def with_plays(session: Session, some: Sequence[Album], root_id: int | None = None) -> list[Album]:
    """Return albums with their plays."""
    names = names_of(session, root_id)
    if names is None:  # then they have them
        return list(some)
    known = known_plays(session)
    if known is None:
        return _with_read_plays(session, some, names)
    sums, places = _sums(session, known, names, root_id), _places(session, names, root_id)
    found = []
    for one in some:
        place = places[one.artist, one.name]
        last = when_last(sums.last[place])
        found.append(replace(one, plays=int(sums.plays[place]), last_played=last or one.last_played))
    return found


def _with_read_plays(session: Session, some: Sequence[Album], names: AlbumNames) -> list[Album]:
    owners = {i: place for place, one in enumerate(some) for i in names.tracks[one.artist, one.name]}
    plays, last = [0] * len(some), [one.last_played for one in some]
    for part in in_parts(list(owners)) if len(owners) < MANY_TRACKS else [None]:
        query = select(Track.id, Track.plays, Track.last_played).where(
            or_(Track.plays > 0, Track.last_played.is_not(None))
        )
        for track_id, n, when in session.execute(query if part is None else query.where(Track.id.in_(part))):
            place = owners.get(track_id)
            if place is not None:
                plays[place] += n
                last[place] = max(filter(None, (when, last[place])), default=None)
    return [replace(one, plays=n, last_played=when) for one, n, when in zip(some, plays, last, strict=True)]


def in_order_of_plays(
    session: Session, some: Sequence[Album], root_id: int | None, *, last: bool
) -> list[Album] | None:
    """Return those of all albums of a root that were played, the most often or the last played ones first.

    Parameters
    ----------
    some
        All of them, as they are kept; equal ones stay in their order.
    last
        Whether by when they were played, not by how often.

    Returns
    -------
    list or None
        None where their plays are not kept.
    """
    names, known = names_of(session, root_id), known_plays(session)
    if names is None or known is None:
        return None
    sums, places = _sums(session, known, names, root_id), _places(session, names, root_id)
    values, least = (sums.last, NEVER) if last else (sums.plays, 0)
    of_each = values[np.array([places[one.artist, one.name] for one in some], np.int64)]
    return [some[i] for i in np.argsort(-of_each, kind="stable").tolist() if of_each[i] > least]


@dataclass(frozen=True)
class _Sums:
    """Plays of all albums of a root, by their places; as those of `KnownPlays`."""

    plays: Ints
    last: Ints


def _places(session: Session, names: AlbumNames, root_id: int | None) -> dict[tuple[str, str], int]:
    """Return a number for each album of a root."""
    read = known_of_tracks(
        session, ("places", root_id), lambda: {key: place for place, key in enumerate(names.tracks)}
    )
    return read or {}


def _sums(session: Session, known: KnownPlays, names: AlbumNames, root_id: int | None) -> _Sums:
    """Return the plays of all albums of a root; they are added up once."""

    def side_by_side() -> tuple[list[int], Ints]:
        counts = [len(ids) for ids in names.tracks.values()]
        return [i for ids in names.tracks.values() for i in ids], np.cumsum([0, *counts])[:-1]

    found: _Sums | None = known.sums.get(root_id)
    if found is None:
        track_ids, firsts = known_of_tracks(session, ("side by side", root_id), side_by_side) or ([], None)
        plays, last = known.of(track_ids)
        if firsts is None or not len(firsts):
            return _Sums(plays, last)
        found = _Sums(np.add.reduceat(plays, firsts), np.maximum.reduceat(last, firsts))
        known.sums[root_id] = found
    return found
