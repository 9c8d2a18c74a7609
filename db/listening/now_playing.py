"""What is being played: the track that each player began last, for about as long as it lasts.

A player may report what it does (`report_playing`): then it is known where in the track it is, and a play is
counted when half of the track, or four minutes, were heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from db.listening.tables import NowPlaying
from db.models import Track
from db.values import utc_now

PAUSED: Final = timedelta(minutes=10)
"""A player may be so much longer at a track than that lasts."""
UNKNOWN: Final = timedelta(hours=1)
"""And so long at one whose length is not known, or where it has paused."""
LONGEST: Final = timedelta(days=1)
STARTING, PLAYING, STOPPED = "starting", "playing", "stopped"
STATES: Final = (STARTING, PLAYING, "paused", STOPPED)
MS: Final = timedelta(milliseconds=1)
ENOUGH_MS: Final = 240_000
"""Who heard so much of a track has played it; or half of it."""


@dataclass(frozen=True)
class Report:
    """What a player says that it does: one of `STATES`, where in the track, how fast.

    `counts` is whether this may become a play.
    """

    state: str
    position_ms: int
    rate: float = 1.0
    counts: bool = True


def note_playing(session: Session, owner: str, player: str, track_id: int, *, loaded: bool = False) -> None:
    """Note that a player of somebody's begins a track; what is long over, or was begun later, goes.

    Parameters
    ----------
    loaded
        Whether it has only asked for its sound: then what it reports counts for more.
    """
    now = utc_now()
    _forget(session, now)
    known = session.get(NowPlaying, (owner, player))
    if loaded and known is not None and known.reported is not None and now - known.reported < UNKNOWN:
        return
    _begin(session, owner, player, track_id, now)


def report_playing(session: Session, owner: str, player: str, track: Track, report: Report) -> bool:
    """Note what a player reports; return whether a play of the track is to be counted for it."""
    now = utc_now()
    _forget(session, now)
    known = session.get(NowPlaying, (owner, player))
    goes_on = known is not None and known.track_id == track.id and known.reported is not None
    if known is None or not goes_on or report.state == STARTING:
        known = _begin(session, owner, player, track.id, now)
        known.heard_ms = 0
    elif known.heard_ms is not None:
        known.heard_ms += _heard_since(known, report, now)
    heard_ms, enough_ms = known.heard_ms, ENOUGH_MS
    if track.duration_s is not None:
        enough_ms = min(enough_ms, round(500 * track.duration_s))
    known.state, known.position_ms, known.rate = report.state, report.position_ms, report.rate
    known.reported = now
    played = report.counts and heard_ms is not None and 0 < enough_ms <= heard_ms
    if played:
        known.heard_ms = None  # of these there is no second one
    if report.state == STOPPED:
        session.delete(known)
    session.flush()
    return played


def _heard_since(known: NowPlaying, report: Report, now: datetime) -> int:
    """Return how much was heard since the last report: not what was jumped over."""
    if known.state != PLAYING or known.reported is None:
        return 0
    most = round(max(0.0, (now - known.reported) / MS) * (known.rate or 1.0))
    further = report.position_ms - (known.position_ms or 0)
    return further if 0 <= further < most else most


def _begin(session: Session, owner: str, player: str, track_id: int, now: datetime) -> NowPlaying:
    nothing = dict.fromkeys(("state", "position_ms", "rate", "reported", "heard_ms"))
    row = NowPlaying(owner=owner, player=player, track_id=track_id, began=now, **nothing)
    found = session.merge(row)
    session.flush()
    return found


def _forget(session: Session, now: datetime) -> None:
    gone = or_(NowPlaying.began < now - LONGEST, NowPlaying.began > now + LONGEST)
    session.execute(delete(NowPlaying).where(gone))


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
    return [one for one in found if max(timedelta(), now - (one[0].reported or one[0].began)) <= _lasts(*one)]


def _lasts(row: NowPlaying, track: Track, _since: timedelta) -> timedelta:
    """Return how long a track may go on from when it was begun, or reported last."""
    if track.duration_s is None or row.state == "paused":
        return UNKNOWN
    left_s = track.duration_s - (row.position_ms or 0) / 1000
    return timedelta(seconds=max(0.0, left_s) / (row.rate or 1.0)) + PAUSED


def position_now_ms(row: NowPlaying, track: Track) -> int | None:
    """Return where in a track its player is by now, in milliseconds; None where it has not reported that."""
    if row.position_ms is None or row.reported is None:
        return None
    position_ms = row.position_ms
    if row.state == PLAYING:
        position_ms += round(max(0.0, (utc_now() - row.reported) / MS) * (row.rate or 1.0))
    if track.duration_s is not None:
        position_ms = min(position_ms, max(row.position_ms, round(1000 * track.duration_s)))
    return position_ms
