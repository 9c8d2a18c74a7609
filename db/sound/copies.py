"""Which tracks hold the same audio, by its hash."""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.kept import known_of_tracks
from db.models import Track
from db.values import PACKET_DIGITS, known_as


def ids_with_content(session: Session, content_hash: str) -> list[int]:
    """Return the ids of the tracks whose audio has a hash, as `db.tracks.with_content`."""
    query = select(Track.id).where(Track.content_hash.in_(known_as(content_hash)))
    return list(session.scalars(query))


def copies_of(session: Session, content_hash: str) -> list[int]:
    """Return the ids of the same tracks, or none where only the one has the hash that it was taken from."""
    several = known_of_tracks(session, "several of a content", lambda: _shared(session))
    if several is not None and content_hash not in several:
        return []
    return ids_with_content(session, content_hash)


def _shared(session: Session) -> set[str]:
    """Return the hashes that several tracks are known by; most begin as no other does, and are not read."""
    packets = func.substr(Track.content_hash, 1, PACKET_DIGITS)
    begun = select(packets).where(Track.content_hash.is_not(None)).group_by(packets).having(func.count() > 1)
    counts = Counter(session.scalars(select(Track.content_hash).where(packets.in_(begun))))
    return {one for one in counts if one and sum(counts[name] for name in known_as(one)) > 1}
