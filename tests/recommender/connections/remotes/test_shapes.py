"""Jellyfin, Emby and Plex against answers of the shapes that their descriptions have: no real server."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.detect import kind_of
from recommender.connections.remotes.http_client import HttpClient, Patience
from recommender.connections.remotes.jellyfin import JellyfinServer
from recommender.connections.remotes.plex import PlexServer
from recommender.errors import ConnectionFailedError

QUICK = Patience(1.0, 1, 0.0)
JELLYFIN = {"ServerName": "nas", "Version": "10.9.11", "ProductName": "Jellyfin Server", "Id": "s"}
EMBY = {"ServerName": "nas", "Version": "4.8.10.0", "Id": "s"}


class Recorded:
    """Stands in for a server: songs of two pages, and playlists that are written."""

    def __init__(self) -> None:
        self.total: int | None = None  # as it tells it, where that is not what is there
        self.asked: list[tuple[str, str]] = []
        self.lists: dict[str, tuple[str, list[tuple[str, str]]]] = {}
        self.entry = 0

    def reply(self, request: Any) -> Any:
        parts = urlsplit(request.full_url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((request.get_method(), parts.path))
        body = json.loads(request.data) if request.data else {}
        return self.answer(request, parts.path, asked, body)

    def answer(self, request: Any, path: str, asked: dict[str, str], body: Any) -> Any:
        raise NotImplementedError

    def put(self, which: str, ids: list[str]) -> None:
        for song in ids:
            self.entry += 1
            self.lists[which][1].append((f"e{self.entry}", song))


def jellyfin_song(number: int) -> dict[str, Any]:
    return {
        "Name": f"Song {number}",
        "Id": f"j{number}",
        "Type": "Audio",
        "MediaType": "Audio",
        "Path": f"/music/Artist/Album/{number:02} Song {number}.flac",
        "RunTimeTicks": 2_145_330_000,
        "Artists": ["Artist", "Guest"],
        "ArtistItems": [{"Name": "Artist", "Id": "ar1"}, {"Name": "Guest", "Id": "ar2"}],
        "AlbumArtist": "Artist",
        "Album": "Album",
        "ProviderIds": {"MusicBrainzRecording": "0B8B5A9E-37C1-4E6E-8A5B-0D7C6F1F2A3B"},
        "UserData": {
            "PlaybackPositionTicks": 0,
            "PlayCount": number,
            "IsFavorite": number == 1,
            "LastPlayedDate": "2024-03-01T20:15:00.0000000Z",
            "Played": True,
        },
    }


class RecordedJellyfin(Recorded):
    public: dict[str, Any] = JELLYFIN

    def answer(self, request: Any, path: str, asked: dict[str, str], body: Any) -> Any:
        if path == "/System/Info/Public":
            return self.public
        if path == "/Users/AuthenticateByName":
            assert body == {"Username": "ann", "Pw": "pw"}
            return {"User": {"Name": "ann", "Id": "u1"}, "AccessToken": "token", "ServerId": "s"}
        assert request.headers["X-emby-token"] == "token"
        if path == "/Users":
            return [{"Name": "ann", "Id": "u1"}, {"Name": "bob", "Id": "u2"}]
        if path == "/Users/u1/Items":
            of_lists = asked["IncludeItemTypes"] == "Playlist"
            found = [{"Id": k, "Name": v[0]} for k, v in self.lists.items()] if of_lists else SONGS
            return page(found, asked, self.total)
        if path == "/Playlists":
            self.lists["l1"] = (body["Name"], [])
            self.put("l1", body["Ids"])
            return {"Id": "l1"}
        which = path.split("/")[2]
        if request.get_method() == "DELETE":
            gone = asked["EntryIds"].split(",")
            name, entries = self.lists[which]
            self.lists[which] = name, [entry for entry in entries if entry[0] not in gone]
        elif request.get_method() == "POST":
            self.put(which, asked["Ids"].split(","))
        else:
            return page([{"PlaylistItemId": e, "Id": s} for e, s in self.lists[which][1]], asked)
        return None


SONGS = [jellyfin_song(number) for number in range(5)]


def page(items: list[dict[str, Any]], asked: dict[str, str], total: int | None = None) -> dict[str, Any]:
    start = int(asked["StartIndex"])
    return {
        "Items": items[start : start + int(asked["Limit"])],
        "TotalRecordCount": len(items) if total is None else total,
        "StartIndex": start,
    }


class RecordedPlex(Recorded):
    def answer(self, request: Any, path: str, asked: dict[str, str], body: Any) -> Any:
        if path == "/identity":
            return {"MediaContainer": {"size": 0, "machineIdentifier": "m", "version": "1.40"}}
        if not path.startswith("/rest") and not path.endswith("Public"):
            assert request.headers["X-plex-token"] == "key"
        if path == "/":
            return {"MediaContainer": {"machineIdentifier": "m", "version": "1.40"}}
        if path == "/library/sections":
            found = [{"key": "1", "type": "movie"}, {"key": "2", "type": "artist"}]
            return {"MediaContainer": {"size": 2, "Directory": found}}
        if path == "/library/sections/2/all":
            assert asked["type"] == "10"
            return self.page([plex_song(number) for number in range(5)], asked)
        if path == "/playlists" and request.get_method() == "POST":
            self.lists["l1"] = (asked["title"], [])
            self.put("l1", asked["uri"].rpartition("/")[2].split(","))
            return {"MediaContainer": {"Metadata": [{"ratingKey": "l1", "title": asked["title"]}]}}
        if path == "/playlists":
            found = [{"ratingKey": k, "title": v[0], "smart": False} for k, v in self.lists.items()]
            return self.page(found, asked)
        return self.of_list(request.get_method(), path.split("/"), asked)

    def of_list(self, method: str, path: list[str], asked: dict[str, str]) -> Any:
        which = path[2]
        name, entries = self.lists[which]
        if method == "PUT":
            self.put(which, asked["uri"].rpartition("/")[2].split(","))
        elif method == "DELETE":
            self.lists[which] = name, [entry for entry in entries if entry[0] != path[4]]
        return self.page([{"playlistItemID": e, "ratingKey": s} for e, s in self.lists[which][1]], asked)

    def page(self, items: list[dict[str, Any]], asked: dict[str, str]) -> Any:
        start = int(asked.get("X-Plex-Container-Start", 0))
        some = items[start : start + int(asked.get("X-Plex-Container-Size", 100))]
        return {
            "MediaContainer": {"size": len(some), "totalSize": self.total or len(items), "Metadata": some}
        }


def plex_song(number: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ratingKey": f"p{number}",
        "type": "track",
        "title": f"Song {number}",
        "grandparentTitle": "Artist",
        "parentTitle": "Album",
        "duration": 214533,
        "Media": [{"Part": [{"file": f"/music/Artist/Album/{number:02} Song {number}.flac"}]}],
    }
    return found | ({"viewCount": 3, "lastViewedAt": 1709324100, "userRating": 8.0} if number == 1 else {})


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let a recording answer, three things a page, two songs an address."""
    monkeypatch.setattr(params, "PAGE", 3)
    monkeypatch.setattr(params, "IDS_IN_ADDRESS", 2)

    def use(recorded: Recorded) -> Recorded:
        monkeypatch.setattr(HttpClient, "_answer", lambda client, request: recorded.reply(request))
        return recorded

    yield use


