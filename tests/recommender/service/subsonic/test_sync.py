"""OpenSubsonic: whole libraries in one answer, in bounded memory; what is searched for comes first."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import insert

from db.models import Track
from db.tracks import search_key
from recommender.service.subsonic import envelope
from recommender.service.subsonic.envelope import Many, answered
from tests.recommender.service.conftest import serving
from tests.recommender.service.subsonic.player import Player
from tests.recommender.service.subsonic.shapes import NAMESPACE, checked
from tests.recommender.support import SONGS, Library

MORE = 10_500
ADDED = datetime(2024, 5, 6, 7, 8, 9)


def row(number: int) -> dict[str, Any]:
    title, artist, album = f"Song {number}", f"Artist {number // 20}", f"Album {number // 2}"
    return {
        "rel_path": f"many/{number}.mp3", "size": 1000 + number, "mtime_ns": 10**18, "title": title,
        "artist": artist, "album": album, "album_artist": "", "search_text": search_key(artist, title),
        "duration_s": 200.0, "added": ADDED, "content_hash": f"{number:040}", "file_genres": [],
    }  # fmt: skip


@pytest.fixture(scope="module")
def large(ingested: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A player of a library with thousands of songs more, which are rows alone."""
    with serving(ingested.clone(tmp_path_factory.mktemp("large"))) as service:
        with service.state.catalog.transaction() as session:
            root = session.get_one(Track, 1).root_id
            session.execute(insert(Track), [{"root_id": root, **row(number)} for number in range(MORE)])
        yield Player(service)


def test_all_that_is_asked_for_is_in_one_answer(large: Player) -> None:
    found = large.ask("search3", query="", songCount=20_000, albumCount=20_000, artistCount=20_000)
    assert len({song["id"] for song in found["song"]}) == len(found["song"]) == MORE + len(SONGS)
    assert len({album["id"] for album in found["album"]}) >= MORE // 2
    albums = large.ask("getAlbumList2", type="alphabeticalByName", size=10_000)["album"]
    assert len(albums) == len(found["album"])
    assert len(large.ask("getAlbumList", type="newest", size=5200)["album"]) == 5200
    assert len(large.ask("getRandomSongs", size=10_000)["song"]) == 10_000
    page = large.ask("search3", query="", songCount=6000, songOffset=5000)["song"]
    assert [song["id"] for song in page] == [song["id"] for song in found["song"]][5000:11_000]


def test_the_same_in_xml(large: Player) -> None:
    answer = large.get("search3", query="", songCount=20_000, albumCount=0, artistCount=0)
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    whole = ElementTree.fromstring(answer.content)
    songs = whole.findall(f"{{{NAMESPACE}}}searchResult3/{{{NAMESPACE}}}song")
    assert len(songs) == MORE + len(SONGS)
    assert songs[-1].get("title") == f"Song {MORE - 1}"


def test_a_long_answer_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred megabytes, of which no more than some are there at a time."""
    monkeypatch.setattr(envelope, "IN_MEMORY", 2**20)
    part = [{"id": str(n), "title": "x" * 1000} for n in range(500)]
    tracemalloc.start()
    response = answered({"songs": {"song": Many(lambda: (part for _ in range(200)))}}, "json")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    response.spool.close()  # type: ignore[attr-defined]
    assert int(response.headers["Content-Length"]) > 10**8
    assert most < 10**7


@pytest.mark.parametrize(
    "parts", [[], [[]], [[{"id": "1"}]], [[], [{"id": "1"}, {"id": "2"}], [], [{"id": "3"}]]]
)
def test_parts_are_one_list(parts: list[list[dict[str, str]]]) -> None:
    whole = [one for part in parts for one in part]
    body = answered({"x": {"y": Many(lambda: parts), "n": 1}}, "json").body
    assert json.loads(body)["subsonic-response"]["x"] == {"y": whole, "n": 1}
    for content in ({"x": {"y": Many(lambda: parts)}}, {"x": {"y": whole}}):
        written = ElementTree.fromstring(answered(content, "xml").body)
        assert [one.get("id") for one in written.iter(f"{{{NAMESPACE}}}y")] == [one["id"] for one in whole]


def test_a_track_says_when_it_was_added(large: Player) -> None:
    [song] = large.ask("search3", query="Song 4711", songCount=1)["song"]
    assert song["created"] == "2024-05-06T07:08:09Z"
    assert large.ask("getAlbum", id=song["albumId"])["created"] == "2024-05-06T07:08:09Z"


def test_what_is_searched_for_comes_first(large: Player) -> None:
    found = large.ask("search3", query="album 12", albumCount=3, artistCount=0)
    assert [album["name"] for album in found["album"]][:1] == ["Album 12"]
    found = large.ask("search3", query="artist 7", artistCount=2)
    assert [artist["name"] for artist in found["artist"]] == ["Artist 7", "Artist 70"]
    assert large.ask("search3", query="song 99", songCount=1)["song"][0]["title"] == "Song 99"


def test_artists_are_those_of_albums(mine: Player) -> None:
    with mine.service.state.catalog.transaction() as session:
        track = session.get_one(Track, int(mine.songs()["Iota"]))
        track.artist, track.album_artist, track.album = "Guest", "Host", "Evening"
    names = {artist["name"] for index in mine.ask("getArtists")["index"] for artist in index["artist"]}
    assert "Host" in names
    assert "Guest" not in names
    song = mine.ask("getSong", id=mine.songs()["Iota"])
    assert mine.ask("getArtist", id=song["artistId"])["name"] == "Guest"
    assert [one["name"] for one in mine.ask("search3", query="Guest")["artist"]] == ["Guest"]
    body = mine.service.client.get("/rest/getIndexes?f=json").json()
    assert "Guest" not in str(checked("getIndexes", body))
