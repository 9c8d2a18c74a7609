"""Plex by its REST interface, with a token.

Written from public descriptions of its interface; in the tests it meets answers of these shapes, no server.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.answers import count, number, objects, state_of, text, time_of
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
                path = f"/library/sections/{quote(text(section.get('key')), safe='')}/all"
                found = self._pages(path, [("type", TRACKS)])
                yield from (_song(one) for one in found if text(one.get("ratingKey")))

    def playlists(self) -> list[RemotePlaylist]:
        """Return the playlists of music; those that fill themselves are not to be written."""
        found = self._pages("/playlists", [("playlistType", "audio")])
        return [
            RemotePlaylist(
                text(one.get("ratingKey")), text(one.get("title")), one.get("smart") in (False, None)
            )
            for one in found
            if text(one.get("ratingKey"))
        ]

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the ids of a playlist's songs."""
        return [text(one.get("ratingKey")) for one in self._pages(_items_of(playlist_id), [])]

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
            entries = self._pages(_items_of(playlist_id), [])
            before = [entry for one in entries if (entry := text(one.get("playlistItemID")))]
        path = _items_of(playlist_id)
        for start in range(0, len(ids), params.IDS_IN_ADDRESS):
            some = ids[start : start + params.IDS_IN_ADDRESS]
            self._http.send(path, [("uri", self._uri(some))], body={}, method="PUT")
        for entry in before:
            self._http.send(f"{path}/{quote(entry, safe='')}", body={}, method="DELETE", again=True)
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
        seen, before = 0, None
        while True:
            page = [("X-Plex-Container-Start", str(seen)), ("X-Plex-Container-Size", str(params.PAGE))]
            said = self._container(path, [*fields, *page])
            items = _objects(said, "Metadata")
            if not items or items == before:  # from any place on the same
                return
            yield from items
            seen, before = seen + len(items), items
            if seen == count(said.get("totalSize")):
                return


def _items_of(playlist_id: str) -> str:
    return f"/playlists/{quote(playlist_id, safe='')}/items"


def _inside(said: object) -> dict[str, Any]:
    found = said.get("MediaContainer") if isinstance(said, dict) else None
    return found if isinstance(found, dict) else {}


def _objects(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return objects(found.get(name))


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
