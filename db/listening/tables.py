"""The tables of what listening leaves with the catalogue: where players are, lists, mixes, radios, the map.

Times are naive UTC; `owner` is the user whose it is.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
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
    """The track that a player of somebody's began last.

    Of a player that reports what it does: its last report, and when that came; `heard_ms` is how much of the
    track was heard, None once that is counted as a play.
    """

    __tablename__ = "now_playing"
    __table_args__ = (Index(None, "track_id"),)

    owner: Mapped[str] = mapped_column(Words, primary_key=True)
    player: Mapped[str] = mapped_column(Words, primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))
    began: Mapped[datetime]
    state: Mapped[str | None] = mapped_column(String(8))
    position_ms: Mapped[int | None] = mapped_column(BigInteger)
    rate: Mapped[float | None]
    reported: Mapped[datetime | None]
    heard_ms: Mapped[int | None] = mapped_column(BigInteger)


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


class Mix(Base):
    """Songs of the library that belong together, named. Its id never becomes another's.

    `kind` says what brings them together: ``sound``, or the list of `recommender.mixes` that it is.
    `members` are the ids of all tracks that belong to it, as little-endian int32, and `centre` is their mean
    direction as float32, by the embeddings of `trunk_id`: empty where it is no cluster. `reason` is why there
    is such a mix. `playlist_id` is the playlist that it is saved as.
    """

    __tablename__ = "mix"
    __table_args__ = (Index(None, "playlist_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(Words)
    reason: Mapped[str] = mapped_column(Words)
    trunk_id: Mapped[str] = mapped_column(String(40))
    centre: Mapped[bytes]
    members: Mapped[bytes]
    created: Mapped[datetime]
    changed: Mapped[datetime]
    playlist_id: Mapped[int | None] = mapped_column(ForeignKey("playlist.id", ondelete="SET NULL"))


class MixTrack(Base):
    """A song of a mix, in the order to listen to."""

    __tablename__ = "mix_track"
    __table_args__ = (Index(None, "track_id"),)

    mix_id: Mapped[int] = mapped_column(
        ForeignKey("mix.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))


class MapPlace(Base):
    """Where a track lies on the map, within −1..1; `content` is the audio that it was put there for."""

    __tablename__ = "map_place"

    track_id: Mapped[int] = mapped_column(
        ForeignKey("track.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    content: Mapped[str] = mapped_column(String(40))
    x: Mapped[float]
    y: Mapped[float]


class LessLike(Base):
    """A song that somebody wants to hear less like; lists that nobody asked for by a song obey it."""

    __tablename__ = "less_like"

    track_id: Mapped[int] = mapped_column(
        ForeignKey("track.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    since: Mapped[datetime]


class Radio(Base):
    """A radio: what it plays songs like, and how. Its id never becomes another's.

    Attributes
    ----------
    kind, seed
        What `seed` is, such as ``song`` or ``artist``, and which one: an id, a name or a year.
    far
        0..1: 0 stays near the seed, 1 goes on from song to song.
    discover
        0..1, how much the rarely played are favoured.
    """

    __tablename__ = "radio"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - as SQLAlchemy has it

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Words)
    owner: Mapped[str] = mapped_column(Words, default="")
    kind: Mapped[str] = mapped_column(String(16))
    seed: Mapped[str] = mapped_column(Words)
    far: Mapped[float]
    discover: Mapped[float]
    created: Mapped[datetime]
    changed: Mapped[datetime]


class RadioSong(Base):
    """A song that a radio played, why, and what the listener did with it.

    `outcome` is ``given`` until something is known, then ``finished``, ``skipped`` or ``starred``.
    """

    __tablename__ = "radio_song"
    __table_args__ = (Index(None, "track_id"),)

    radio_id: Mapped[int] = mapped_column(
        ForeignKey("radio.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(Words)
    outcome: Mapped[str] = mapped_column(String(16))
    given: Mapped[datetime]


class SmartPlaylist(Base):
    """What a playlist that keeps itself up to date is filled with.

    Attributes
    ----------
    rules
        The list that is wanted, as JSON.
    filled_from
        What tells the state of the catalogue that it was filled from; empty before the first time.
    filled
        When that was.
    problem
        Why it could not be filled from there, so that it holds what it held before; else empty.
    """

    __tablename__ = "smart_playlist"

    playlist_id: Mapped[int] = mapped_column(
        ForeignKey("playlist.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    rules: Mapped[str] = mapped_column(Words)
    filled_from: Mapped[str] = mapped_column(String(40), default="")
    filled: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(Words, default="")


class SimilarGiven(Base):
    """The songs that were given to somebody who asks again and again for songs like the same one.

    `asked` is a hash of who asks, by which player, for what; `given` are the ids of tracks as little-endian
    int32, in order.
    """

    __tablename__ = "similar_given"
    __table_args__ = (Index(None, "at"),)

    asked: Mapped[str] = mapped_column(String(40), primary_key=True)
    given: Mapped[bytes]
    at: Mapped[datetime]
