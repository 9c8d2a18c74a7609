"""Bookmarks: moments of tracks that somebody wants to come back to."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.listening.tables import Bookmark
from db.models import Track
from db.values import utc_now


def set_bookmark(session: Session, owner: str, track_id: int, position_ms: int, comment: str = "") -> None:
    """Set somebody's bookmark of a track, in place of the one that was there."""
    now = utc_now()
    row = session.get(Bookmark, (owner, track_id))
    if row is None:
        row = Bookmark(owner=owner, track_id=track_id, created=now)
        session.add(row)
    row.position_ms, row.comment, row.changed = position_ms, comment, now
    session.flush()


def remove_bookmark(session: Session, owner: str, track_id: int) -> None:
    """Remove somebody's bookmark of a track, if there is one."""
    session.execute(delete(Bookmark).where(Bookmark.owner == owner, Bookmark.track_id == track_id))


def bookmarks_of(session: Session, owner: str) -> list[tuple[Bookmark, Track]]:
    """Return somebody's bookmarks of tracks that are present, the last one first."""
    query = (
        select(Bookmark, Track)
        .join(Track, Track.id == Bookmark.track_id)
        .where(Bookmark.owner == owner, Track.missing.is_(False))
        .order_by(Bookmark.changed.desc(), Bookmark.track_id)
    )
    return [(mark, track) for mark, track in session.execute(query)]
