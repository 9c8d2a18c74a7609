"""Plex by its REST interface, with a token.

Written from public descriptions of its interface; in the tests it meets answers of these shapes, no server.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.answers import count, number, state_of, text, time_of
from recommender.connections.remotes.http_client import Fields, HttpClient, Patience
from recommender.connections.values import RemotePlaylist, RemoteSong, SongState
from recommender.errors import ConnectionFailedError

TRACKS: Final = "10"
BEST_RATING: Final = 10


class PlexServer:
    """A Plex Media Server, by a token of one of its users; it has no stars, but ratings of 0 to 10.

    Parameters
    ----------
    url
        Its address.
    credentials
        The token, as the key.
    patience
        Of `HttpClient`.
    """

    def __init__(self, url: str, credentials: Credentials, patience: Patience | None = None) -> None:
        self._http = HttpClient(url, {"X-Plex-Token": credentials.api_key}, patience)
        self._machine = ""

    def check(self) -> str:
        """Return its version, once the token is taken."""
        said = self._container("/")
        self._machine = text(said.get("machineIdentifier"))
        if not self._machine:
            raise ConnectionFailedError(f"{self._http.url} is no Plex Media Server: {params.LOOK_AT_ADDRESS}")
        return f"Plex Media Server {text(said.get('version'))}"

    def songs(self) -> Iterator[RemoteSong]:
        """Yield the songs of all its music libraries, page by page."""
        for section in _objects(self._container("/library/sections"), "Directory"):
            if section.get("type") == "artist":
                path = f"/library/sections/{text(section.get('key'))}/all"
                yield from (_song(one) for one in self._pages(path, [("type", TRACKS)]))

    def playlists(self) -> list[RemotePlaylist]:
        """Return the playlists of music; those that fill themselves are not to be written."""
        found = self._pages("/playlists", [("playlistType", "audio")])
        return [
            RemotePlaylist(
                text(one.get("ratingKey")), text(one.get("title")), one.get("smart") in (False, None)
            )
            for one in found
        ]

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the ids of a playlist's songs."""
        return [text(one.get("ratingKey")) for one in self._pages(f"/playlists/{playlist_id}/items", [])]

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        """Make a playlist; of one that is there, put the new songs in behind and take the old entries out."""
        ids = list(song_ids)
        if playlist_id is None:
            first = [("type", "audio"), ("title", name), ("smart", "0")]
            some = ids[: params.IDS_IN_ADDRESS]
            said = self._http.send("/playlists", [*first, ("uri", self._uri(some))], body={})
            made = _objects(_inside(said), "Metadata")
            if not made:
                raise ConnectionFailedError(f"{self._http.url} does not say which playlist it made")
            playlist_id, ids = text(made[0].get("ratingKey")), ids[params.IDS_IN_ADDRESS :]
            before: list[str] = []
        else:
            entries = self._pages(f"/playlists/{playlist_id}/items", [])
            before = [text(one.get("playlistItemID")) for one in entries]
        path = f"/playlists/{playlist_id}/items"
        for start in range(0, len(ids), params.IDS_IN_ADDRESS):
            some = ids[start : start + params.IDS_IN_ADDRESS]
            self._http.send(path, [("uri", self._uri(some))], body={}, method="PUT")
        for entry in before:
            self._http.send(f"{path}/{entry}", body={}, method="DELETE", again=True)
        return playlist_id

    def set_similar(self, song_id: str, similar: Sequence[str]) -> bool:
        """Return False: it has no place for it."""
        return False

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def _uri(self, ids: Sequence[str]) -> str:
        return f"server://{self._machine}/com.plexapp.plugins.library/library/metadata/{','.join(ids)}"

    def _container(self, path: str, fields: Fields = ()) -> dict[str, Any]:
        return _inside(self._http.get(path, fields))

    def _pages(self, path: str, fields: Fields) -> Iterator[dict[str, Any]]:
        seen = 0
        while True:
            page = [("X-Plex-Container-Start", str(seen)), ("X-Plex-Container-Size", str(params.PAGE))]
            said = self._container(path, [*fields, *page])
            items = _objects(said, "Metadata")
            yield from items
            seen += len(items)
            if not items or seen >= (count(said.get("totalSize", said.get("size"))) or 0):
                return


def _inside(said: object) -> dict[str, Any]:
    found = said.get("MediaContainer") if isinstance(said, dict) else None
    return found if isinstance(found, dict) else {}


def _objects(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = found.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _song(item: dict[str, Any]) -> RemoteSong:
    parts = [part for media in _objects(item, "Media") for part in _objects(media, "Part")]
    milliseconds = number(item.get("duration"))
    return RemoteSong(
        id=text(item.get("ratingKey")),
        path=text(parts[0].get("file")) if parts else "",
        title=text(item.get("title")),
        artist=text(item.get("originalTitle")) or text(item.get("grandparentTitle")),
        album=text(item.get("parentTitle")),
        duration_s=milliseconds / 1000 if milliseconds else None,
        state=state_of(
            SongState(count(item.get("viewCount", 0)), time_of(item.get("lastViewedAt"))),
            number(item.get("userRating")),
            BEST_RATING,
        ),
    )
