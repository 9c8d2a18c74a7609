"""The tables of what listening leaves with the catalogue: where players are in what, and shortlists.

Times are naive UTC; `owner` is the user whose it is.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from db.models import Base, Words


class PlayQueue(Base):
    """What somebody is listening to: the queue's current song, by its place, and the milliseconds into it."""

    __tablename__ = "play_queue"

    owner: Mapped[str] = mapped_column(Words, primary_key=True)
    current: Mapped[int | None] = mapped_column(Integer)
    position_ms: Mapped[int] = mapped_column(BigInteger)
    changed: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Words)


class PlayQueueTrack(Base):
    """A track of a queue; places ascend, and need not be without gaps."""

    __tablename__ = "play_queue_track"
    __table_args__ = (Index(None, "track_id"),)

    owner: Mapped[str] = mapped_column(ForeignKey("play_queue.owner", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))


class Bookmark(Base):
    """A moment of a track, in milliseconds, that somebody wants to come back to."""

    __tablename__ = "bookmark"
    __table_args__ = (Index(None, "track_id"),)

    owner: Mapped[str] = mapped_column(Words, primary_key=True)
    track_id: Mapped[int] = mapped_column(
        ForeignKey("track.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position_ms: Mapped[int] = mapped_column(BigInteger)
    comment: Mapped[str] = mapped_column(Words)
    created: Mapped[datetime]
    changed: Mapped[datetime]


class NowPlaying(Base):
    """The track that a player of somebody's began last."""

    __tablename__ = "now_playing"
    __table_args__ = (Index(None, "track_id"),)

    owner: Mapped[str] = mapped_column(Words, primary_key=True)
    player: Mapped[str] = mapped_column(Words, primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))
    began: Mapped[datetime]


class Shortlist(Base):
    """Songs that somebody chose for a purpose. Its id never becomes another's."""

    __tablename__ = "shortlist"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - as SQLAlchemy has it

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Words)
    owner: Mapped[str] = mapped_column(Words, default="")
    created: Mapped[datetime]
    changed: Mapped[datetime]


class ShortlistEntry(Base):
    """A song of a shortlist: the passage of it that matched which passage of what was asked for, and a note.

    Positions ascend, and need not be without gaps; an entry's id never becomes another's. `query_track_id` is
    None where the query was no song of the catalogue, or is gone from it; `query_name` is what it was called.
    """

    __tablename__ = "shortlist_entry"
    __table_args__ = (
        Index(None, "shortlist_id", "position"),
        Index(None, "track_id"),
        Index(None, "query_track_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    shortlist_id: Mapped[int] = mapped_column(ForeignKey("shortlist.id", ondelete="CASCADE"))
    position: Mapped[int]
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))
    query_track_id: Mapped[int | None] = mapped_column(ForeignKey("track.id", ondelete="SET NULL"))
    query_name: Mapped[str] = mapped_column(Words, default="")
    query_start_s: Mapped[float | None]
    query_end_s: Mapped[float | None]
    match_start_s: Mapped[float | None]
    match_end_s: Mapped[float | None]
    similarity: Mapped[float | None]
    note: Mapped[str] = mapped_column(Words, default="")
    added: Mapped[datetime]
