"""Servers that speak OpenSubsonic, or Subsonic as it was: Navidrome, gonic, supysonic, our own and others."""

import secrets
from collections.abc import Iterator, Sequence
from hashlib import md5
from typing import Any, Final

from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.answers import number, state_of, text, time_of
from recommender.connections.remotes.http_client import Fields, HttpClient, HttpStatusError, Patience
from recommender.connections.values import RemotePlaylist, RemoteSong, SongState
from recommender.errors import ConnectionFailedError, OneRefusedError

VERSION: Final = "1.16.1"
NO_TOKENS: Final = (0, 10, 41, 42)
"""Errors of servers that do not take a salted hash in the place of the password."""
REFUSED: Final = (40, 43, 44)
NO_SEARCH: Final = (0, 10, 30, 70)
"""Errors of servers that do not search for nothing."""
GONE: Final = 70
LONGEST: Final = 300
"""Letters of what a server says is wrong."""


class SubsonicError(OneRefusedError):
    """What a server says is wrong, with its number."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said)
        self.code = code


class SubsonicServer:
    """A server at an address: all that it knows is what its user may see.

    Parameters
    ----------
    url
        Without ``/rest``.
    credentials
        A user and a password, or a key of OpenSubsonic.
    patience
        Of `HttpClient`.
    """

    def __init__(self, url: str, credentials: Credentials, patience: Patience | None = None) -> None:
        self._http = HttpClient(url.rstrip("/").removesuffix("/rest"), patience=patience)
        self._credentials = credentials
        self._by_password = False

    def check(self) -> str:
        """Return the server's own name and version."""
        try:
            answer = self._ask("ping")
        except SubsonicError as error:
            if error.code not in NO_TOKENS or self._credentials.api_key:
                raise
            self._send_password_itself()
            answer = self._ask("ping")
        kind = text(answer.get("type")) or "Subsonic server"
        version = text(answer.get("serverVersion")) or f"API {text(answer.get('version'))}"
        return f"{kind} {version}"

    def songs(self) -> Iterator[RemoteSong]:
        """Yield all songs, page by page, as a search for nothing lists them; else album by album."""
        seen: set[str] = set()
        while found := self._page(len(seen)):
            new = [song for song in found if song.id not in seen]
            seen.update(song.id for song in new)
            yield from new
            if not new:
                break
        if not seen or found:  # it finds nothing, or the same from any place on
            yield from (song for song in self._songs_of_albums() if song.id not in seen)

    def _page(self, offset: int) -> list[RemoteSong]:
        counts = {"songCount": params.PAGE, "songOffset": offset, "artistCount": 0, "albumCount": 0}
        fields = [("query", ""), *((name, str(count)) for name, count in counts.items())]
        try:
            return _songs(self._ask("search3", fields).get("searchResult3"), "song")
        except SubsonicError as error:
            if offset or error.code not in NO_SEARCH:
                raise
            return []

    def _songs_of_albums(self) -> Iterator[RemoteSong]:
        """Yield the songs of all albums: some servers find nothing where nothing is searched for."""
        offset, seen = 0, set()
        while True:
            fields = [("type", "alphabeticalByName"), ("size", str(params.PAGE)), ("offset", str(offset))]
            listed = _list(self._ask("getAlbumList2", fields).get("albumList2"), "album")
            new = [one for one in map(_id, listed) if one and one not in seen]
            if not new:
                return
            offset += len(listed)
            seen.update(new)
            for album in new:
                yield from self._songs_of_album(album)

    def _songs_of_album(self, album: str) -> list[RemoteSong]:
        try:
            return _songs(self._ask("getAlbum", [("id", album)]).get("album"), "song")
        except SubsonicError as error:
            if error.code != GONE:
                raise
            return []

    def playlists(self) -> list[RemotePlaylist]:
        """Return the playlists that the user sees; others' are not theirs to change."""
        found = _list(self._ask("getPlaylists").get("playlists"), "playlist")
        return [
            RemotePlaylist(_id(one), text(one.get("name")), self._is_mine(one)) for one in found if _id(one)
        ]

    def _is_mine(self, playlist: dict[str, Any]) -> bool:
        user, owner = self._credentials.user.casefold(), text(playlist.get("owner")).casefold()
        return playlist.get("readonly") is not True and (not user or owner in ("", user))

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the ids of a playlist's songs."""
        answer = self._ask("getPlaylist", [("id", playlist_id)])
        return [_id(one) for one in _list(answer.get("playlist"), "entry") if _id(one)]

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        """Make a playlist, or replace the songs of one, in one request."""
        songs = [("songId", one) for one in song_ids]
        if playlist_id is not None:
            self._ask("createPlaylist", [("playlistId", playlist_id), *songs], send=True)
            return playlist_id
        before = {one.id for one in self.playlists()}
        answer = self._ask("createPlaylist", [("name", name), *songs], send=True, again=False)
        made = answer.get("playlist")
        if isinstance(made, dict) and _id(made):
            return _id(made)
        # Before version 1.14 the answer does not say which list was made.
        new = [one.id for one in self.playlists() if one.name == name and one.id not in before]
        if not new:
            raise ConnectionFailedError(f"{self._http.url} made the playlist '{name}', but does not list it")
        return new[0]

    def set_similar(self, song_id: str, similar: Sequence[str]) -> bool:
        """Return False: the interface has no call for it."""
        return False

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def _send_password_itself(self) -> None:
        if not (self._http.private or self._credentials.plain):
            raise ConnectionFailedError(
                f"{self._http.url} takes only the password itself, which others could read on the way: "
                "use https, or allow it with: deepcuts connect --plain-password"
            )
        self._by_password = True

    def _identity(self) -> list[tuple[str, str]]:
        """Return who asks; a hash with a salt of its own for each request where the server takes one."""
        common = [("v", VERSION), ("c", params.AGENT), ("f", "json")]
        asks = self._credentials
        if asks.api_key:
            return [("apiKey", asks.api_key), *common]
        if self._by_password:
            return [("u", asks.user), ("p", f"enc:{asks.password.encode().hex()}"), *common]
        salt = secrets.token_hex(8)
        token = md5((asks.password + salt).encode(), usedforsecurity=False).hexdigest()
        return [("u", asks.user), ("t", token), ("s", salt), *common]

    def _ask(
        self, call: str, fields: Fields = (), *, send: bool = False, again: bool = True
    ) -> dict[str, Any]:
        """Return the answer to a call; what changes something, or holds a password, is sent as a form."""
        path, asked = f"/rest/{call}.view", [*self._identity(), *fields]
        try:
            if send or self._by_password:
                answer = self._http.send(path, asked, again=again)
            else:
                answer = self._http.get(path, asked)
        except HttpStatusError as error:
            if error.status == 401 and self._by_password:
                raise ConnectionFailedError(self._refused()) from error
            raise
        found = answer.get("subsonic-response") if isinstance(answer, dict) else None
        if not isinstance(found, dict):
            raise ConnectionFailedError(f"{self._http.url} is no Subsonic server: {params.LOOK_AT_ADDRESS}")
        if found.get("status") != "ok":
            error_of = found.get("error")
            said = error_of if isinstance(error_of, dict) else {}
            code = number(said.get("code")) or 0
            if code in REFUSED:
                raise SubsonicError(self._refused(), int(code))
            words = " ".join(text(said.get("message")).split())[:LONGEST] or f"error {code:.0f}, and no more"
            raise SubsonicError(f"{self._http.url} says: {words}", int(code))
        return found

    def _refused(self) -> str:
        return f"{self._http.url} refuses the user, password or key: connect again with those that it knows"


def _list(found: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list, of which some servers give the only one without a list."""
    inside = found.get(name) if isinstance(found, dict) else None
    items = inside if isinstance(inside, list) else [inside]
    return [item for item in items if isinstance(item, dict)]


def _id(item: dict[str, Any]) -> str:
    return text(item.get("id"))


def _songs(found: Any, name: str) -> list[RemoteSong]:
    return [_song(item) for item in _list(found, name) if _id(item) and not item.get("isDir")]


def _song(item: dict[str, Any]) -> RemoteSong:
    plays = number(item.get("playCount"))
    return RemoteSong(
        id=_id(item),
        path=text(item.get("path")),
        title=text(item.get("title")),
        artist=text(item.get("artist")),
        album=text(item.get("album")),
        duration_s=number(item.get("duration")) or None,
        musicbrainz=text(item.get("musicBrainzId")).lower(),
        artist_id=text(item.get("artistId")),
        added=time_of(item.get("created")),
        state=state_of(
            SongState(
                None if plays is None else int(plays),
                time_of(item.get("played")),
                time_of(item.get("starred")),
            ),
            number(item.get("userRating")),
        ),
    )
