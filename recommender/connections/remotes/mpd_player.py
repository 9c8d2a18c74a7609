"""MPD, the music player daemon: its songs, stickers, stored playlists and its queue (python-mpd2)."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import mpd

from classifier.errors import in_words
from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.answers import number
from recommender.connections.remotes.http_client import Patience
from recommender.connections.remotes.mpd_songs import STICKERS, song_of, text_of
from recommender.connections.values import RemotePlaylist, RemoteSong, plain_name
from recommender.errors import ConnectionFailedError, OneRefusedError

Answer = TypeVar("Answer")

PORT: Final = 6600
SIMILAR: Final = "deepcuts_similar"
UNFINISHED: Final = "{name} (being written by deepcuts)"
NOT_ALLOWED: Final = (mpd.FailureResponseCode.PASSWORD, mpd.FailureResponseCode.PERMISSION)


@dataclass(frozen=True)
class QueueState:
    """The queue: its songs in order, and what plays of them.

    Attributes
    ----------
    playing
        The place of the song that plays, or is paused; None where none is.
    elapsed_s, duration_s, goes_on
        How far that is, how long, and whether it goes on.
    stopped_at
        The place of the song at which somebody stopped it; None where it plays, or came to its end.
    is_last
        Whether no song follows the one that plays, in whichever order it plays them.
    """

    songs: tuple[str, ...]
    playing: int | None
    elapsed_s: float = 0.0
    duration_s: float = 0.0
    goes_on: bool = False
    stopped_at: int | None = None
    is_last: bool = False


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
                    waiting.append(text_of(item["directory"]))
                elif "file" in item:
                    yield song_of(item, states)

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
        names = [text_of(one["playlist"]) for one in self._do(lambda client: client.listplaylists())]
        return [RemotePlaylist(name, name) for name in names]

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the paths of a playlist's songs."""
        return [str(path) for path in self._do(lambda client: client.listplaylist(playlist_id))]

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        """Store a playlist: a new one gets its name once it is whole, and of one that is there nothing is
        taken out before all that comes in is known to be there.
        """
        stored = playlist_id or plain_name(name)
        written = stored if playlist_id is not None else UNFINISHED.format(name=stored)
        self._all([("lsinfo", path) for path in song_ids], again=True)
        begun = written in [one.name for one in self.playlists()]
        clear = [("playlistclear", written)] if begun else []
        self._all([*clear, *(("playlistadd", written, path) for path in song_ids)])
        if written != stored:
            self._do(lambda client: client.rename(written, stored))
        return stored

    def _all(self, commands: Sequence[tuple[str, ...]], *, again: bool = False) -> None:
        """Do commands, many at once; `again` is that of `_do`."""

        def send(client: mpd.MPDClient, some: Sequence[tuple[str, ...]]) -> None:
            client.command_list_ok_begin()
            for name, *words in some:
                getattr(client, name)(*words)
            client.command_list_end()

        for start in range(0, len(commands), params.COMMANDS_AT_ONCE):
            some = commands[start : start + params.COMMANDS_AT_ONCE]
            self._do(lambda client, these=some: send(client, these), again=again)  # type: ignore[misc]

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
            client.command_list_ok_begin()
            client.status()
            client.playlistinfo()
            status, listed = client.command_list_end()
            songs = tuple(text_of(one.get("file")) for one in listed)
            place = int(status["song"]) if "song" in status else None
            if place is None or status.get("state") == "stop":
                return QueueState(songs, None, stopped_at=None if "error" in status else place)
            far_s, long_s = (number(status.get(name)) or 0.0 for name in ("elapsed", "duration"))
            goes_on, is_last = status["state"] == "play", "nextsong" not in status
            return QueueState(songs, place, far_s, long_s, goes_on, is_last=is_last)

        return self._do(read)

    def append(self, song_id: str) -> None:
        """Put a song at the end of the queue; where the answer was lost, it is looked whether it is there."""
        tries = 0

        def add(client: mpd.MPDClient) -> None:
            nonlocal tries
            tries += 1
            if tries == 1 or song_id not in [text_of(one.get("file")) for one in client.playlistinfo()]:
                client.add(song_id)

        self._do(add)

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

    def _do(self, act: Callable[[mpd.MPDClient], Answer], *, again: bool = True) -> Answer:
        """Return what an act returns; a player that is gone is looked for again.

        Parameters
        ----------
        again
            Whether doing it twice does no harm. Else it is looked for again before the act alone.
        """
        wait_s = self._patience.backoff_s
        for left in reversed(range(self._patience.tries)):
            begun = False
            try:
                client = self._connected()
                begun = True
                return act(client)
            except mpd.CommandError as error:
                raise self._refused(error) from error
            except (OSError, mpd.MPDError) as error:
                self.close()
                if not left or (begun and not again):
                    words = in_words(error) if isinstance(error, OSError) else str(error)
                    raise ConnectionFailedError(
                        f"{self._url} cannot be reached ({words}): is MPD running, and does it listen there "
                        "(bind_to_address)?"
                    ) from error
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, params.LONGEST_BACKOFF_S)
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

    def _refused(self, error: mpd.CommandError) -> ConnectionFailedError:
        said = " ".join(str(error).split())
        if error.errno in NOT_ALLOWED:
            return ConnectionFailedError(
                f"{self._url} wants a password, or another one: connect again with --password"
            )
        return OneRefusedError(f"{self._url} says: {said.partition('} ')[2] or said}")


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConnectionFailedError(f"{url} is no address: {error}") from error
    if parts.scheme != "mpd" or parts.password or not (host or parts.path.strip("/")):
        raise ConnectionFailedError(f"'{url}' is no player: mpd://host, mpd://host:6600 or mpd:///path")
    return (host, port or PORT) if host else (parts.path, 0)
