"""Connections to servers and players: which there are, what was matched and taken in, what was written.

No password is here: those are in a file of the home (`recommender.connections.credentials`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.models import Base, Words
from db.values import in_parts, utc_now


class Connection(Base):
    """A server, player or folder that this catalogue was connected to; times are naive UTC."""

    __tablename__ = "connection"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(Words)
    created: Mapped[datetime]
    synced: Mapped[datetime | None]


class ConnectionSong(Base):
    """A song of a connection, the track that it is, and what it said the last time.

    Attributes
    ----------
    described
        A hash of what names the song there; where it is another, the song is matched anew.
    how
        ``path``, ``musicbrainz`` or ``names`` by which it was matched; ``doubtful`` or ``unmatched``.
    plays, last_played, starred, rating
        As they were there; None where it did not say.
    artist_id
        By which its artist is known there; None where that is not said, or was not asked for yet.
    """

    __tablename__ = "connection_song"
    __table_args__ = (Index(None, "track_id"),)

    connection: Mapped[str] = mapped_column(
        ForeignKey("connection.name", ondelete="CASCADE"), primary_key=True
    )
    remote_id: Mapped[str] = mapped_column(Words, primary_key=True)
    track_id: Mapped[int | None] = mapped_column(ForeignKey("track.id", ondelete="SET NULL"))
    described: Mapped[str] = mapped_column(String(32))
    how: Mapped[str] = mapped_column(String(16))
    plays: Mapped[int | None] = mapped_column(BigInteger)
    last_played: Mapped[datetime | None]
    starred: Mapped[datetime | None]
    rating: Mapped[int | None] = mapped_column(Integer)
    artist_id: Mapped[str | None] = mapped_column(Words)


class ConnectionPlaylist(Base):
    """A playlist that was written to a connection: its id there, and a hash of its songs as written."""

    __tablename__ = "connection_playlist"

    connection: Mapped[str] = mapped_column(
        ForeignKey("connection.name", ondelete="CASCADE"), primary_key=True
    )
    remote_id: Mapped[str] = mapped_column(Words, primary_key=True)
    name: Mapped[str] = mapped_column(Words)
    written: Mapped[str] = mapped_column(String(32))
    changed: Mapped[datetime]


@dataclass(frozen=True)
class SongThere:
    """A song of a connection that is a track; the values of its row."""

    connection: str
    remote_id: str
    track_id: int
    how: str
    artist_id: str | None


def connections(session: Session) -> list[Connection]:
    """Return all connections by name."""
    return list(session.scalars(select(Connection).order_by(Connection.name)))


def get_connection(session: Session, name: str) -> Connection | None:
    """Return a connection, or None where none has the name."""
    return session.get(Connection, name)


def add_connection(session: Session, name: str, kind: str, url: str) -> Connection:
    """Note a connection; one of that name gets the new address, and of another kind begins anew."""
    known = session.get(Connection, name)
    if known is not None and known.kind != kind:
        remove_connection(session, known)
        known = None
    if known is None:
        known = Connection(name=name, kind=kind, url=url, created=utc_now())
        session.add(known)
    known.url = url
    session.flush()
    return known


def remove_connection(session: Session, connection: Connection) -> None:
    """Forget a connection and what was matched for it; what was taken in stays."""
    session.delete(connection)
    session.flush()


def counts_of(session: Session) -> dict[str, dict[str, int]]:
    """Return how many songs of each connection were matched in which way."""
    query = select(ConnectionSong.connection, ConnectionSong.how, func.count())
    found: dict[str, dict[str, int]] = {}
    for name, how, songs in session.execute(query.group_by(ConnectionSong.connection, ConnectionSong.how)):
        found.setdefault(name, {})[how] = songs
    return found


def known_songs_of(session: Session, name: str) -> dict[str, ConnectionSong]:
    """Return what is known of a connection's songs, by their ids there."""
    query = select(ConnectionSong).where(ConnectionSong.connection == name)
    return {song.remote_id: song for song in session.scalars(query)}


def keep_songs(session: Session, name: str, songs: Iterable[ConnectionSong], gone: Sequence[str]) -> None:
    """Keep what is new of a connection's songs, and forget those that are not there any more."""
    session.add_all(songs)
    for some in in_parts(gone):
        of_them = ConnectionSong.connection == name, ConnectionSong.remote_id.in_(some)
        session.execute(delete(ConnectionSong).where(*of_them))
    session.flush()


def remote_ids(session: Session, name: str, preference: Mapping[str, int]) -> dict[int, str]:
    """Return by which song of a connection each track is known there, the one matched in the best way.

    Parameters
    ----------
    preference
        Of the ways of matching that count: the lower, the better.
    """
    query = select(ConnectionSong).where(
        ConnectionSong.connection == name, ConnectionSong.track_id.is_not(None)
    )
    best: dict[int, tuple[int, str]] = {}
    for song in session.scalars(query):
        if song.how in preference and song.track_id is not None:
            found = preference[song.how], song.remote_id
            best[song.track_id] = min(best.get(song.track_id, found), found)
    return {track_id: remote_id for track_id, (_, remote_id) in best.items()}


def songs_there(
    session: Session, name: str | None = None, remote_id: str | None = None, artist_id: str | None = None
) -> list[SongThere]:
    """Return the matched songs of a connection, or of all; those alone that have an id or an artist's id."""
    song = ConnectionSong
    query = select(song.connection, song.remote_id, song.track_id, song.how, song.artist_id).order_by(
        song.connection, song.remote_id
    )
    query = query.where(song.track_id.is_not(None))
    for column, wanted in ((song.connection, name), (song.remote_id, remote_id), (song.artist_id, artist_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [SongThere(a, b, c, how, e) for a, b, c, how, e in session.execute(query) if c is not None]


def written_playlists(session: Session, name: str) -> dict[str, ConnectionPlaylist]:
    """Return the playlists that were written to a connection, by their ids there."""
    query = select(ConnectionPlaylist).where(ConnectionPlaylist.connection == name)
    return {one.remote_id: one for one in session.scalars(query)}


def note_playlist(session: Session, connection: str, remote_id: str, name: str, written: str) -> None:
    """Note that a playlist was written to a connection."""
    session.merge(
        ConnectionPlaylist(
            connection=connection, remote_id=remote_id, name=name, written=written, changed=utc_now()
        )
    )
    session.flush()
