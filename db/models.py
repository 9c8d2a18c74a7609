"""The catalogue's tables."""

import os
import re
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from db.file_range import FileRange, range_of
from db.values import utc_now

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


LARGEST = 2**31 - 1
"""Of what an INTEGER column holds on PostgreSQL: an id, a year, a count of plays."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class FilePath(TypeDecorator[str]):
    """A path as the file system has it: kept as bytes, since a file name need not be valid UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encode as the operating system does."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Decode as the operating system does."""
        return None if value is None else os.fsdecode(bytes(value))


class Words(TypeDecorator[str]):
    """Text as any database can keep it.

    PostgreSQL refuses NUL characters, and no database keeps bytes that were not valid UTF-8 (lone
    surrogates in Python); both can come from a file's tags or name.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Leave out NUL characters; put a replacement character for each lone surrogate."""
        return None if value is None else LONE_SURROGATE.sub("\ufffd", value.replace("\0", ""))


class Base(DeclarativeBase):
    """Declarative base with named constraints, so that migrations can name them too."""

    metadata = MetaData(naming_convention=NAMING)


class Setting(Base):
    """A fact about the catalogue itself, such as the token of its present set of vectors."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Words)


class Root(Base):
    """A folder that was ingested; tracks are relative to it."""

    __tablename__ = "root"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(FilePath, unique=True)


class Measured:
    """Tempo, key, loudness and energy, each with its confidence; None where there is none, or not yet."""

    tempo_bpm: Mapped[float | None]
    tempo_confidence: Mapped[float | None]
    key: Mapped[str | None] = mapped_column(String(16))
    key_confidence: Mapped[float | None]
    loudness_lufs: Mapped[float | None]
    loudness_confidence: Mapped[float | None]
    energy: Mapped[float | None]
    energy_confidence: Mapped[float | None]


MEASURES = tuple(Measured.__annotations__)


class Track(Measured, Base):
    """A file of the library, or a part of one: where it is, what its tags say, and how its analysis went.

    A track that a cue sheet cuts out of a file has `range_start_s`, and `range_end_s` but where it goes on
    to the file's end; `sheet_hash` is of what the sheet says about it. Of a whole file all three are None.
    `added` is when it came into the catalogue, None where that was before this was noted.

    `content_hash` is a hash of the encoded audio packets, None until they could be read.
    `error_kind` is set while the file, as last seen, could not be analysed. `analysed_hash` is the
    content that the track's segments belong to. `tags_version` is that of the reader which read the tags;
    of an older one they are read again, and with `measures_version` the audio is. `picture_hash` is of the
    picture in the file, empty where there is none, None until it was looked for. `label` is the user's,
    with its source; the file's own genres are in `file_genres`, those among them that its private field says
    were written by any home's `tag --write` in `own_genres`; what the model says is in the prediction table.
    """

    __tablename__ = "track"
    __table_args__ = (
        UniqueConstraint("root_id", "rel_path"),
        Index(None, "content_hash"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    root_id: Mapped[int] = mapped_column(ForeignKey("root.id", ondelete="CASCADE"))
    rel_path: Mapped[str] = mapped_column(FilePath)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    content_hash: Mapped[str | None] = mapped_column(String(40))
    analysed_hash: Mapped[str | None] = mapped_column(String(40))
    missing: Mapped[bool] = mapped_column(default=False)
    range_start_s: Mapped[float | None] = mapped_column(Float)
    range_end_s: Mapped[float | None] = mapped_column(Float)
    sheet_hash: Mapped[str | None] = mapped_column(String(32))

    title: Mapped[str] = mapped_column(Words, default="")
    artist: Mapped[str] = mapped_column(Words, default="")
    album: Mapped[str] = mapped_column(Words, default="")
    album_artist: Mapped[str] = mapped_column(Words, default="", server_default="")
    track_number: Mapped[int | None] = mapped_column(Integer)
    disc_number: Mapped[int | None] = mapped_column(Integer)
    year: Mapped[int | None] = mapped_column(Integer)
    file_genres: Mapped[list[str]] = mapped_column(JSON, default=list)
    own_genres: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    search_text: Mapped[str] = mapped_column(Words, default="")
    duration_s: Mapped[float | None] = mapped_column(Float)
    picture_hash: Mapped[str | None] = mapped_column(String(32))
    tags_version: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    measures_version: Mapped[int] = mapped_column(Integer, default=0, server_default="0")

    label: Mapped[str | None] = mapped_column(Words)
    label_source: Mapped[str | None] = mapped_column(String(16))
    label_group: Mapped[str | None] = mapped_column(Words)

    plays: Mapped[int] = mapped_column(default=0)
    last_played: Mapped[datetime | None]
    added: Mapped[datetime | None] = mapped_column(default=utc_now)

    warning: Mapped[str | None] = mapped_column(Words)
    error_kind: Mapped[str | None] = mapped_column(String(32))
    error_message: Mapped[str | None] = mapped_column(Words)

    root: Mapped[Root] = relationship(lazy="joined")
    segments: Mapped[list["Segment"]] = relationship(
        order_by="Segment.start_s", cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def path(self) -> str:
        """The absolute path that the catalogue knows it by: the file's, of a part its number behind."""
        return os.path.join(self.root.path, self.rel_path)

    @property
    def file_range(self) -> FileRange:
        """The file that holds its audio, and from where to where."""
        return range_of(self.path, self.range_start_s, self.range_end_s)


