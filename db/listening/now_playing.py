"""What is being played: the track that each player began last, for about as long as it lasts."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from db.listening.tables import NowPlaying
from db.models import Track
from db.values import utc_now

PAUSED: Final = timedelta(minutes=10)
"""A player may be so much longer at a track than that lasts."""
UNKNOWN: Final = timedelta(hours=1)
"""And so long at one whose length is not known."""
LONGEST: Final = timedelta(days=1)


def note_playing(session: Session, owner: str, player: str, track_id: int) -> None:
    """Note that a player of somebody's begins a track; what is long over, or was begun later, goes."""
    now = utc_now()
    gone = or_(NowPlaying.began < now - LONGEST, NowPlaying.began > now + LONGEST)
    session.execute(delete(NowPlaying).where(gone))
    session.merge(NowPlaying(owner=owner, player=player, track_id=track_id, began=now))
    session.flush()


def now_playing(session: Session) -> Sequence[tuple[NowPlaying, Track, timedelta]]:
    """Return what is being played by whom, and for how long, the last begun first."""
    now = utc_now()
    query = (
        select(NowPlaying, Track)
        .join(Track, Track.id == NowPlaying.track_id)
        .where(Track.missing.is_(False))
        .order_by(NowPlaying.began.desc(), NowPlaying.owner, NowPlaying.player)
    )
    found = ((row, track, max(timedelta(), now - row.began)) for row, track in session.execute(query))
    return [one for one in found if one[2] <= _lasts(one[1])]


def _lasts(track: Track) -> timedelta:
    return UNKNOWN if track.duration_s is None else timedelta(seconds=track.duration_s) + PAUSED