def emby() -> Recorded:
    made = RecordedJellyfin()
    made.public = EMBY
    return made


@pytest.mark.parametrize(
    ("recorded", "kind"), [(RecordedJellyfin, "jellyfin"), (emby, "emby"), (RecordedPlex, "plex")]
)
def test_what_they_are_is_found_out(answering: Any, recorded: Any, kind: str) -> None:
    made = recorded()
    answer = made.answer

    def known(request: Any, path: str, asked: Any, body: Any) -> Any:
        return (
            {}
            if path.startswith("/rest") or (kind == "plex" and "System" in path)
            else answer(request, path, asked, body)
        )

    made.answer = known
    answering(made)
    assert kind_of("http://nas:1", QUICK) == kind


def test_songs_of_jellyfin_come_with_their_state(answering: Any) -> None:
    answering(RecordedJellyfin())
    server = JellyfinServer("http://nas", Credentials("ann", "pw"), QUICK)
    assert server.check() == "Jellyfin Server 10.9.11"
    songs = list(server.songs())
    assert [song.id for song in songs] == [f"j{n}" for n in range(5)]
    one = songs[1]
    assert (one.title, one.artist, one.album) == ("Song 1", "Artist; Guest", "Album")
    assert one.duration_s == pytest.approx(214.533)
    assert one.musicbrainz == "0b8b5a9e-37c1-4e6e-8a5b-0d7c6f1f2a3b"
    assert one.artist_id == "ar1"
    assert (one.state.plays, str(one.state.last_played)) == (1, "2024-03-01 20:15:00")
    assert [song.state.starred is not None for song in songs] == [False, True, False, False, False]


