"""OpenSubsonic from without: an independent client, and raw HTTP, against a running server.

The client is py-opensonic; it parses every answer into classes of its own, which refuse a missing field.
"""

import functools
import hashlib
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.recommender.service.conftest import KEY, PASSWORD, USER, Server, running
from tests.recommender.service.subsonic.shapes import checked, error_of
from tests.recommender.support import SONGS, Library, query, write_song
from tests.waiting import until

libopensonic = pytest.importorskip("libopensonic", reason="py-opensonic is not installed")

ALBUM = {"title": "Alpha Rising", "artist": "Ann Arbor", "album": "First Light", "genre": "Rock"}
PLAYED_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def library(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A copy of the small library with two songs more, that are an album."""
    copy = ingested.clone(tmp_path_factory.mktemp("players"))
    for number in (1, 2):
        write_song(
            copy.music / f"album/{number}.flac",
            50 + number,
            album="First Light",
            artist="Ann Arbor",
            title=f"Part {number}",
            tracknumber=str(number),
            genre="Ambient",
        )
    copy.ingest()
    return copy


@pytest.fixture(scope="module")
def live(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a user, a password and an API key."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "keys").write_text(KEY + "\n")
    options = (
        "--user",
        USER,
        "--password-file",
        str(folder / "password"),
        "--api-key-file",
        str(folder / "keys"),
    )
    with running(library.home, *options) as found:
        await_answer(found.url)
        yield found


def await_answer(url: str) -> None:
    """Wait until a server that is starting takes connections."""

    def answers() -> bool:
        with suppress(OSError):
            socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), 10).close()
            return True
        return False

    until(answers)


def connection(live: Server, **how: Any) -> Any:
    address = urlsplit(live.url)
    return libopensonic.Connection(f"{address.scheme}://{address.hostname}", port=address.port, **how)


def close(made: Any) -> None:
    """End a client, and its loop, which it leaves open."""
    made.cleanup()
    made._loop.close()


LOGINS: dict[str, dict[str, Any]] = {
    "token, POST": {"username": USER, "password": PASSWORD},
    "token, GET, no .view": {"username": USER, "password": PASSWORD, "use_get": True, "use_views": False},
    "password": {"username": USER, "password": PASSWORD, "legacy_auth": True},
    "API key": {"api_key": KEY},
}


@pytest.fixture(params=LOGINS)
def client(live: Server, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The client, logged in by each of the ways."""
    made = connection(live, **LOGINS[request.param])
    yield made
    close(made)


@pytest.fixture
def one_client(live: Server) -> Iterator[Any]:
    """The client, logged in by token."""
    made = connection(live, **LOGINS["token, POST"])
    yield made
    close(made)


class Raw:
    """Raw HTTP, with a token made here."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)

    def get(self, endpoint: str, *pairs: tuple[str, object]) -> bytes:
        salt = "a1b2c3"
        token = hashlib.md5((PASSWORD + salt).encode()).hexdigest()
        login = [("u", USER), ("t", token), ("s", salt), ("v", "1.16.1"), ("c", "raw"), ("f", "json")]
        connection = http.client.HTTPConnection(self._address.netloc, timeout=60)
        try:
            connection.request("GET", f"/rest/{endpoint}.view?{urlencode([*login, *pairs])}")
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read()
        finally:
            connection.close()

    def ask(self, endpoint: str, **parameters: object) -> Any:
        return checked(endpoint, json.loads(self.get(endpoint, *parameters.items())))


@pytest.fixture
def raw(live: Server) -> Raw:
    return Raw(live.url)


def test_it_logs_in_each_way(client: Any) -> None:
    assert client.ping()
    assert {e.name for e in client.get_open_subsonic_extensions()} >= {
        "sonicSimilarity",
        "apiKeyAuthentication",
    }
    user = client.get_user(USER)
    assert (user.username, user.stream_role, user.admin_role) == (USER, True, False)


def test_wrong_logins_are_told(live: Server) -> None:
    for wrong in ({"username": USER, "password": "guess"}, {"username": "bob", "password": PASSWORD}):
        made = connection(live, **wrong)
        with pytest.raises(libopensonic.errors.CredentialError):
            made.get_artists()
        close(made)
    made = connection(live, api_key="guess")
    with pytest.raises(libopensonic.errors.SonicError, match="API key"):
        made.get_artists()
    close(made)


def test_it_searches_and_streams_the_very_bytes(client: Any, library: Library) -> None:
    found = client.search3("beta motion")
    assert [(song.title, song.artist) for song in found.song] == [("Beta Motion", "Ann Arbor")]
    response = client.stream(found.song[0].id)
    assert body(client, response) == (library.music / "rock/beta.flac").read_bytes()
    assert response.headers["Content-Type"] == "audio/flac"
    response = client.download(found.song[0].id)
    assert body(client, response) == (library.music / "rock/beta.flac").read_bytes()


def body(client: Any, response: Any) -> bytes:
    import asyncio

    read: bytes = asyncio.run_coroutine_threadsafe(response.read(), client._loop).result(30)
    return read


def test_it_goes_from_artists_to_albums_to_songs(client: Any) -> None:
    artists = {a.name: a for index in client.get_artists().index for a in index.artist}
    assert set(artists) == {artist for _, _, artist, _ in SONGS.values() if artist} | {"[Unknown Artist]"}
    ann = client.get_artist(artists["Ann Arbor"].id)
    albums = {album.name: album for album in ann.album}
    assert set(albums) == {"First Light"}
    album = client.get_album(albums["First Light"].id)
    assert [(song.track, song.title, song.genre) for song in album.song] == [
        (1, "Part 1", "Ambient"),
        (2, "Part 2", "Ambient"),
    ]
    assert (album.song_count, album.duration, album.artist) == (2, 8, "Ann Arbor")
    assert client.get_song(album.song[0].id).title == "Part 1"
    listed = client.get_album_list2("newest", size=1)
    assert [one.id for one in listed] == [album.id]
    assert {g.value: g.song_count for g in client.get_genres()}["Ambient"] == 2
    assert {song.title for song in client.get_songs_by_genre("Ambient")} == {"Part 1", "Part 2"}
    assert len(client.get_random_songs(size=5)) == 5


@functools.cache
def like(library: Library, song_id: str) -> Any:
    """Return the five songs that the command names."""
    return library.similar(song_id, "-n", "5")["results"]


@pytest.mark.parametrize("login", LOGINS)
def test_similar_songs_are_those_of_the_command(live: Server, library: Library, login: str) -> None:
    client = connection(live, app_name=f"radio, {login}", **LOGINS[login])  # which was given no song before
    song = client.search3("alpha").song[0]
    expected = like(library, song.id)
    assert [s.id for s in client.get_similar_songs(song.id, count=5)] == [
        str(r["track_id"]) for r in expected
    ]
    assert [s.id for s in client.get_similar_songs2(song.id, count=5)] == [
        str(r["track_id"]) for r in expected
    ]
    matches = client.get_sonic_similar_tracks(song.id, count=5)
    assert [(m.entry.id, m.similarity) for m in matches] == [
        (str(r["track_id"]), pytest.approx(r["similarity"], abs=1e-6)) for r in expected
    ]
    close(client)


def test_playlists_are_made_changed_and_deleted(client: Any) -> None:
    songs = {song.title: song.id for song in client.search3("", song_count=100).song}
    client.create_playlist(name="Morning", song_ids=[songs["Zeta"], songs["Epsilon"]])
    [listed] = client.get_playlists()
    assert (listed.name, listed.song_count, listed.owner) == ("Morning", 2, USER)
    client.update_playlist(
        listed.id, name="Noon", comment="bright", song_ids_to_add=[songs["Iota"]], song_indices_to_remove=[0]
    )
    changed = client.get_playlist(listed.id)
    assert (changed.name, changed.comment) == ("Noon", "bright")
    assert [song.title for song in changed.entry] == ["Epsilon", "Iota"]
    assert client.delete_playlist(listed.id)
    assert client.get_playlists() == []
    with pytest.raises(libopensonic.errors.DataNotFoundError):
        client.get_playlist(listed.id)


def test_scrobbles_are_plays(client: Any, library: Library) -> None:
    song = client.search3("gamma").song[0]
    before = library.row("rock/gamma.ogg")["plays"]
    assert client.scrobble(song.id, submission=False)
    assert library.row("rock/gamma.ogg")["plays"] == before
    assert [(one.id, one.username) for one in client.get_now_playing()] == [(song.id, USER)]
    assert client.scrobble(song.id, submission=True, listen_time=PLAYED_MS // 1000)
    row = library.row("rock/gamma.ogg")
    assert row["plays"] == before + 1
    assert row["last_played"].startswith("2023-11-14 22:13:20")
    assert client.get_song(song.id).play_count == before + 1


def test_stars_and_ratings(client: Any) -> None:
    song = client.search3("part 1").song[0]
    assert client.star(sids=[song.id], artist_ids=[song.artist_id], album_ids=[song.album_id])
    assert client.set_rating(song.id, 4)
    found = client.get_starred2()
    assert ([s.id for s in found.song], found.song[0].user_rating) == ([song.id], 4)
    assert [(a.id, bool(a.starred)) for a in found.artist] == [(song.artist_id, True)]
    assert client.unstar(sids=[song.id], artist_ids=[song.artist_id], album_ids=[song.album_id])
    assert client.set_rating(song.id, 0)
    assert client.get_starred2().song == []


def test_the_rest_of_what_it_calls_when_it_starts(one_client: Any) -> None:
    assert one_client.get_scan_status().scanning is False
    assert one_client.get_indexes().index

    assert one_client.get_artist_info2(one_client.get_artists().index[0].artist[0].id) is not None
    with pytest.raises(libopensonic.errors.DataNotFoundError):
        one_client.get_song("999999")


def test_a_queue_and_a_bookmark_are_kept(client: Any) -> None:
    ids = [song.id for song in client.search3("", song_count=3).song]
    assert client.save_play_queue(ids, current=ids[1], position=4000)
    queue = client.get_play_queue()
    assert ([song.id for song in queue.entry], str(queue.current), queue.position) == (ids, ids[1], 4000)
    assert client.create_bookmark(ids[0], 7000, "here")
    [mark] = client.get_bookmarks()
    assert (mark.entry.id, mark.position, mark.comment) == (ids[0], 7000, "here")
    assert client.delete_bookmark(ids[0])
    assert client.get_bookmarks() == []


def test_sonic_similarity_over_raw_http(raw: Raw, library: Library) -> None:
    ids = {song["title"]: song["id"] for song in raw.ask("search3", query="", songCount=100)["song"]}
    matches = raw.ask("getSonicSimilarTracks", id=ids["Iota"])
    expected = library.similar(ids["Iota"])["results"]
    assert [int(m["entry"]["id"]) for m in matches] == [r["track_id"] for r in expected]
    scores = [m["similarity"] for m in matches]
    assert scores == sorted(scores, reverse=True)
    assert len(raw.ask("getSonicSimilarTracks", id=ids["Zeta"], count=3)) == 3

    path = raw.ask("findSonicPath", startSongId=ids["Iota"], endSongId=ids["Zeta"], count=5)
    walked = library.run("path", ids["Iota"], ids["Zeta"], "-n", "5", "--json").json["results"]
    assert [int(m["entry"]["id"]) for m in path] == [step["track_id"] for step in walked]
    assert (path[0]["entry"]["id"], path[-1]["entry"]["id"]) == (ids["Iota"], ids["Zeta"])
    parts = {r["track_id"]: r["score_parts"] for r in library.similar(ids["Iota"], "-n", "50")["results"]}
    for match in path[1:]:
        its = parts[int(match["entry"]["id"])]
        alike = max(0.0, its["cosine"] + its["centring"])  # without what hubs lose, as the walk has it
        assert match["similarity"] == pytest.approx(alike, abs=1e-4)
    assert path[0]["similarity"] == 1 > max(match["similarity"] for match in path[1:])
    whole = raw.ask("findSonicPath", startSongId=ids["Iota"], endSongId=ids["Zeta"])
    assert len(whole) == len(SONGS) + 2  # 25 at most, and there are fewer
    assert error_of(json.loads(raw.get("findSonicPath", ("startSongId", ids["Iota"]))))[0] == 10
    assert error_of(json.loads(raw.get("getSonicSimilarTracks", ("id", "999"))))[0] == 70


def test_ranges_over_raw_http(live: Server, library: Library) -> None:
    content = (library.music / "rock/alpha.mp3").read_bytes()
    track = library.row("rock/alpha.mp3")["id"]
    address = urlsplit(live.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    connection.request("GET", f"/rest/stream?id={track}&apiKey={KEY}", headers={"Range": "bytes=1000-1999"})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (206, content[1000:2000])
    assert answer.getheader("Content-Range") == f"bytes 1000-1999/{len(content)}"
    connection.close()


def test_plays_reach_the_row_of_the_file(library: Library) -> None:
    """That the rows looked at above are the server's."""
    assert query(library.home, "SELECT count(*) FROM track")[0][0] == len(SONGS) + 2
    assert Path(library.music / "album/1.flac").is_file()
