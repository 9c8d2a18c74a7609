"""Songs and artists as another server calls them: its connection says which tracks they are, and back."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.orm import Session

from db.connections import SongThere, connections, songs_there
from recommender.connections.matching import PREFERENCE

LISTED = 5
"""Names of connections in an error."""


class UnansweredError(Exception):
    """A request that cannot be answered, and why."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True)
class Items:
    """The songs of a connection that are tracks."""

    songs: list[SongThere]

    @cached_property
    def of_tracks(self) -> dict[int, SongThere]:
        """By which song each track is known there: the one that was matched in the best way."""
        best: dict[int, SongThere] = {}
        for song in self.songs:
            known = best.setdefault(song.track_id, song)
            if _rank(song) < _rank(known):
                best[song.track_id] = song
        return best

    def tracks_by(self, artist: str) -> list[int]:
        """Return the tracks of an artist, who is named by an id there."""
        return [track_id for track_id, song in self.of_tracks.items() if song.artist_id == artist]

    def unknown_there(self, track_ids: Collection[int]) -> frozenset[int]:
        """Return which of some tracks are no song there."""
        return frozenset(track_ids) - self.of_tracks.keys()


def _rank(song: SongThere) -> tuple[int, str]:
    return PREFERENCE[song.how], song.remote_id


def items_with(session: Session, server: str, item_id: str) -> tuple[Items, int]:
    """Return the songs of the connection that knows an id, and the track that it is.

    Parameters
    ----------
    server
        Name of the connection; "" for whichever knows the id.

    Raises
    ------
    UnansweredError
        If none does, or several do and mean different tracks.
    """
    found = _matched(session, server, remote_id=item_id)
    if not found:
        raise UnansweredError(404, f"no connection knows the song '{item_id}' as a track: deepcuts sync")
    _check_one(found, {song.track_id for song in found})
    return items_of(session, found[0].connection), found[0].track_id


def items_with_artist(session: Session, server: str, artist_id: str) -> tuple[Items, list[int]]:
    """Return the songs of the connection that knows an artist's id, and the artist's tracks.

    Raises
    ------
    UnansweredError
        As of `items_with`.
    """
    found = _matched(session, server, artist_id=artist_id)
    if not found:
        raise UnansweredError(404, f"no connection knows the artist '{artist_id}': deepcuts sync")
    _check_one(found, {song.connection for song in found})
    items = items_of(session, found[0].connection)
    return items, items.tracks_by(artist_id)


def items_of(session: Session, connection: str) -> Items:
    """Return the songs of a connection."""
    return Items([song for song in songs_there(session, connection) if song.how in PREFERENCE])


def _matched(session: Session, server: str, **named: str) -> list[SongThere]:
    if server and server not in (known := [one.name for one in connections(session)]):
        there = ", ".join(known[:LISTED]) or "none"
        raise UnansweredError(400, f"no connection is called '{server}'; there are: {there}")
    return [song for song in songs_there(session, server or None, **named) if song.how in PREFERENCE]


def _check_one(found: list[SongThere], meant: Collection[object]) -> None:
    if len(meant) > 1:
        names = sorted({song.connection for song in found})[:LISTED]
        raise UnansweredError(
            400, f"several connections know it; name one as the plugin's server: {', '.join(names)}"
        )