class Segment(Measured, Base):
    """A part of a track, by default of 30 s; a silent one has no features."""

    __tablename__ = "segment"
    __table_args__ = (Index(None, "track_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))
    start_s: Mapped[float]
    end_s: Mapped[float]
    level_dbfs: Mapped[float]
    silent: Mapped[bool]

    features: Mapped[list["Feature"]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class Feature(Base):
    """What a trunk says of a segment, as little-endian arrays.

    `embedding` and `tags` are float32; `patches` is float16, (patches, dimensions).
    """

    __tablename__ = "feature"

    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True)
    trunk_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    embedding: Mapped[bytes]
    tags: Mapped[bytes]
    patches: Mapped[bytes]


class Prediction(Base):
    """What a bundle's head says of a segment: float32 genre probabilities in the bundle's order."""

    __tablename__ = "prediction"

    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id", ondelete="CASCADE"), primary_key=True)
    bundle_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    genres: Mapped[bytes]


class TagWrite(Base):
    """What was written into the tags of a track's file, and what was there before.

    Attributes
    ----------
    action
        ``write``, or ``undo`` of all writes of the track before it.
    state
        ``begun`` until it is known whether the file was replaced, then ``done``; ``undone`` once it was
        taken back.
    begun_at
        Naive UTC.
    target, temporary
        The file itself, links resolved, and the copy beside it that is to take its place.
    before, after
        The fields that were touched, byte for byte, as `recommender.file_tags.formats` reads them.
    """

    __tablename__ = "tag_write"
    __table_args__ = (Index(None, "track_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))
    action: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(8))
    begun_at: Mapped[datetime]
    target: Mapped[str] = mapped_column(FilePath)
    temporary: Mapped[str] = mapped_column(FilePath)
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)


class Playlist(Base):
    """A list of tracks that a person made; times are naive UTC. Its id never becomes another's."""

    __tablename__ = "playlist"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - as SQLAlchemy has it

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Words)
    comment: Mapped[str] = mapped_column(Words, default="")
    owner: Mapped[str] = mapped_column(Words, default="")
    public: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime]
    changed: Mapped[datetime]


class PlaylistTrack(Base):
    """A track of a playlist; positions ascend, and need not be without gaps."""

    __tablename__ = "playlist_track"
    __table_args__ = (Index(None, "track_id"),)

    playlist_id: Mapped[int] = mapped_column(
        ForeignKey("playlist.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    track_id: Mapped[int] = mapped_column(ForeignKey("track.id", ondelete="CASCADE"))


class Favourite(Base):
    """What a person starred or rated: a song, album or artist, by the id that players know it by."""

    __tablename__ = "favourite"

    item: Mapped[str] = mapped_column(String(64), primary_key=True)
    starred: Mapped[datetime | None]
    rating: Mapped[int | None] = mapped_column(Integer)
