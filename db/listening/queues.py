"""Play queues: what somebody listens to, and where in it they are, from one player to the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.listening.tables import PlayQueue, PlayQueueTrack
from db.models import Track
from db.tracks import by_ids
from db.values import utc_now

MOST_OWNERS: Final = 100
"""Queues of so many are kept, those that changed last: where nothing is checked, anybody can call themselves
anything."""


@dataclass(frozen=True)
class Queue:
    """A queue as it was left.

    Attributes
    ----------
    tracks
        Those that are present.
    current
        Which of them is played, from 0; None if none is, or it is gone.
    position_ms
        Where in it.
    """

    tracks: Sequence[Track]
    current: int | None
    position_ms: int
    changed: datetime
    changed_by: str


def save_queue(
    session: Session,
    owner: str,
    track_ids: Sequence[int],
    current: int | None,
    position_ms: int = 0,
    changed_by: str = "",
) -> None:
    """Put a queue in the place of what somebody had; without tracks there is none from then on.

    Parameters
    ----------
    current
        Which of the tracks is played, from 0.
    """
    session.execute(delete(PlayQueue).where(PlayQueue.owner == owner))
    if not track_ids:
        return
    row = PlayQueue(
        owner=owner, current=current, position_ms=position_ms, changed=utc_now(), changed_by=changed_by
    )
    session.add(row)
    session.flush()
    places = [{"owner": owner, "place": n, "track_id": track_id} for n, track_id in enumerate(track_ids)]
    session.execute(insert(PlayQueueTrack), places)
    kept = select(PlayQueue.owner).order_by(PlayQueue.changed.desc(), PlayQueue.owner).limit(MOST_OWNERS)
    session.execute(delete(PlayQueue).where(PlayQueue.owner.not_in(kept.scalar_subquery())))


def saved_queue(session: Session, owner: str) -> Queue | None:
    """Return somebody's queue; None where there is none."""
    row = session.get(PlayQueue, owner)
    if row is None:
        return None
    query = (
        select(PlayQueueTrack.place, PlayQueueTrack.track_id)
        .join(Track, Track.id == PlayQueueTrack.track_id)
        .where(PlayQueueTrack.owner == owner, Track.missing.is_(False))
        .order_by(PlayQueueTrack.place)
    )
    places = [(found.place, found.track_id) for found in session.execute(query)]
    tracks = by_ids(session, list({track_id for _, track_id in places}))
    current = next((n for n, (place, _) in enumerate(places) if place == row.current), None)
    position_ms = row.position_ms if current is not None else 0
    return Queue([tracks[i] for _, i in places], current, position_ms, row.changed, row.changed_by)
