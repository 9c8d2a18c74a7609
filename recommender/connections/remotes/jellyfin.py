"""Jellyfin and Emby by their REST interface, which is the same for what is asked here.

Written from their public API descriptions; in the tests it meets answers of these shapes, no real server.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.answers import count, number, objects, text, time_of
from recommender.connections.remotes.http_client import Fields, HttpClient, HttpStatusError, Patience
from recommender.connections.values import RemotePlaylist, RemoteSong, SongState
from recommender.errors import ConnectionFailedError

TICKS: Final = 10_000_000
"""A second, in which they count."""
NOT_SAID: Final = time_of("1970-01-01T00:00:00Z")
"""When a song was made a favourite: they keep no time of it."""
FIELDS: Final = "Path,ProviderIds"
WHO: Final = (
    f'MediaBrowser Client="{params.AGENT}", Device="{params.AGENT}", DeviceId="{params.AGENT}", Version="1"'
)


class JellyfinServer:
    """A Jellyfin or Emby server, as one user of it, who logs in with a password or is named beside a key.

    Parameters
    ----------
    url
        Its address; of Emby with ``/emby`` where it is so set up.
    credentials
        A user and a password, or a user and a key of the server's.
    patience
        Of `HttpClient`.
    """

    def __init__(self, url: str, credentials: Credentials, patience: Patience | None = None) -> None:
        self._http = HttpClient(url, {"Authorization": WHO, "X-Emby-Authorization": WHO}, patience)
        self._credentials = credentials
        self._user = ""

    def check(self) -> str:
        """Return its name and version, once the user is let in."""
        said = self._http.get("/System/Info/Public")
        if not isinstance(said, dict) or "Version" not in said:
            raise ConnectionFailedError(f"{self._http.url} is no Jellyfin or Emby: {params.LOOK_AT_ADDRESS}")
        self._log_in()
        return f"{text(said.get('ProductName')) or 'Emby Server'} {text(said.get('Version'))}"

    def _log_in(self) -> None:
        asks = self._credentials
        if asks.api_key:
            self._use(asks.api_key)
            users = self._http.get("/Users")
            named = [one for one in objects(users) if asks.user in ("", text(one.get("Name")))]
            if len(named) != 1:
                raise ConnectionFailedError(
                    f"{self._http.url} has {len(named)} users that this may be: name one with --user"
                )
            self._user = text(named[0].get("Id"))
            return
        body = {"Username": asks.user, "Pw": asks.password}
        said = self._http.send("/Users/AuthenticateByName", body=body, again=True)
        user = said.get("User") if isinstance(said, dict) else None
        if not isinstance(user, dict) or not text(said.get("AccessToken")):
            raise ConnectionFailedError(
                f"{self._http.url} lets {asks.user} in without a token: is it a proxy?"
            )
        self._use(text(said["AccessToken"]))
        self._user = text(user.get("Id"))

    def _use(self, token: str) -> None:
        self._http.headers["X-Emby-Token"] = token
        for name in ("Authorization", "X-Emby-Authorization"):
            self._http.headers[name] = f'{WHO}, Token="{token}"'

    def songs(self) -> Iterator[RemoteSong]:
        """Yield all songs, page by page."""
        asked = [("IncludeItemTypes", "Audio"), ("Recursive", "true"), ("Fields", FIELDS)]
        found = self._items([*asked, ("SortBy", "SortName")])
        yield from (_song(one) for one in found if text(one.get("Id")))

    def playlists(self) -> list[RemotePlaylist]:
        """Return the playlists that the user sees."""
        found = self._items([("IncludeItemTypes", "Playlist"), ("Recursive", "true")])
        return [
            RemotePlaylist(known, text(one.get("Name"))) for one in found if (known := text(one.get("Id")))
        ]

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the ids of a playlist's songs."""
        return [text(one.get("Id")) for one in self._entries(playlist_id)]

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        """Make a playlist; of one that is there, put the new songs in behind and take the old entries out."""
        if playlist_id is None:
            body = {"Name": name, "Ids": list(song_ids), "UserId": self._user, "MediaType": "Audio"}
            said = self._http.send("/Playlists", body=body)
            made = text(said.get("Id")) if isinstance(said, dict) else ""
            if not made:
                raise ConnectionFailedError(f"{self._http.url} does not say which playlist it made")
            return made
        path = f"/Playlists/{quote(playlist_id, safe='')}/Items"
        entries = self._entries(playlist_id)
        before = [entry for one in entries if (entry := text(one.get("PlaylistItemId")))]
        for start in range(0, len(song_ids), params.IDS_IN_ADDRESS):
            some = ",".join(song_ids[start : start + params.IDS_IN_ADDRESS])
            self._http.send(path, [("Ids", some), ("UserId", self._user)], body={})
        for start in range(0, len(before), params.IDS_IN_ADDRESS):
            some = ",".join(before[start : start + params.IDS_IN_ADDRESS])
            self._http.send(path, [("EntryIds", some)], body={}, method="DELETE", again=True)
        return playlist_id

    def set_similar(self, song_id: str, similar: Sequence[str]) -> bool:
        """Return False: they have no place for it."""
        return False

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def _entries(self, playlist_id: str) -> list[dict[str, Any]]:
        path = f"/Playlists/{quote(playlist_id, safe='')}/Items"
        return list(self._pages(path, [("UserId", self._user)]))

    def _items(self, fields: Fields) -> Iterator[dict[str, Any]]:
        return self._pages(f"/Users/{quote(self._user, safe='')}/Items", fields)

    def _pages(self, path: str, fields: Fields) -> Iterator[dict[str, Any]]:
        seen, before = 0, None
        while True:
            page = [("StartIndex", str(seen)), ("Limit", str(params.PAGE))]
            try:
                said = self._http.get(path, [*fields, *page])
            except HttpStatusError as error:
                if error.status == 404:
                    raise ConnectionFailedError(
                        f"{self._http.url} does not know the user: connect again"
                    ) from error
                raise
            items = objects(said.get("Items") if isinstance(said, dict) else None)
            if not items or items == before:  # from any place on the same
                return
            yield from items
            seen, before = seen + len(items), items
            if seen == count(said.get("TotalRecordCount")):  # 0 is what they say that did not count
                return


def _song(item: dict[str, Any]) -> RemoteSong:
    said = item.get("UserData")
    state: dict[str, Any] = said if isinstance(said, dict) else {}
    artists = item.get("Artists")
    ids = item.get("ProviderIds")
    ticks = number(item.get("RunTimeTicks"))
    return RemoteSong(
        id=text(item.get("Id")),
        path=text(item.get("Path")),
        title=text(item.get("Name")),
        artist="; ".join(map(text, artists)) if isinstance(artists, list) else text(item.get("AlbumArtist")),
        album=text(item.get("Album")),
        duration_s=_seconds(item.get("RunTimeTicks")) if ticks else None,
        musicbrainz=text(ids.get("MusicBrainzRecording")).lower() if isinstance(ids, dict) else "",
        artist_id=next((text(one.get("Id")) for one in objects(item.get("ArtistItems"))), ""),
        state=SongState(
            count(state.get("PlayCount")),
            time_of(state.get("LastPlayedDate")),
            NOT_SAID if state.get("IsFavorite") is True else None,
        ),
    )


def _seconds(ticks: object) -> float | None:
    return ticks / TICKS if isinstance(ticks, (int, float)) and ticks > 0 else None
