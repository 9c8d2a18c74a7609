"""The tables of what players leave with the catalogue: where somebody is in what, and what is being played.

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
