"""MPD, the music player daemon: its songs, stickers, stored playlists and its queue (python-mpd2)."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import mpd

from classifier.errors import in_words
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.answers import count, number, state_of, time_of
from recommender.connections.remotes.http_client import Patience
from recommender.connections.values import RemotePlaylist, RemoteSong, SongState, plain_name
from recommender.errors import ConnectionFailedError

Answer = TypeVar("Answer")

PORT: Final = 6600
BEST_RATING: Final = 10
"""What clients that rate write at most into the sticker; two a star."""
LOVED: Final = 2
"""Of the sticker 'like': 0 is hated, 1 is nothing."""
NOT_SAID: Final = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""When a song was starred, of a player that keeps no time of it."""
SIMILAR: Final = "deepcuts_similar"
STICKERS: Final = ("playCount", "lastPlayed", "rating", "like")


@dataclass(frozen=True)
class QueueState:
    """The queue: its songs in order, and what plays of them.

    Attributes
    ----------
    playing
        The place of the song that plays, or is paused; None where none is.
    elapsed_s, duration_s, goes_on
        How far that is, how long, and whether it goes on.
    """

    songs: tuple[str, ...]
    playing: int | None
    elapsed_s: float = 0.0
    duration_s: float = 0.0
    goes_on: bool = False


