"""Which artists are on which albums, and which songs are on those: kept while no track is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.kept import known_of_tracks
from db.models import Track
from db.playable import Album, made_by, playable
from db.values import in_parts

MANY_TRACKS: Final = 20_000
"""Of so many it is quicker to read the plays of all that were played."""


@dataclass(frozen=True)
class AlbumNames:
    """Who made what: albums by every artist that is on them, and the songs of every album."""

    on: dict[str, set[tuple[str, str]]]
    tracks: dict[tuple[str, str], list[int]]


def names_of(session: Session, root_id: int | None = None) -> AlbumNames | None:
    """Return the names of all albums and artists; None where they are not kept."""

    def read() -> AlbumNames:
        names = AlbumNames({}, {})
        query = select(Track.id, Track.artist, made_by, Track.album).where(*playable(root_id))
        for track_id, artist, who, album in session.execute(query.order_by(Track.id)):
            key = (who, album)
            names.tracks.setdefault(key, []).append(track_id)
            for name in {artist, who}:
                names.on.setdefault(name, set()).add(key)
        return names

    return known_of_tracks(session, ("names", root_id), read)


def with_plays(session: Session, some: Sequence[Album], root_id: int | None = None) -> list[Album]:
    """Return albums with their plays."""
    names = names_of(session, root_id)
    if names is None:  # then they have them
        return list(some)
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
) -> list[Album]:
    """Return those of all albums of a root that were played, the most often or the last played ones first.

    Parameters
    ----------
    some
        All of them, as they are kept; equal ones stay in their order.
    last
        Whether by when they were played, not by how often.
    """
    column: Any = Track.last_played if last else Track.plays
    names = names_of(session, root_id)
    found: dict[int, Any] = {}
    owners = _owners(session, some, names, root_id) if names is not None else {}
    condition = column.is_not(None) if last else column > 0
    for track_id, value in session.connection().execute(select(Track.id, column).where(condition)):
        place = owners.get(track_id)
        if place is not None:
            known = found.get(place)
            found[place] = value if known is None else max(known, value) if last else known + value
    return [some[place] for place in sorted(sorted(found), key=found.__getitem__, reverse=True)]


def _owners(
    session: Session, some: Sequence[Album], names: AlbumNames, root_id: int | None
) -> dict[int, int]:
    """Return which of all albums of a root each song is on."""

    def read() -> dict[int, int]:
        return {i: n for n, one in enumerate(some) for i in names.tracks[one.artist, one.name]}

    return known_of_tracks(session, ("owners", root_id), read) or {}
