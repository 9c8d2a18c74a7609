"""What was given to those who ask again and again for songs like the same one, for some hours."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy import delete
from sqlalchemy.orm import Session

from db.listening.tables import SimilarGiven
from db.values import utc_now

FORGOTTEN: Final = timedelta(hours=6)
"""After so long without being asked it begins anew."""
MOST_GIVEN: Final = 5000
"""So many are remembered of one who asks, the last ones."""


def key_of(*words: str) -> str:
    """Return what stands for who asks, by which player, for what."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def given_before(session: Session, asked: str, now: datetime | None = None) -> list[int]:
    """Return the ids of the tracks that were given already, in order; none once they are forgotten."""
    found = session.get(SimilarGiven, asked)
    if found is None or found.at < (now or utc_now()) - FORGOTTEN:
        return []
    return [int(track_id) for track_id in np.frombuffer(found.given, "<i4")]


def note_given(session: Session, asked: str, track_ids: Sequence[int], now: datetime | None = None) -> None:
    """Note all that was given to one who asks, and forget what is to be forgotten."""
    at = now or utc_now()
    session.execute(delete(SimilarGiven).where(SimilarGiven.at < at - FORGOTTEN))
    given = np.array(track_ids, "<i4").tobytes()
    session.merge(SimilarGiven(asked=asked, given=given, at=at))
    session.flush()
