"""OpenSubsonic: queues, bookmarks, and what is being played."""

from datetime import timedelta
from typing import Any

import pytest

from db.values import utc_now
from tests.recommender.service.subsonic.player import Player
from tests.waiting import until


def test_a_queue_goes_from_one_player_to_the_next(mine: Player) -> None:
    songs = mine.songs()
    iota, zeta = songs["Iota"], songs["Zeta"]
    assert mine.service.client.get("/rest/getPlayQueue?f=json").json()["subsonic-response"]["status"] == "ok"
    mine.ask("savePlayQueue", id=[iota, zeta], current=zeta, position=61_000, c="phone", u="ann", p="x")
    found = mine.ask("getPlayQueue", c="box", u="ann", p="x")
    assert [song["id"] for song in found["entry"]] == [iota, zeta]
    assert (found["current"], found["position"]) == (zeta, 61_000)
    assert (found["changedBy"], found["username"]) == ("phone", "ann")
    by_index = mine.ask("getPlayQueueByIndex", u="ann", p="x")
    assert (by_index["currentIndex"], by_index["entry"]) == (1, found["entry"])
    assert "playQueue" not in mine.body("getPlayQueue", u="bob", p="x")["subsonic-response"]


def test_a_queue_by_places_may_hold_a_song_twice(mine: Player) -> None:
    iota = mine.songs()["Iota"]
    mine.ask("savePlayQueueByIndex", id=[iota, iota, iota], currentIndex=2)
    found = mine.ask("getPlayQueueByIndex")
    assert (found["currentIndex"], found["position"], len(found["entry"])) == (2, 0, 3)
    mine.ask("savePlayQueueByIndex")
    assert "playQueueByIndex" not in mine.body("getPlayQueueByIndex")["subsonic-response"]


@pytest.mark.parametrize(
    ("endpoint", "asked", "code"),
    [
        ("savePlayQueueByIndex", {"ids": 2}, 10),
        ("savePlayQueueByIndex", {"ids": 2, "currentIndex": 2}, 10),
        ("savePlayQueueByIndex", {"ids": 2, "currentIndex": -1}, 10),
        ("savePlayQueueByIndex", {"currentIndex": 0}, 10),
        ("savePlayQueue", {"ids": 2, "current": "4711"}, 0),
        ("savePlayQueue", {"id": "4711"}, 70),
        ("createBookmark", {"id": "4711", "position": 1}, 70),
        ("createBookmark", {"ids": 1}, 10),
        ("deleteBookmark", {"id": "4711"}, 70),
        ("getAlbumInfo2", {"id": "al-4711"}, 70),
        ("getAlbumInfo", {"id": "4711"}, 70),
        ("getLyricsBySongId", {"id": "4711"}, 70),
        ("scrobble", {"id": "4711", "submission": "false"}, 70),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_said(mine: Player, endpoint: str, asked: dict[str, Any], code: int) -> None:
    asked = dict(asked)
    if n := asked.pop("ids", 0):
        asked["id"] = list(mine.songs().values())[:n]
    assert mine.fail(endpoint, **asked) == code


def test_bookmarks_are_kept(mine: Player) -> None:
    songs = mine.songs()
    mine.ask("createBookmark", id=songs["Iota"], position=5000, comment="here", u="ann", p="x")
    mine.ask("createBookmark", id=songs["Iota"], position=6000, u="ann", p="x")
    [mark] = mine.ask("getBookmarks", u="ann", p="x")["bookmark"]
    assert (mark["entry"]["id"], mark["position"], mark["username"]) == (songs["Iota"], 6000, "ann")
    mine.ask("deleteBookmark", id=songs["Iota"], u="ann", p="x")
    assert mine.ask("getBookmarks", u="ann", p="x")["bookmark"] == []


def entries(player: Player) -> list[tuple[str, str, str]]:
    found = player.ask("getNowPlaying")["entry"]
    return [(one["title"], one["username"], one["playerName"]) for one in found]


def test_what_is_being_played(mine: Player) -> None:
    songs = mine.songs()
    assert entries(mine) == []
    mine.ask("scrobble", id=songs["Iota"], submission="false", u="ann", p="x", c="box")
    assert entries(mine) == [("Iota", "ann", "box")]
    assert mine.ask("getSong", id=songs["Iota"])["playCount"] == 0
    [entry] = mine.ask("getNowPlaying")["entry"]
    assert (entry["minutesAgo"], entry["playerId"]) == (0, 0)


def test_what_a_player_reports_is_shown_and_becomes_a_play(
    mine: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = mine.ask("getSong", id=mine.songs()["Iota"])
    who = {"u": "ann", "p": "x", "c": "box", "mediaId": song["id"], "mediaType": "song"}
    names = [one["name"] for one in mine.ask("getOpenSubsonicExtensions")]
    assert "playbackReport" in names
    mine.ask("reportPlayback", **who, positionMs=0, state="playing", playbackRate="0.5")
    [entry] = mine.ask("getNowPlaying")["entry"]
    assert (entry["id"], entry["state"], entry["playbackRate"]) == (song["id"], "playing", 0.5)
    assert 0 <= entry["positionMs"] <= 36_000
    later = utc_now() + timedelta(seconds=60)
    monkeypatch.setattr("db.listening.now_playing.utc_now", lambda: later)
    mine.ask("reportPlayback", **who, positionMs=30_000, state="paused", ignoreScrobble="true")
    assert mine.ask("getSong", id=song["id"])["playCount"] == 0
    mine.ask("reportPlayback", **who, positionMs=30_000, state="stopped")
    assert mine.ask("getSong", id=song["id"])["playCount"] == 1
    assert mine.ask("getNowPlaying")["entry"] == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"state": "humming"}, 0),
        ({"mediaType": "film"}, 0),
        ({"mediaType": "podcast"}, 70),
        ({"mediaId": "4711"}, 70),
        ({"positionMs": "-1"}, 0),
        ({"positionMs": "soon"}, 0),
        ({"playbackRate": "nan"}, 0),
        ({"playbackRate": "0"}, 0),
        ({"state": ""}, 0),
    ],
    ids=str,
)
def test_reports_that_say_nothing(player: Player, wrong: dict[str, str], code: int) -> None:
    said = {"mediaId": player.songs()["Iota"], "mediaType": "song", "positionMs": "1", "state": "playing"}
    assert player.fail("reportPlayback", u="ann", p="x", **(said | wrong)) == code


def test_a_song_that_is_sent_is_being_played(mine: Player) -> None:
    songs = mine.songs()
    client = mine.service.client
    client.head("/rest/stream", params={"id": songs["Zeta"], "c": "box"})
    client.get("/rest/stream", params={"id": songs["Zeta"], "c": "box"}, headers={"Range": "bytes=100-"})
    mine.get("download", id=songs["Zeta"], c="box")
    mine.get("stream", id=songs["Iota"], c="box", u="ann", p="x")
    until(lambda: bool(entries(mine)))
    assert entries(mine) == [("Iota", "ann", "box")]
