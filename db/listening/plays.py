"""Play counts: set and read. They never touch the vectors or their token."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from db.models import LARGEST, Root, Track
from db.plays_log import note_plays
from db.tracks import by_ids
from db.tracks_token import PLAYS_ONLY
from db.values import in_parts

MANY = 5000
"""Tracks of which it is quicker to read all counts than to ask for each."""


@dataclass(frozen=True)
class PlayCount:
    """How often a track was played.

    Attributes
    ----------
    plays
        0 or more.
    last_played
        Naive UTC; None where it is not known.
    """

    plays: int
    last_played: datetime | None = None


@dataclass(frozen=True)
class Changes:
    """How many tracks have another count or date than before, and how many of them a lower count."""

    changed: int
    lowered: int


@dataclass(frozen=True)
class KnownSong:
    """What identifies a track to a list of plays."""

    track_id: int
    path: str
    rel_path: str
    artist: str
    title: str
    album: str
    content_hash: str | None
    missing: bool


def known_songs(session: Session) -> list[KnownSong]:
    """Return all tracks, also those whose file is gone, by id."""
    query = select(
        Track.id,
        Root.path,
        Track.rel_path,
        Track.artist,
        Track.title,
        Track.album,
        Track.content_hash,
        Track.missing,
    ).join(Root, Root.id == Track.root_id)
    rows = session.execute(query.order_by(Track.id))
    return [KnownSong(row[0], os.path.join(row[1], row[2]), *row[2:]) for row in rows]


def set_plays(session: Session, counts: Mapping[int, PlayCount], add: bool) -> Changes:
    """Set the play counts of tracks, or add to them.

    Parameters
    ----------
    session
        Of the catalogue.
    counts
        By track id.
    add
        Adds the plays, up to `LARGEST`, and keeps the newer date. Otherwise both are set; a date that
        is not known is then kept, unless the plays are 0.

    Raises
    ------
    KeyError
        If there is no track of an id.
    """
    tracks = by_ids(session, list(counts))
    changed = lowered = 0
    for track_id, count in counts.items():
        track = tracks[track_id]
        before = PlayCount(track.plays, track.last_played)
        after = _sum(before, count) if add else _replace(before, count)
        track.plays, track.last_played = after.plays, after.last_played
        changed += after != before
        lowered += after.plays < before.plays
    session.flush()
    return Changes(changed, lowered)


def add_play(session: Session, track_id: int, when: datetime) -> bool:
    """Count one play of a present track by what is there as it runs: plays that come at once are all counted.

    Parameters
    ----------
    when
        Naive UTC; a newer date that is there stays.

    Returns
    -------
    bool
        Whether there is such a track.
    """
    newer = or_(Track.last_played.is_(None), Track.last_played < when)
    change = (
        update(Track)
        .where(Track.id == track_id, Track.missing.is_(False))
        .values(
            plays=case((Track.plays < LARGEST, Track.plays + 1), else_=Track.plays),
            last_played=case((newer, when), else_=Track.last_played),
        )
        .execution_options(synchronize_session=False, **{PLAYS_ONLY: True})
        .returning(Track.id)
    )
    found = session.scalar(change) is not None
    if found:
        note_plays(session, [track_id])
    return found


def _replace(before: PlayCount, count: PlayCount) -> PlayCount:
    kept = before.last_played if count.plays else None
    return PlayCount(count.plays, count.last_played or kept)


def _sum(before: PlayCount, count: PlayCount) -> PlayCount:
    dates = [date for date in (before.last_played, count.last_played) if date is not None]
    return PlayCount(min(before.plays + count.plays, LARGEST), max(dates, default=None))


def most_played(session: Session, n: int, since: datetime | None = None) -> list[Track]:
    """Return the `n` present tracks played most; of equal ones the one played last, then by id.

    Parameters
    ----------
    since
        Only tracks last played then or later, in naive UTC; None for all.
    """
    query = select(Track).where(Track.missing.is_(False), Track.plays > 0)
    if since is not None:
        query = query.where(Track.last_played >= since)
    order = (Track.plays.desc(), Track.last_played.desc().nulls_last(), Track.id)
    return list(session.scalars(query.order_by(*order).limit(n)))


def plays_of(session: Session, track_ids: Sequence[int]) -> dict[int, int]:
    """Return the plays of some tracks by their ids; of very many, the never played are left out."""
    if len(track_ids) > MANY:
        query = select(Track.id, Track.plays).where(Track.plays > 0)
        return {row.id: row.plays for row in session.execute(query)}
    found: dict[int, int] = {}
    for some in in_parts(track_ids):
        query = select(Track.id, Track.plays).where(Track.id.in_(some))
        found.update((row.id, row.plays) for row in session.execute(query))
    return found


def played_ids(session: Session) -> dict[int, int]:
    """Return the plays of every present track by its id, 0 for those never played."""
    query = select(Track.id, Track.plays).where(Track.missing.is_(False)).order_by(Track.id)
    return {row.id: row.plays for row in session.execute(query)}