class MpdPlayer:
    """A player at ``mpd://host[:port]`` or, by a socket of this machine, ``mpd:///path``.

    Parameters
    ----------
    url
        Its address.
    credentials
        Its password, if it asks for one; it has no users.
    patience
        How long and how often it is tried.

    Raises
    ------
    ConnectionFailedError
        If the address is none.
    """

    def __init__(self, url: str, credentials: Credentials, patience: Patience | None = None) -> None:
        self._url = url
        self._where = _place(url)
        self._password = credentials.password
        self._patience = patience or Patience()
        self._client: mpd.MPDClient | None = None

    def check(self) -> str:
        """Return its protocol's version."""
        return self._do(lambda client: f"MPD {client.mpd_version}")

    def songs(self) -> Iterator[RemoteSong]:
        """Yield the songs of its database, folder by folder, with what stickers say of them."""
        states = self._states()
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            for item in self._do(lambda client, of=folder: client.lsinfo(of)):  # type: ignore[misc]
                if "directory" in item:
                    waiting.append(_text(item["directory"]))
                elif "file" in item:
                    yield _song(item, states)

    def _states(self) -> dict[str, dict[str, str]]:
        """Return the stickers of songs by their paths; none where it keeps no stickers."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for name in STICKERS:
            try:
                stickers = self._do(lambda client, of=name: client.sticker_find("song", "", of))  # type: ignore[misc]
            except ConnectionFailedError as error:
                if isinstance(error.__cause__, mpd.CommandError):
                    return {}
                raise
            for sticker in stickers:
                found[sticker["file"]][name] = sticker["sticker"].partition("=")[2]
        return found

    def playlists(self) -> list[RemotePlaylist]:
        """Return its stored playlists, each known by its name."""
        names = [_text(one["playlist"]) for one in self._do(lambda client: client.listplaylists())]
        return [RemotePlaylist(name, name) for name in names]

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the paths of a playlist's songs."""
        return [str(path) for path in self._do(lambda client: client.listplaylist(playlist_id))]

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        """Store a playlist, in one list of commands."""
        stored = playlist_id or plain_name(name)

        def write(client: mpd.MPDClient) -> None:
            client.command_list_ok_begin()
            if playlist_id is not None:
                client.playlistclear(stored)
            for path in song_ids:
                client.playlistadd(stored, path)
            client.command_list_end()

        self._do(write)
        return stored

    def set_similar(self, song_id: str, similar: Sequence[str]) -> bool:
        """Note in a sticker, as JSON, which songs sound like one."""
        value = json.dumps(list(similar), ensure_ascii=False)
        try:
            self._do(lambda client: client.sticker_set("song", song_id, SIMILAR, value))
        except ConnectionFailedError as error:
            if isinstance(error.__cause__, mpd.CommandError):
                return False
            raise
        return True

    def queue(self) -> QueueState:
        """Return the queue as it is now."""

        def read(client: mpd.MPDClient) -> QueueState:
            status = client.status()
            songs = tuple(_text(one.get("file")) for one in client.playlistinfo())
            plays = status.get("state") != "stop" and "song" in status
            if not plays:
                return QueueState(songs, None)
            far_s, long_s = (number(status.get(name)) or 0.0 for name in ("elapsed", "duration"))
            return QueueState(songs, int(status["song"]), far_s, long_s, status["state"] == "play")

        return self._do(read)

    def append(self, song_id: str) -> None:
        """Put a song at the end of the queue; it may be there twice if the answer is lost."""
        self._do(lambda client: client.add(song_id))

    def play(self) -> None:
        """Play what was put in last, where nothing plays."""

        def begin(client: mpd.MPDClient) -> None:
            status = client.status()
            if status.get("state") == "stop":
                client.play(max(0, int(status["playlistlength"]) - 1))

        self._do(begin)

    def wait(self, seconds: float) -> None:
        """Wait until the queue or what plays is another, but no longer than some seconds."""

        def idle(client: mpd.MPDClient) -> None:
            client.idletimeout = seconds
            try:
                client.idle("player", "playlist")
            except TimeoutError:
                self.close()  # an answer that comes later is nobody's

        self._do(idle)

    def close(self) -> None:
        """Leave it."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()

    def _do(self, act: Callable[[mpd.MPDClient], Answer]) -> Answer:
        """Return what an act returns; a player that is gone is looked for again."""
        wait_s = self._patience.backoff_s
        for left in reversed(range(self._patience.tries)):
            try:
                return act(self._connected())
            except mpd.CommandError as error:
                raise ConnectionFailedError(self._refused(error)) from error
            except (OSError, mpd.MPDError) as error:
                self.close()
                if not left:
                    words = in_words(error) if isinstance(error, OSError) else str(error)
                    raise ConnectionFailedError(
                        f"{self._url} cannot be reached ({words}): is MPD running, and does it listen there "
                        "(bind_to_address)?"
                    ) from error
            time.sleep(wait_s)
            wait_s *= 2
        raise AssertionError

    def _connected(self) -> mpd.MPDClient:
        if self._client is None:
            client = mpd.MPDClient()
            client.timeout = self._patience.timeout_s
            client.connect(*self._where)
            self._client = client
            if self._password:
                client.password(self._password)
        return self._client

    def _refused(self, error: mpd.CommandError) -> str:
        said = str(error)
        if "permission" in said or "password" in said:
            return f"{self._url} wants a password, or another one: connect again with --password"
        return f"{self._url} says: {said.partition('} ')[2] or said}"


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConnectionFailedError(f"{url} is no address: {error}") from error
    if parts.scheme != "mpd" or parts.password or not (host or parts.path.strip("/")):
        raise ConnectionFailedError(f"'{url}' is no player: mpd://host, mpd://host:6600 or mpd:///path")
    return (host, port or PORT) if host else (parts.path, 0)


def _text(value: Any) -> str:
    """Return the first text of a field, of which there may be several."""
    return str(value[0] if isinstance(value, list) and value else value or "")


def _song(item: dict[str, Any], states: dict[str, dict[str, str]]) -> RemoteSong:
    path = _text(item["file"])
    said = states.get(path, {})
    last_played = time_of(said.get("lastPlayed"))
    loved = count(said.get("like")) == LOVED
    artists = item.get("artist") or item.get("albumartist") or ""
    return RemoteSong(
        id=path,
        path=path,
        title=_text(item.get("title")),
        artist="; ".join(artists) if isinstance(artists, list) else str(artists),
        album=_text(item.get("album")),
        duration_s=number(item.get("duration") or item.get("time")) or None,
        musicbrainz=_text(item.get("musicbrainz_trackid")).lower(),
        state=state_of(
            SongState(
                count(said.get("playCount")),
                last_played,
                NOT_SAID if loved else None,
            ),
            number(said.get("rating")),
            BEST_RATING,
        ),
    )
