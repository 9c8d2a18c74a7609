"""What servers answer that speak Subsonic in their own way, or not at all: errors are one line, always."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from recommender.connections import params
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.http_client import Patience
from recommender.connections.remotes.subsonic import SubsonicServer
from recommender.connections.taking import read_songs
from tests.recommender.connections.remotes.test_http_client import fails, serving

QUICK = Patience(20.0, 1, 0.0)
Answer = Callable[[str, dict[str, str]], Any]


def ok(**more: Any) -> Any:
    return {"subsonic-response": {"status": "ok", "version": "1.16.1", **more}}


def failed(code: Any, message: Any = "no") -> Any:
    return {"subsonic-response": {"status": "failed", "error": {"code": code, "message": message}}}


def asking(answer: Answer, act: Callable[[SubsonicServer], Any], user: str = "ann") -> Any:
    """Return what an act finds at a server that answers calls as the test says."""

    def reply(path: str) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(path)
        call = parts.path.removeprefix("/rest/").removesuffix(".view")
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return 200, {}, answer(call, asked)

    with serving(reply) as (url, _):
        return act(SubsonicServer(url, Credentials(user, "pw", plain=True), QUICK))


def songs_of(server: SubsonicServer) -> list[str]:
    return [song.id for song in read_songs(server)]


def listed(*ids: Any) -> Any:
    return ok(searchResult3={"song": [{"id": one, "title": f"Song {one}"} for one in ids]})


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "PAGE", 2)


def of_albums(call: str, asked: dict[str, str]) -> Any:
    """Answer as a server with two albums, of which one was deleted after it was listed."""
    if call == "getAlbumList2":
        albums = [{"id": "al-1"}, {"id": "al-2"}] if asked["offset"] == "0" else []
        return ok(albumList2={"album": albums})
    if asked["id"] == "al-1":
        return failed(70)
    return ok(album={"song": [{"id": "a"}, {"id": "b"}, {"id": "c"}]})


@pytest.mark.parametrize("search", [ok(), ok(searchResult3={}), failed(10), failed("0"), failed(70)])
def test_where_a_search_for_nothing_finds_nothing_albums_are_asked_for(search: Any) -> None:
    assert asking(lambda call, asked: search if call == "search3" else of_albums(call, asked), songs_of) == [
        "a",
        "b",
        "c",
    ]


def test_a_search_that_always_begins_at_its_beginning_is_completed_by_albums() -> None:
    found = asking(
        lambda call, asked: listed("a", "b") if call == "search3" else of_albums(call, asked), songs_of
    )
    assert found == ["a", "b", "c"]


def test_a_search_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "MOST_SONGS", 50)

    def answer(call: str, asked: dict[str, str]) -> Any:
        start = int(asked["songOffset"])
        return listed(start, start + 1)

    assert "no end" in fails(lambda: asking(answer, songs_of))


def test_ids_and_fields_may_be_anything() -> None:
    odd = [
        {"id": 7, "title": None, "artist": ["x"], "duration": "215", "playCount": "3", "userRating": 9},
        {"id": "a/b c?d=é&", "title": 12, "duration": -1, "playCount": None, "played": "yesterday"},
        {"id": "\ud83d", "title": "\0x", "duration": 1e400, "playCount": 1.5e30, "starred": True},
        {"title": "without an id"},
        {"id": {"x": 1}},
        {"id": "folder", "isDir": True},
        "text",
        None,
    ]

    def answer(call: str, asked: dict[str, str]) -> Any:
        if call == "getAlbumList2" or asked["songOffset"] != "0":
            return ok()
        return json.dumps(ok(searchResult3={"song": odd})).encode()

    songs = {song.id: song for song in asking(answer, read_songs)}
    assert list(songs) == ["7", "a/b c?d=é&", "?"]
    seven = songs["7"]
    assert (seven.title, seven.artist, seven.duration_s) == ("", "", 215.0)
    assert (seven.state.plays, seven.state.rating) == (3, 5)
    assert songs["?"].state.starred is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>", "answers no JSON"),
        (b'{"subsonic-response": {"sta', "cuts its answer off"),
        ([], "no Subsonic server"),
        ({"subsonic-response": []}, "no Subsonic server"),
        ({"subsonic-response": {}}, "error 0"),
        (failed(40, "x\ny"), "refuses the user"),
        (failed("40"), "refuses the user"),
        (failed(30, "too\nold <b>" + "!" * 9999), "says: too old <b>!"),
        (failed(60, None), "error 60"),
        ({"subsonic-response": {"status": "failed", "error": "text"}}, "error 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(answer: Any, words: str) -> None:
    said = fails(lambda: asking(lambda call, asked: answer, lambda server: server.check()))
    assert words in said
    assert len(said) < 400


def test_lists_that_may_not_be_changed_are_not_ours() -> None:
    named = [
        {"id": 1, "name": "Mine", "owner": "Ann"},
        {"id": 2, "name": "Theirs", "owner": "bob", "public": True},
        {"id": 3, "name": "Clever", "owner": "ann", "readonly": True},
        {"id": 4, "name": "Nobody's"},
        {"name": "without an id"},
    ]
    found = asking(lambda call, asked: ok(playlists={"playlist": named}), lambda server: server.playlists())
    assert [(one.id, one.mine) for one in found] == [("1", True), ("2", False), ("3", False), ("4", True)]
    assert asking(lambda call, asked: ok(playlists=None), lambda server: server.playlists()) == []
