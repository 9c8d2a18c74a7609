"""What is asked of a server or player, and what it answers: the one interface of all kinds of connections."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final, Protocol

LONGEST_NAME: Final = 200
"""Bytes of a list's name as a file's."""


@dataclass(frozen=True)
class SongState:
    """What somebody did with a song there.

    Attributes
    ----------
    plays
        How often it was played; None where that is not said.
    last_played, starred
        Naive UTC; None where never, or not said.
    rating
        1 to 5, None for none.
    """

    plays: int | None = None
    last_played: datetime | None = None
    starred: datetime | None = None
    rating: int | None = None


@dataclass(frozen=True)
class RemoteSong:
    """A song as a server or player knows it; what it does not say is empty or None.

    Attributes
    ----------
    id
        By which it is known there.
    path
        Of its file, relative to wherever; it need not be the real one.
    musicbrainz
        Id of the recording at MusicBrainz, in lower case.
    artist_id
        By which the artist is known there; it names nothing anywhere else.
    added
        When it came to the server, naive UTC; None where that is not said.
    """

    id: str
    path: str = ""
    title: str = ""
    artist: str = ""
    album: str = ""
    duration_s: float | None = None
    musicbrainz: str = ""
    state: SongState = SongState()
    artist_id: str = ""
    added: datetime | None = None

    @property
    def described(self) -> str:
        """A hash of all that names the song; its state is none of that."""
        return hash_of((self.path, self.title, self.artist, self.album, self.duration_s, self.musicbrainz))

    @property
    def named(self) -> str:
        """The song in words: artist and title, else its path."""
        words = " - ".join(filter(None, (self.artist, self.title)))
        return words if self.title else self.path or self.id


@dataclass(frozen=True)
class RemotePlaylist:
    """A playlist there; whether whoever is connected may change it."""

    id: str
    name: str
    mine: bool = True


class Remote(Protocol):
    """A server, player or folder: the few acts that are asked of each kind.

    Each raises a `ConnectionFailedError` whose text says in one line what is wrong and what to do.
    """

    def check(self) -> str:
        """Return what answers, in words, after user and password were tried."""

    def songs(self) -> Iterator[RemoteSong]:
        """Yield all its songs with their state, each once."""

    def playlists(self) -> list[RemotePlaylist]:
        """Return its playlists."""

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the ids of a playlist's songs, in order."""

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        """Make a playlist, or put other songs into one, and return its id."""

    def set_similar(self, song_id: str, similar: Sequence[str]) -> bool:
        """Note which songs sound like one, the most alike first; False where it has no place for that."""

    def close(self) -> None:
        """Close what is open."""


def plain_name(name: str) -> str:
    """Return the name of a list as a file's can be: no folders or lines in it, not hidden, not too long."""
    plain = re.sub(r"[/\\\x00-\x1f]", "_", name).strip()
    cut = plain.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore").strip()
    return f"_{cut}" if cut.startswith(".") else cut or "_"


def hash_of(value: object) -> str:
    """Return a short hash of plain values, the same in every process."""
    return blake2b(repr(value).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
