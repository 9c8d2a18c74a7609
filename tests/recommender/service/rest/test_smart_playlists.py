"""Playlists that keep themselves up to date, over REST and as players see them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from db.models import Track
from db.values import utc_now
from recommender.service import fresh_playlists
from tests.databases import KINDS
from tests.recommender.service.conftest import Service
from tests.recommender.service.subsonic.player import Player

UNPLAYED = {"list": "songs", "n": 100, "unplayed": True, "sort": "path"}


def ask(service: Service, method: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = service.client.request(method, path, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def made(service: Service, rules: dict[str, Any], status: int = 201, name: str = "Mine") -> Any:
    return ask(service, "POST", "/api/playlists", status, json={"name": name, "rules": rules})


def ids(playlist: Any) -> list[int]:
    return [track["track_id"] for track in playlist["tracks"]]


def every(service: Service) -> list[int]:
    return [track["track_id"] for track in service.get("/api/tracks?limit=100&sort=path")["tracks"]]


@pytest.mark.databases(*KINDS)
def test_one_is_filled_now_and_when_something_was_played(own: Service) -> None:
    there = every(own)
    first = made(own, UNPLAYED)
    at = f"/api/playlists/{first['playlist_id']}"
    assert ids(first) == there
    assert first["rules"] == {"list": "songs", "n": 100, "max_plays": 0, "sort": "path"}
    assert first["problem"] is None and first["filled"]
    assert first["rules_in_words"] == ["all songs", "never played", "by folder", "100 songs at most"]
    assert own.get(at) == first  # nothing was played: it is not touched
    ask(own, "POST", f"/api/tracks/{there[0]}/plays")
    [listed] = own.get("/api/playlists")["playlists"]
    assert (listed["songs"], listed["changed"] > first["changed"]) == (len(there) - 1, True)
    assert ids(own.get(at)) == there[1:]
    ask(own, "POST", f"/api/tracks/{there[1]}/plays")
    player = Player(own)
    shown = player.ask("getPlaylist", id=f"pl-{first['playlist_id']}")
    assert [int(song["id"]) for song in shown["entry"]] == there[2:]
    ask(own, "POST", f"/api/tracks/{there[2]}/plays")
    [shown] = player.ask("getPlaylists")["playlist"]
    assert shown["songCount"] == len(there) - 3


def test_a_player_changes_its_name_but_not_its_songs(own: Service) -> None:
    first = made(own, UNPLAYED)
    player, known = Player(own), f"pl-{first['playlist_id']}"
    song = str(ids(first)[0])
    for wrong in (
        {"endpoint": "updatePlaylist", "songIdToAdd": song, "name": "other"},
        {"endpoint": "updatePlaylist", "songIndexToRemove": "0"},
        {"endpoint": "createPlaylist", "songId": song},
    ):
        endpoint = wrong.pop("endpoint")
        assert player.fail(endpoint, playlistId=known, **wrong) == 50
    assert own.get(f"/api/playlists/{first['playlist_id']}") == first
    player.ask("updatePlaylist", playlistId=known, name="New name", comment="c")
    renamed = own.get(f"/api/playlists/{first['playlist_id']}")
    assert (renamed["name"], renamed["comment"], renamed["rules"]) == ("New name", "c", first["rules"])
    player.ask("deletePlaylist", id=known)
    assert own.get("/api/playlists")["playlists"] == []


def test_it_is_frozen_and_kept_again(own: Service) -> None:
    first = made(own, UNPLAYED)
    at = f"/api/playlists/{first['playlist_id']}"
    some = ids(first)[:2]
    assert "freeze it first" in ask(own, "PUT", at, 409, json={"track_ids": some})["detail"]
    frozen = ask(own, "PUT", at, json={"rules": None, "track_ids": some})
    assert (ids(frozen), frozen["rules"], frozen["rules_in_words"]) == (some, None, None)
    ask(own, "POST", f"/api/tracks/{some[0]}/plays")
    assert ids(own.get(at)) == some
    seed = own.id_of("rock/beta.flac")
    again = ask(own, "PUT", at, json={"rules": {"list": "similar", "like": [seed], "n": 3}})
    assert ids(again) == [one["track_id"] for one in own.get(f"/api/tracks/{seed}/similar?n=3")["results"]]
    assert again["rules_in_words"] == ["like Ann Arbor - Beta Motion", "3 songs at most"]
    ask(own, "PUT", at, 422, json={"rules": {"list": "similar", "playlist": first["playlist_id"]}})
    ask(own, "PUT", "/api/playlists/99", 404, json={"rules": UNPLAYED})


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ({"list": "similar"}, 422),
        ({"list": "similar", "like": [99999]}, 404),
        ({"list": "find", "words": "zzzz"}, 422),
        ({"list": "discover"}, 404),
        ({"list": "songs", "genre": ["no such"]}, 422),
        ({"list": "all"}, 422),
        ({"list": "songs", "loud": True}, 422),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_made_is_refused_and_makes_nothing(own: Service, rules: Any, status: int) -> None:
    made(own, rules, status)
    assert own.get("/api/playlists")["playlists"] == []


def test_what_can_be_made_no_more_stays_as_it_was_and_says_why(own: Service) -> None:
    played = every(own)[0]
    ask(own, "POST", f"/api/tracks/{played}/plays")
    first = made(own, {"list": "discover", "n": 4})
    assert len(ids(first)) == 4 and played not in ids(first)
    with own.state.change() as session:
        session.execute(update(Track).values(plays=0))
    again = own.get(f"/api/playlists/{first['playlist_id']}")
    assert ids(again) == ids(first)
    assert "no song has been played" in again["problem"]


def test_days_are_counted_back_from_the_day_on_which_it_is_filled(own: Service) -> None:
    there = every(own)
    for track_id in there[:2]:
        ask(own, "POST", f"/api/tracks/{track_id}/plays")
    first = made(own, {"list": "songs", "n": 100, "sort": "path", "not_played_days": 30})
    assert ids(first) == there[2:]
    assert "not played for 30 days" in first["rules_in_words"]
    with own.state.change() as session:
        long_ago = utc_now() - timedelta(days=31)
        session.execute(update(Track).where(Track.id == there[0]).values(last_played=long_ago))
    assert ids(own.get(f"/api/playlists/{first['playlist_id']}")) == [there[0], *there[2:]]
    made(own, {"list": "songs", "not_played_days": 0}, 422)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many playlists were filled, each time that it was looked whether any is out of date."""
    counts: list[int] = []
    refresh = fresh_playlists.refresh

    def counting(*asked: Any, **more: Any) -> Any:
        done = refresh(*asked, **more)
        counts.append(len(done))
        return done

    monkeypatch.setattr(fresh_playlists, "refresh", counting)
    yield counts


def test_none_is_filled_without_need(own: Service, counted: list[int]) -> None:
    seed = own.id_of("rock/beta.flac")
    like, unplayed = made(own, {"list": "similar", "like": [seed]}), made(own, UNPLAYED)
    for path in ("/api/playlists", f"/api/playlists/{like['playlist_id']}"):
        own.get(path)
    ask(own, "POST", f"/api/tracks/{seed}/plays")
    own.get(f"/api/playlists/{like['playlist_id']}")  # plays are nothing to it
    own.client.get(f"/api/playlists/{unplayed['playlist_id']}.m3u8")
    own.get("/api/playlists")
    assert counted == [0, 0, 0, 1, 0]
