"""How often albums were played, and when last: the plays of their songs, added up once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.browsing.albums import KnownAlbums, known_albums
from db.kept import known_of_tracks
from db.known_plays import NEVER, Ints, KnownPlays, known_plays, when_last
from db.models import Track
from db.playable import Album
from db.values import in_parts

MANY_TRACKS: Final = 20_000
"""Of so many it is quicker to read the plays of all that were played."""


def with_plays(session: Session, some: Sequence[Album], root_id: int | None = None) -> list[Album]:
    """Return albums with their plays."""
    names, known = known_albums(session, root_id), known_plays(session)
    if known is None:
        return _with_read_plays(session, some, names)
    sums, places = _sums(session, known, names, root_id), _places(session, names, root_id)
    found = []
    for one in some:
        place = places[one.names]
        last = when_last(sums.last[place])
        found.append(replace(one, plays=int(sums.plays[place]), last_played=last or one.last_played))
    return found


def _with_read_plays(session: Session, some: Sequence[Album], names: KnownAlbums) -> list[Album]:
    owners = {i: place for place, one in enumerate(some) for i in names.tracks[one.names]}
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
    known = known_plays(session)
    if known is None:
        return None
    names = known_albums(session, root_id)
    sums = _sums(session, known, names, root_id)
    of_each, least = (sums.last, NEVER) if last else (sums.plays, 0)
    some_played = np.flatnonzero(of_each > least)
    return [some[i] for i in some_played[np.argsort(-of_each[some_played], kind="stable")].tolist()]


@dataclass(frozen=True)
class _Sums:
    """Plays of all albums of a root, in their order; as those of `KnownPlays`."""

    plays: Ints
    last: Ints


def _places(session: Session, names: KnownAlbums, root_id: int | None) -> dict[tuple[str, ...], int]:
    """Return a number for each album of a root."""
    read = known_of_tracks(
        session, ("places", root_id), lambda: {key: place for place, key in enumerate(names.tracks)}
    )
    return read or {}


def _sums(session: Session, known: KnownPlays, names: KnownAlbums, root_id: int | None) -> _Sums:
    """Return the plays of all albums of a root; they are added up once."""

    def side_by_side() -> tuple[Ints, Ints]:
        counts = [len(ids) for ids in names.tracks.values()]
        ids = np.array([i for some in names.tracks.values() for i in some], np.int64)
        return ids, np.cumsum([0, *counts])[:-1]

    found: _Sums | None = known.sums.get(root_id)
    if found is None:
        track_ids, firsts = (
            known_of_tracks(session, ("side by side", root_id), side_by_side) or side_by_side()
        )
        plays, last = known.at(_among_plays(session, known, track_ids, root_id))
        if not len(firsts):
            return _Sums(plays, last)
        found = _Sums(np.add.reduceat(plays, firsts), np.maximum.reduceat(last, firsts))
        known.sums[root_id] = found
    return found


def _among_plays(session: Session, known: KnownPlays, track_ids: Ints, root_id: int | None) -> Ints:
    """Return the places of the songs of all albums among the plays; kept as long as the same were played."""
    kept = known_of_tracks(session, ("among plays", root_id), dict[str, tuple[Ints, Ints]])
    if kept is not None and "of" in kept:
        of, places = kept["of"]
        if of is known.track_ids:
            return places
    places = known.places(track_ids)
    if kept is not None:
        kept["of"] = (known.track_ids, places)
    return places
