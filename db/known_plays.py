"""The plays of all tracks, kept while nothing else of these is written; those that change are read again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.kept import kept_of
from db.models import Track
from db.values import in_parts

Ints = npt.NDArray[np.int64]
NEVER: Final = int(np.datetime64("NaT").astype(np.int64))
"""The least of all times."""


@dataclass(frozen=True)
class KnownPlays:
    """The plays of all tracks; nobody may change it.

    Attributes
    ----------
    track_ids
        (tracks,) ascending, of those that were ever played, or were while they are kept.
    plays, last
        (tracks,) how often, and when for the last time: microseconds since 1970, `NEVER` for never.
    sums
        What was added up of them.
    """

    track_ids: Ints
    plays: Ints
    last: Ints
    sums: dict[Any, Any] = field(default_factory=dict, compare=False)

    def of(self, track_ids: Sequence[int] | Ints) -> tuple[Ints, Ints]:
        """Return how often some tracks were played, and when last."""
        return self.at(self.places(np.asarray(track_ids, np.int64)))

    def places(self, track_ids: Ints) -> Ints:
        """Return where in `track_ids` some tracks are; behind all of them those that are not."""
        if not len(self.track_ids):
            return np.zeros(len(track_ids), np.int64)
        places = np.searchsorted(self.track_ids, track_ids)
        found = self.track_ids[np.minimum(places, len(self.track_ids) - 1)]
        return np.where(found == track_ids, places, len(self.track_ids))

    def at(self, places: Ints) -> tuple[Ints, Ints]:
        """Return how often the tracks at some places were played, and when last."""
        return np.append(self.plays, 0)[places], np.append(self.last, NEVER)[places]

    def renewed(self, some: "KnownPlays", read: Iterable[int]) -> "KnownPlays":
        """Return them with those of some tracks that were read again."""
        again = np.fromiter(read, np.int64)
        here = np.sort(again[np.isin(again, self.track_ids)])
        if np.array_equal(here, some.track_ids):  # of the same tracks: others know where these are
            plays, last, places = self.plays.copy(), self.last.copy(), self.places(here)
            plays[places], last[places] = some.plays, some.last
            return KnownPlays(self.track_ids, plays, last)
        stay = ~np.isin(self.track_ids, again)
        ids = np.concatenate([self.track_ids[stay], some.track_ids])
        order = np.argsort(ids, kind="stable")
        plays = np.concatenate([self.plays[stay], some.plays])[order]
        return KnownPlays(ids[order], plays, np.concatenate([self.last[stay], some.last])[order])


def when_last(last: int) -> datetime | None:
    """Return a time of `KnownPlays.last`, naive UTC."""
    found: datetime | None = np.datetime64(int(last), "us").astype(object)
    return found


def known_plays(session: Session) -> KnownPlays | None:
    """Return all plays; None where they are not kept."""
    kept = kept_of(session)
    if kept is None or kept.of_tracks is None or kept.log is None:
        return None
    known, stale = kept.plays or (None, frozenset())
    if known is None:
        known = _read(session, None)
    elif stale:
        known = known.renewed(_read(session, sorted(stale)), stale)
    kept.plays = (known, frozenset())
    return known


def _read(session: Session, track_ids: Sequence[int] | None) -> KnownPlays:
    query = select(Track.id, Track.plays, Track.last_played).order_by(Track.id)
    query = query.where(or_(Track.plays > 0, Track.last_played.is_not(None)))
    rows: list[Any] = []
    for some in [None] if track_ids is None else in_parts(track_ids):
        asked = query if some is None else query.where(Track.id.in_(some))
        rows += session.connection().execute(asked).all()
    ids, plays, last = zip(*rows, strict=True) if rows else ((), (), ())
    times = np.array(last, "datetime64[us]").astype(np.int64)
    return KnownPlays(np.array(ids, np.int64), np.array(plays, np.int64), times)