def test_a_key_of_jellyfin_needs_a_user(answering: Any) -> None:
    answering(RecordedJellyfin())
    with pytest.raises(ConnectionFailedError, match="--user"):
        JellyfinServer("http://nas", Credentials(api_key="token"), QUICK).check()
    JellyfinServer("http://nas", Credentials("ann", api_key="token"), QUICK).check()


def test_songs_of_plex_come_with_their_state(answering: Any) -> None:
    answering(RecordedPlex())
    server = PlexServer("http://nas", Credentials(api_key="key"), QUICK)
    assert server.check() == "Plex Media Server 1.40"
    songs = list(server.songs())
    assert [song.id for song in songs] == [f"p{n}" for n in range(5)]
    one = songs[1]
    assert (one.title, one.artist, one.album) == ("Song 1", "Artist", "Album")
    assert one.duration_s == pytest.approx(214.533)
    assert (one.state.plays, one.state.rating, str(one.state.last_played)) == (3, 4, "2024-03-01 20:15:00")
    assert [song.state.plays for song in songs] == [0, 3, 0, 0, 0]


@pytest.mark.parametrize("kind", ["jellyfin", "plex"])
def test_a_list_is_made_and_its_songs_are_replaced(answering: Any, kind: str) -> None:
    recorded = answering(RecordedJellyfin() if kind == "jellyfin" else RecordedPlex())
    server: Any = (
        JellyfinServer("http://nas", Credentials("ann", "pw"), QUICK)
        if kind == "jellyfin"
        else PlexServer("http://nas", Credentials(api_key="key"), QUICK)
    )
    server.check()
    made = server.write_playlist(None, "Évening", ["a", "b", "c", "d", "e"])
    assert [(one.id, one.name, one.mine) for one in server.playlists()] == [(made, "Évening", True)]
    assert server.playlist_songs(made) == ["a", "b", "c", "d", "e"]
    assert server.write_playlist(made, "Évening", ["e", "f", "g", "e"]) == made
    assert server.playlist_songs(made) == ["e", "f", "g", "e"]
    assert not any(
        path in ("/Items", f"/playlists/{made}") for method, path in recorded.asked if method == "DELETE"
    )


def test_jellyfin_that_does_not_count_is_read_to_its_end(answering: Any) -> None:
    recorded = answering(RecordedJellyfin())
    recorded.total = 0
    server = JellyfinServer("http://nas", Credentials("ann", "pw"), QUICK)
    server.check()
    assert [song.id for song in server.songs()] == [f"j{n}" for n in range(5)]


@pytest.mark.parametrize("kind", ["jellyfin", "plex"])
def test_pages_that_are_always_the_first_come_to_an_end(
    answering: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    recorded = answering(RecordedJellyfin() if kind == "jellyfin" else RecordedPlex())
    recorded.total = 10**9
    answer = recorded.answer
    starts = ("StartIndex", "X-Plex-Container-Start")
    recorded.answer = lambda request, path, asked, body: answer(
        request, path, {name: "0" if name in starts else value for name, value in asked.items()}, body
    )
    server: Any = (
        JellyfinServer("http://nas", Credentials("ann", "pw"), QUICK)
        if kind == "jellyfin"
        else PlexServer("http://nas", Credentials(api_key="key"), QUICK)
    )
    server.check()
    assert len(list(server.songs())) == 3


@pytest.mark.parametrize("kind", ["jellyfin", "plex"])
def test_ids_stay_within_their_place_in_an_address(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """No id leads to another act, and an entry without an id takes nothing out."""
    asked: list[tuple[str, str]] = []
    entries = {"Items": [{"Id": "s"}], "MediaContainer": {"machineIdentifier": "m", "Metadata": [{}]}}

    def reply(client: HttpClient, request: Any) -> Any:
        asked.append((request.get_method(), urlsplit(request.full_url).path))
        return entries

    monkeypatch.setattr(HttpClient, "_answer", reply)
    server: Any = (
        JellyfinServer("http://nas", Credentials("ann", "pw"), QUICK)
        if kind == "jellyfin"
        else PlexServer("http://nas", Credentials(api_key="key"), QUICK)
    )
    server.write_playlist("../a b?x=1", "Évening", ["s"])
    assert {path.lower() for _, path in asked} == {"/playlists/..%2fa%20b%3fx%3d1/items"}
    assert "DELETE" not in [method for method, _ in asked]
