"""Which tracks hold the same audio, by its hash."""

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
    """Return the ids of the same tracks, or none where a single one has the hash."""
    several = known_of_tracks(session, "several of a content", lambda: _shared(session))
    if several is not None and content_hash[:PACKET_DIGITS] not in several:
        return []
    return ids_with_content(session, content_hash)


def _shared(session: Session) -> set[str]:
    """Return the beginnings of hashes that several tracks have."""
    packets = func.substr(Track.content_hash, 1, PACKET_DIGITS).label("packets")
    query = select(packets).where(Track.content_hash.is_not(None)).group_by("packets")
    return set(session.scalars(query.having(func.count() > 1)))
